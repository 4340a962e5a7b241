//! Idempotency keys: the first answer again, kept in the transaction of the act (HTTP API, "Idempotency-Key").

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, args},
    tx::Tx,
};
use holdfast_domain::Timestamp;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: do it, then [`remember`] the answer in the same job.
    New,
    /// It was done with the same body: this was the answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// It was used with another body.
    Mismatch,
}

/// Looks `key` of `actor` (a token's or member's id) up, as the first thing in the job that does the act.
pub async fn look_up(
    q: &mut dyn Querier,
    scope: Scope,
    actor: &str,
    key: &str,
    body_hash: [u8; 32],
    not_before: Timestamp,
) -> Result<Known, StoreError> {
    let sql = "SELECT body_hash, status, body FROM idempotency
        WHERE actor = $1 AND key = $2 AND vendor = $3 AND created_at >= $4";
    let rows = q.rows(sql.into(), args![actor, key, scope.vendor(), not_before]).await?;
    let Some(row) = rows.first() else { return Ok(Known::New) };
    if row.get::<[u8; 32]>(0)? != body_hash {
        return Ok(Known::Mismatch);
    }
    let status = u16::try_from(row.get::<i64>(1)?).map_err(|_| StoreError::corrupt("status", ""))?;
    Ok(Known::Answered { status, body: row.get(2)? })
}

/// An answer to be kept.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// A token's or member's id.
    pub actor: &'a str,
    /// The request's key.
    pub key: &'a str,
    /// SHA-256 of the request (method, path and body).
    pub body_hash: [u8; 32],
    /// The HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: &'a str,
}

/// Keeps the answer, as the last thing in the job that does the act; one that is older than `expired_before` makes way.
/// Where another request with the same key is committing at the same moment, this fails with
/// [`crate::Constraint::IdempotencyKey`] and rolls the act back: look the key up again.
pub async fn remember(
    tx: &mut Tx,
    scope: Scope,
    answer: &Answer<'_>,
    expired_before: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let a = answer;
    let sql = "DELETE FROM idempotency WHERE actor = $1 AND key = $2 AND created_at < $3";
    tx.rows(sql.into(), args![a.actor, a.key, expired_before]).await?;
    let sql = "INSERT INTO idempotency (actor, key, vendor, body_hash, status, body, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args = args![a.actor, a.key, scope.vendor(), a.body_hash, i64::from(a.status), a.body, now];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// Removes answers from before `before`. Returns how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM idempotency WHERE created_at < $1 RETURNING 1";
    Ok(tx.rows(sql.into(), args![before]).await?.len() as u64)
}
