//! Who is in the portal, and who has asked to come in: apart from members' sessions, so that neither can stand for the
//! other. Found by the hash of a secret that only the browser has.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, value},
    tx::Tx,
};
use holdfast_domain::{CustomerId, CustomerPersonId, Email, LicenseId, Timestamp, VendorId};

record! {
    /// A session of a person, or for the devices of one license.
    pub struct PortalSessionRow in "portal_sessions" {
        /// SHA-256 of the secret in the cookie.
        pub id_hash: [u8; 32],
        /// Whose customer it is.
        pub vendor: VendorId,
        /// The customer.
        pub customer: CustomerId,
        /// The person; absent where a license's key let somebody in.
        pub person: Option<CustomerPersonId>,
        /// The license whose key did.
        pub license: Option<LicenseId>,
        /// When it began.
        pub created_at: Timestamp,
        /// When it was last used, to the minute.
        pub last_seen_at: Timestamp,
        /// When it ends unless it is used.
        pub idle_expires_at: Timestamp,
        /// When it ends in any case.
        pub expires_at: Timestamp,
        /// From where they signed in.
        pub origin: String,
        /// With what, in plain words.
        pub browser: String,
    }
}

impl PortalSessionRow {
    /// The data of the vendor whose customer it is.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

record! {
    /// Somebody has asked for a code.
    pub struct PortalSignInRow in "portal_sign_ins" {
        /// SHA-256 of the secret in the cookie of the browser that asked.
        pub id_hash: [u8; 32],
        /// Whose portal.
        pub vendor: VendorId,
        /// The address that was typed, known or not.
        pub email: Email,
        /// The code's hash, salted with the browser's secret.
        pub code_hash: [u8; 32],
        /// How often a code was tried.
        pub tries: i64,
        /// Until when it can be used.
        pub expires_at: Timestamp,
        /// The license whose key was typed with the address, where one was and both belong together.
        pub license: Option<LicenseId>,
    }
}

impl PortalSignInRow {
    /// The data of the portal's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Begins a session of the scope's vendor; `session.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, session: &PortalSessionRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO portal_sessions ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        bare(PortalSessionRow::COLUMNS, "portal_sessions")
    );
    let s = session;
    let args = args![
        s.id_hash,
        scope.vendor(),
        s.customer,
        s.person,
        s.license,
        s.created_at,
        s.last_seen_at,
        s.idle_expires_at,
        s.expires_at,
        s.origin,
        s.browser
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The session of that hash, unless it has ended.
pub async fn get(
    q: &mut dyn Querier,
    id_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<PortalSessionRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM portal_sessions WHERE id_hash = $1 AND idle_expires_at > $2 AND expires_at > $2",
        PortalSessionRow::COLUMNS
    );
    first(q, sql, args![id_hash, now]).await
}

/// Notes that the session was used. Never brings back one that has ended.
pub async fn touch(
    tx: &mut Tx,
    id_hash: [u8; 32],
    last_seen: Timestamp,
    idle_expires: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        "UPDATE portal_sessions SET last_seen_at = $2, idle_expires_at = $3 WHERE id_hash = $1 AND last_seen_at <= $2";
    tx.rows(sql.into(), args![id_hash, last_seen, idle_expires]).await.map(|_| ())
}

/// Keeps what a computer without a network was answered through the session, in place of what was kept before.
pub async fn keep_answer(tx: &mut Tx, id_hash: [u8; 32], answer: &str) -> Result<(), StoreError> {
    let sql = "UPDATE portal_sessions SET answer = $2 WHERE id_hash = $1";
    tx.rows(sql.into(), args![id_hash, answer]).await.map(|_| ())
}

/// What was last kept so.
pub async fn answer(q: &mut dyn Querier, id_hash: [u8; 32]) -> Result<Option<String>, StoreError> {
    let sql = "SELECT answer FROM portal_sessions WHERE id_hash = $1 AND answer IS NOT NULL";
    value(q, sql, args![id_hash]).await
}

/// Ends a session.
pub async fn end(tx: &mut Tx, id_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.rows("DELETE FROM portal_sessions WHERE id_hash = $1".into(), args![id_hash]).await.map(|_| ())
}

/// Ends the sessions that a license's key let in: the key, or whose it is, has changed.
pub async fn end_of_license(tx: &mut Tx, scope: Scope, license: LicenseId) -> Result<(), StoreError> {
    let sql = "DELETE FROM portal_sessions WHERE vendor = $1 AND license = $2";
    tx.rows(sql.into(), args![scope.vendor(), license]).await.map(|_| ())
}

/// The running sessions of a person, the newest first.
pub async fn of_person(
    q: &mut dyn Querier,
    scope: Scope,
    person: CustomerPersonId,
    now: Timestamp,
) -> Result<Vec<PortalSessionRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM portal_sessions WHERE vendor = $1 AND person = $2 AND idle_expires_at > $3 AND expires_at > $3
         ORDER BY created_at DESC LIMIT 200",
        PortalSessionRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), person, now]).await
}

/// Notes that somebody has asked for a code. False where the hash is taken.
pub async fn ask(tx: &mut Tx, scope: Scope, asked: &PortalSignInRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO portal_sign_ins ({}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
        bare(PortalSignInRow::COLUMNS, "portal_sign_ins")
    );
    let a = asked;
    let args = args![a.id_hash, scope.vendor(), a.email, a.code_hash, a.tries, a.expires_at, a.license];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// What the browser of that hash has asked for, unless it has run out or was tried `most` times; counts one more try.
pub async fn attempt(
    tx: &mut Tx,
    id_hash: [u8; 32],
    most: i64,
    now: Timestamp,
) -> Result<Option<PortalSignInRow>, StoreError> {
    let sql = format!(
        "UPDATE portal_sign_ins SET tries = tries + 1 WHERE id_hash = $1 AND expires_at > $2 AND tries < $3 RETURNING {}",
        PortalSignInRow::COLUMNS
    );
    first(tx, sql, args![id_hash, now, most]).await
}

/// Uses up what a browser has asked for.
pub async fn take(tx: &mut Tx, id_hash: [u8; 32]) -> Result<(), StoreError> {
    tx.rows("DELETE FROM portal_sign_ins WHERE id_hash = $1".into(), args![id_hash]).await.map(|_| ())
}

/// Removes sessions that have ended, and codes that have run out. Returns how many.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM portal_sessions WHERE idle_expires_at <= $1 OR expires_at <= $1 RETURNING 1";
    let ended = tx.rows(sql.into(), args![now]).await?.len();
    let sql = "DELETE FROM portal_sign_ins WHERE expires_at <= $1 RETURNING 1";
    Ok((ended + tx.rows(sql.into(), args![now]).await?.len()) as u64)
}
