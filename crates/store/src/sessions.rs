//! Browser sessions: found by the hash of their id, which the database never holds itself.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, ToArg, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{MemberId, Timestamp, VendorId};

record! {
    /// A session.
    pub struct SessionRow in "sessions" {
        /// SHA-256 of the id in the cookie.
        pub id_hash: [u8; 32],
        /// Whose data the session may see; absent before signing in.
        pub vendor: Option<VendorId>,
        /// Who signed in; absent before.
        pub member: Option<MemberId>,
        /// When it began.
        pub created_at: Timestamp,
        /// When it was last used, to the minute.
        pub last_seen_at: Timestamp,
        /// When it ends unless it is used.
        pub idle_expires_at: Timestamp,
        /// When it ends in any case.
        pub expires_at: Timestamp,
        /// Whatever the web layer keeps, as JSON.
        pub data: String,
    }
}

impl SessionRow {
    /// The data of the vendor whose member signed in.
    pub fn scope(&self) -> Option<Scope> {
        self.vendor.map(Scope::of)
    }
}

/// Begins a session. False where the id is taken, so that the caller draws another.
pub async fn insert(tx: &mut Tx, session: &SessionRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO sessions ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1",
        bare(SessionRow::COLUMNS, "sessions")
    );
    let s = session;
    let args =
        args![s.id_hash, s.vendor, s.member, s.created_at, s.last_seen_at, s.idle_expires_at, s.expires_at, s.data];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// The session of that hash, unless it has ended.
pub async fn get(q: &mut dyn Querier, id_hash: [u8; 32], now: Timestamp) -> Result<Option<SessionRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM sessions WHERE id_hash = $1 AND idle_expires_at > $2 AND expires_at > $2",
        SessionRow::COLUMNS
    );
    first(q, sql, args![id_hash, now]).await
}

/// Which of these sessions have not ended; at most a few thousand.
pub async fn living(q: &mut dyn Querier, id_hashes: &[[u8; 32]], now: Timestamp) -> Result<Vec<[u8; 32]>, StoreError> {
    let mut args = args![now];
    let among = q.dialect().any_of("id_hash", id_hashes.iter().map(ToArg::arg), &mut args);
    let sql = format!("SELECT id_hash FROM sessions WHERE idle_expires_at > $1 AND expires_at > $1 AND {among}");
    q.rows(sql.into(), args).await?.iter().map(|row| row.get(0)).collect()
}

/// Saves a session that still exists; never brings back one that was ended meanwhile. False where it is gone.
pub async fn save(tx: &mut Tx, session: &SessionRow) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET vendor = $2, member = $3, last_seen_at = $4, idle_expires_at = $5, expires_at = $6,
        data = $7 WHERE id_hash = $1 RETURNING 1";
    let s = session;
    let args = args![s.id_hash, s.vendor, s.member, s.last_seen_at, s.idle_expires_at, s.expires_at, s.data];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Notes that the session was used. False where it is gone.
pub async fn touch(
    tx: &mut Tx,
    id_hash: [u8; 32],
    last_seen: Timestamp,
    idle_expires: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET last_seen_at = $2, idle_expires_at = $3 WHERE id_hash = $1 AND last_seen_at <= $2
        RETURNING 1";
    Ok(!tx.rows(sql.into(), args![id_hash, last_seen, idle_expires]).await?.is_empty())
}

/// Ends a session.
pub async fn end(tx: &mut Tx, id_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.rows("DELETE FROM sessions WHERE id_hash = $1".into(), args![id_hash]).await.map(|_| ())
}

/// Ends all sessions of a member but the one of `keep`, and what of a sign-in is half done. Returns how many sessions.
pub async fn end_of_member(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    keep: Option<[u8; 32]>,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM half_sign_ins WHERE vendor = $1 AND member = $2";
    tx.rows(sql.into(), args![scope.vendor(), member]).await?;
    let sql = "DELETE FROM sessions WHERE vendor = $1 AND member = $2 AND ($3 IS NULL OR id_hash <> $3) RETURNING 1";
    Ok(tx.rows(sql.into(), args![scope.vendor(), member, keep]).await?.len() as u64)
}

/// The running sessions of a member, the newest first.
pub async fn of_member(
    q: &mut dyn Querier,
    scope: Scope,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<SessionRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM sessions WHERE vendor = $1 AND member = $2 AND idle_expires_at > $3 AND expires_at > $3
         ORDER BY created_at DESC LIMIT 200",
        SessionRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), member, now]).await
}

/// Removes sessions that have ended. Returns how many.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM sessions WHERE idle_expires_at <= $1 OR expires_at <= $1 RETURNING 1";
    Ok(tx.rows(sql.into(), args![now]).await?.len() as u64)
}
