//! Second factors: authenticator apps, passkeys and recovery codes; who still owes one; what passkeys are asked to sign.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum, value},
    tx::Tx,
};
use holdfast_domain::{FactorId, MemberId, Name, Timestamp, VendorId};

stored_enum! {
    /// What kind of factor it is.
    pub enum FactorKind {
        /// An authenticator app, which shows codes that change with the time (RFC 6238).
        Totp = "totp",
        /// A passkey (`WebAuthn`).
        Passkey = "passkey",
    }
}

stored_enum! {
    /// What something that works once is for.
    pub enum Purpose {
        /// A passkey's signature, to become a factor.
        Register = "register",
        /// A passkey's signature, to prove who one is.
        Prove = "prove",
        /// A link to a new password ([`crate::password_links`]).
        Password = "password",
    }
}

record! {
    /// A factor.
    pub struct FactorRow in "factors" {
        /// Its id.
        pub id: FactorId,
        /// Whose member's.
        pub vendor: VendorId,
        /// Whose.
        pub member: MemberId,
        /// What it is.
        pub kind: FactorKind,
        /// What its owner calls it.
        pub name: Name,
        /// The sealed secret of an app.
        pub secret_sealed: Option<Vec<u8>>,
        /// The id by which a passkey is asked for.
        pub credential: Option<Vec<u8>>,
        /// A passkey's public key: `SubjectPublicKeyInfo` in DER.
        pub public_key: Option<Vec<u8>>,
        /// The time step of the last code that was used; a passkey's own count.
        pub counter: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it first proved anything; absent while an app is being set up.
        pub confirmed_at: Option<Timestamp>,
        /// When it was last used.
        pub last_used_at: Option<Timestamp>,
    }
}

/// Stores a factor of the scope's vendor; `factor.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, factor: &FactorRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO factors ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        bare(FactorRow::COLUMNS, "factors")
    );
    let f = factor;
    let args = args![
        f.id,
        scope.vendor(),
        f.member,
        f.kind,
        f.name,
        f.secret_sealed,
        f.credential,
        f.public_key,
        f.counter,
        f.created_at,
        f.confirmed_at,
        f.last_used_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The factors of a member, the oldest first, with what is being set up.
pub async fn of_member(q: &mut dyn Querier, scope: Scope, member: MemberId) -> Result<Vec<FactorRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM factors WHERE vendor = $1 AND member = $2 ORDER BY id LIMIT 100", FactorRow::COLUMNS);
    all(q, sql, args![scope.vendor(), member]).await
}

/// Of every member of the vendor that has any: which kinds.
pub async fn kinds(q: &mut dyn Querier, scope: Scope) -> Result<Vec<(MemberId, FactorKind)>, StoreError> {
    let sql = "SELECT DISTINCT member, kind FROM factors WHERE vendor = $1 AND confirmed_at IS NOT NULL";
    let rows = q.rows(sql.into(), args![scope.vendor()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Uses a factor: notes `counter`, unless one as high was used before. Of two at once with the same code, one gets true.
pub async fn use_up(tx: &mut Tx, scope: Scope, id: FactorId, counter: i64, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET counter = $3, last_used_at = $4, confirmed_at = coalesce(confirmed_at, $4)
        WHERE vendor = $1 AND id = $2 AND counter < $3 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, counter, now]).await?.is_empty())
}

/// Notes that a passkey that does not count was used. False where it is gone.
pub async fn touch(tx: &mut Tx, scope: Scope, id: FactorId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE factors SET last_used_at = $3 WHERE vendor = $1 AND id = $2 AND counter = 0 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, now]).await?.is_empty())
}

/// Removes a factor of a member. False where there is none.
pub async fn remove(tx: &mut Tx, scope: Scope, member: MemberId, id: FactorId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM factors WHERE vendor = $1 AND member = $2 AND id = $3 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), member, id]).await?.is_empty())
}

/// Removes what a member has begun to set up and not finished.
pub async fn remove_unconfirmed(tx: &mut Tx, scope: Scope, member: MemberId) -> Result<(), StoreError> {
    let sql = "DELETE FROM factors WHERE vendor = $1 AND member = $2 AND confirmed_at IS NULL";
    tx.rows(sql.into(), args![scope.vendor(), member]).await.map(|_| ())
}

/// Removes everything a member could prove themselves with beside the password. Returns how many factors. A link to a new
/// password stays: whoever has lost everything gets both.
pub async fn reset(tx: &mut Tx, scope: Scope, member: MemberId) -> Result<u64, StoreError> {
    let args = || args![scope.vendor(), member];
    let sql = "DELETE FROM factors WHERE vendor = $1 AND member = $2 RETURNING id";
    let removed = tx.rows(sql.into(), args()).await?.len() as u64;
    for table in ["recovery_codes", "half_sign_ins"] {
        tx.rows(format!("DELETE FROM {table} WHERE vendor = $1 AND member = $2").into(), args()).await?;
    }
    let sql = "DELETE FROM challenges WHERE vendor = $1 AND member = $2 AND purpose <> $3";
    tx.rows(sql.into(), args![scope.vendor(), member, Purpose::Password]).await?;
    Ok(removed)
}

/// Puts recovery codes in place of all of before.
pub async fn put_codes(tx: &mut Tx, scope: Scope, member: MemberId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
    let sql = "DELETE FROM recovery_codes WHERE vendor = $1 AND member = $2";
    tx.rows(sql.into(), args![scope.vendor(), member]).await?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_codes (vendor, member, hash) VALUES ($1, $2, $3)";
        tx.rows(sql.into(), args![scope.vendor(), member, hash]).await?;
    }
    Ok(())
}

/// Uses a recovery code up. Of two at once, one gets true.
pub async fn take_code(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE recovery_codes SET used_at = $4 WHERE vendor = $1 AND member = $2 AND hash = $3
        AND used_at IS NULL RETURNING hash";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), member, hash, now]).await?.is_empty())
}

/// How many recovery codes a member has left.
pub async fn codes_left(q: &mut dyn Querier, scope: Scope, member: MemberId) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM recovery_codes WHERE vendor = $1 AND member = $2 AND used_at IS NULL";
    Ok(value(q, sql, args![scope.vendor(), member]).await?.unwrap_or(0))
}

record! {
    /// Somebody who has given the password and still owes the factor.
    pub struct HalfRow in "half_sign_ins" {
        /// SHA-256 of the secret in the cookie.
        pub id_hash: [u8; 32],
        /// Whose member.
        pub vendor: VendorId,
        /// Who.
        pub member: MemberId,
        /// Until when.
        pub expires_at: Timestamp,
    }
}

impl HalfRow {
    /// The data of the member's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Begins half a sign-in.
pub async fn put_half(tx: &mut Tx, half: &HalfRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO half_sign_ins (id_hash, vendor, member, expires_at) VALUES ($1, $2, $3, $4)";
    let h = half;
    tx.rows(sql.into(), args![h.id_hash, h.vendor, h.member, h.expires_at]).await.map(|_| ())
}

/// The half sign-in of that hash, unless it has run out.
pub async fn half(q: &mut dyn Querier, id_hash: [u8; 32], now: Timestamp) -> Result<Option<HalfRow>, StoreError> {
    let sql = format!("SELECT {} FROM half_sign_ins WHERE id_hash = $1 AND expires_at > $2", HalfRow::COLUMNS);
    first(q, sql, args![id_hash, now]).await
}

/// Ends all half sign-ins of a member.
pub async fn end_halves(tx: &mut Tx, scope: Scope, member: MemberId) -> Result<(), StoreError> {
    let sql = "DELETE FROM half_sign_ins WHERE vendor = $1 AND member = $2";
    tx.rows(sql.into(), args![scope.vendor(), member]).await.map(|_| ())
}

/// Keeps what a passkey of the member is asked to sign.
pub async fn put_challenge(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    hash: [u8; 32],
    purpose: Purpose,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO challenges (hash, vendor, member, purpose, expires_at) VALUES ($1, $2, $3, $4, $5)";
    tx.rows(sql.into(), args![hash, scope.vendor(), member, purpose, expires_at]).await.map(|_| ())
}

/// Uses a challenge up: true where it was put to this member for this purpose and has not run out. Each is answered once.
pub async fn take_challenge(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    hash: [u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM challenges WHERE hash = $1 AND vendor = $2 AND member = $3 AND purpose = $4
        AND expires_at > $5 RETURNING hash";
    Ok(!tx.rows(sql.into(), args![hash, scope.vendor(), member, purpose, now]).await?.is_empty())
}

/// Removes what has run out. Returns how much.
pub async fn prune(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    let mut removed = 0;
    for table in ["half_sign_ins", "challenges", "provider_sign_ins"] {
        let sql = format!("DELETE FROM {table} WHERE expires_at <= $1 RETURNING 1");
        removed += tx.rows(sql.into(), args![now]).await?.len() as u64;
    }
    Ok(removed)
}
