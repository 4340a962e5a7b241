//! Counters of failed attempts, shared by all nodes: sign-ins, set-up codes, guesses at keys.

use crate::{
    error::StoreError,
    sql::{Querier, Record as _, args, first, record},
    tx::Tx,
};
use holdfast_domain::{Seconds, Timestamp};

record! {
    /// How often something happened within the current window.
    pub struct ThrottleRow in "throttles" {
        /// What is counted, and of whom: `login:address`, …. Callers hash what is personal.
        pub subject: String,
        /// When the window began.
        pub window_began_at: Timestamp,
        /// How often it happened since.
        pub hits: i64,
    }
}

/// Counts one more and returns how often it has happened within the window of `span` that is running.
pub async fn hit(tx: &mut Tx, subject: &str, span: Seconds, now: Timestamp) -> Result<i64, StoreError> {
    let sql = "INSERT INTO throttles (subject, window_began_at, hits) VALUES ($1, $2, 1)
        ON CONFLICT (subject) DO UPDATE SET
            hits = CASE WHEN throttles.window_began_at <= $3 THEN 1 ELSE throttles.hits + 1 END,
            window_began_at = CASE WHEN throttles.window_began_at <= $3 THEN $2 ELSE throttles.window_began_at END
        RETURNING hits";
    let begun_before = now.plus(Seconds(-span.0));
    let rows = tx.rows(sql.into(), args![subject, now, begun_before]).await?;
    rows.first().map_or(Ok(1), |row| row.get(0))
}

/// The counter of `subject`, if its window of `span` is still running.
pub async fn get(
    q: &mut dyn Querier,
    subject: &str,
    span: Seconds,
    now: Timestamp,
) -> Result<Option<ThrottleRow>, StoreError> {
    let sql = format!("SELECT {} FROM throttles WHERE subject = $1 AND window_began_at > $2", ThrottleRow::COLUMNS);
    first(q, sql, args![subject, now.plus(Seconds(-span.0))]).await
}

/// Forgets the counter of `subject`: it succeeded.
pub async fn clear(tx: &mut Tx, subject: &str) -> Result<(), StoreError> {
    tx.rows("DELETE FROM throttles WHERE subject = $1".into(), args![subject]).await.map(|_| ())
}

/// Removes counters whose window began before `before`. Returns how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM throttles WHERE window_began_at < $1 RETURNING 1";
    Ok(tx.rows(sql.into(), args![before]).await?.len() as u64)
}
