//! First set-up: a one-time code that the server prints to its log.

use crate::{
    error::StoreError,
    sql::{Querier, args},
    tx::Tx,
};
use holdfast_domain::Timestamp;

/// Whether the database is unused: no vendor exists.
pub async fn is_unused(q: &mut dyn Querier) -> Result<bool, StoreError> {
    Ok(q.rows("SELECT id FROM vendors LIMIT 1".into(), Vec::new()).await?.is_empty())
}

/// Stores the SHA-256 of a new set-up code in place of any earlier one, while the database is unused. False where it is
/// used already.
pub async fn put_code(tx: &mut Tx, code_hash: [u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    if !is_unused(tx).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO setup (id, code_hash, created_at, used_at) VALUES (1, $1, $2, NULL)
        ON CONFLICT (id) DO UPDATE SET code_hash = excluded.code_hash, created_at = excluded.created_at
        WHERE setup.used_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![code_hash, now]).await?.is_empty())
}

/// Whether `code_hash` is that of the unused code. Does not consume it.
pub async fn code_fits(q: &mut dyn Querier, code_hash: [u8; 32]) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM setup WHERE code_hash = $1 AND used_at IS NULL";
    Ok(!q.rows(sql.into(), args![code_hash]).await?.is_empty())
}

/// Consumes the code, if it is that of `code_hash` and unused. Of two at once, one gets true.
pub async fn take_code(tx: &mut Tx, code_hash: [u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE setup SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![code_hash, now]).await?.is_empty())
}

/// Makes any code unusable and claims the one set-up for the caller: for a bootstrap on the command line. False where the
/// database was set up already; of two at once, one gets true.
pub async fn claim(tx: &mut Tx, now: Timestamp) -> Result<bool, StoreError> {
    if !is_unused(tx).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO setup (id, code_hash, created_at, used_at) VALUES (1, $1, $2, $2)
        ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at WHERE setup.used_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![[0u8; 32], now]).await?.is_empty())
}
