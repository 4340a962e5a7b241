//! Leases on background work: whoever holds the row does the job, and a fencing token tells late-comers off.

use crate::{
    error::StoreError,
    sql::{Querier, args},
    tx::Tx,
};
use holdfast_domain::{Seconds, Timestamp};

/// Takes or prolongs the lease on `job` for `holder` (a node's name) until `span` from `now`. Returns the fencing token,
/// which grows whenever the holder changes; `None` while somebody else holds it.
pub async fn acquire(
    tx: &mut Tx,
    job: &str,
    holder: &str,
    span: Seconds,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO job_leases (name, holder, token, expires_at) VALUES ($1, $2, 1, $3)
        ON CONFLICT (name) DO UPDATE SET
            token = CASE WHEN job_leases.holder = excluded.holder AND job_leases.expires_at > $4
                THEN job_leases.token ELSE job_leases.token + 1 END,
            holder = excluded.holder, expires_at = excluded.expires_at
        WHERE job_leases.holder = excluded.holder OR job_leases.expires_at <= $4
        RETURNING token";
    let rows = tx.rows(sql.into(), args![job, holder, now.plus(span), now]).await?;
    rows.first().map(|row| row.get(0)).transpose()
}

/// Whether somebody else than `holder` holds the lease on `job`: to ask without writing, before [`acquire`].
pub async fn held_by_another(q: &mut dyn Querier, job: &str, holder: &str, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT token FROM job_leases WHERE name = $1 AND holder <> $2 AND expires_at > $3";
    Ok(!q.rows(sql.into(), args![job, holder, now]).await?.is_empty())
}

/// Whether `token` is still the current one: checked in the very job that writes what the work led to.
pub async fn still_holds(q: &mut dyn Querier, job: &str, token: i64) -> Result<bool, StoreError> {
    let lock = q.dialect().lock_rows();
    let sql = format!("SELECT token FROM job_leases WHERE name = $1 AND token = $2{lock}");
    Ok(!q.rows(sql.into(), args![job, token]).await?.is_empty())
}

/// Gives a lease back.
pub async fn release(tx: &mut Tx, job: &str, holder: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE job_leases SET expires_at = $3 WHERE name = $1 AND holder = $2";
    tx.rows(sql.into(), args![job, holder, now]).await.map(|_| ())
}

/// Notes that the work was done, by whoever holds `token`, and gives the lease back: it is nobody's until it is due again.
/// False where somebody else has taken it meanwhile.
pub async fn finish(tx: &mut Tx, job: &str, token: i64, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE job_leases SET succeeded_at = $3, expires_at = $3 WHERE name = $1 AND token = $2 RETURNING name";
    Ok(!tx.rows(sql.into(), args![job, token, now]).await?.is_empty())
}

/// When each job was last done, by its name; at most a thousand.
pub async fn done(q: &mut dyn Querier) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let sql = "SELECT name, succeeded_at FROM job_leases WHERE succeeded_at IS NOT NULL ORDER BY name LIMIT 1000";
    let rows = q.rows(sql.into(), Vec::new()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
