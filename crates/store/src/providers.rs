//! Identity providers of vendors: their settings, who is who there, and who was sent there and has not come back.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, value},
    tx::Tx,
};
use holdfast_domain::{MemberId, Role, Timestamp, VendorId};

record! {
    /// A vendor's provider.
    pub struct ProviderRow in "sign_in_providers" {
        /// Whose.
        pub vendor: VendorId,
        /// Its issuer, an https address.
        pub issuer: String,
        /// What it calls us.
        pub client_id: String,
        /// What we prove ourselves with, sealed.
        pub secret_sealed: Vec<u8>,
        /// The domains of the addresses that are let in, as JSON.
        pub domains: String,
        /// What people get who come for the first time; absent where only those come in who are members or invited.
        pub new_role: Option<Role>,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }
}

impl ProviderRow {
    /// The data of the provider's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Sets the provider of the scope's vendor in place of any before; `provider.vendor` is ignored in its favour.
pub async fn put(tx: &mut Tx, scope: Scope, provider: &ProviderRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO sign_in_providers ({}) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (vendor) DO UPDATE SET issuer = excluded.issuer, client_id = excluded.client_id,
            secret_sealed = excluded.secret_sealed, domains = excluded.domains, new_role = excluded.new_role,
            updated_at = excluded.updated_at",
        bare(ProviderRow::COLUMNS, "sign_in_providers")
    );
    let p = provider;
    let args = args![scope.vendor(), p.issuer, p.client_id, p.secret_sealed, p.domains, p.new_role, p.updated_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The provider of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope) -> Result<Option<ProviderRow>, StoreError> {
    let sql = format!("SELECT {} FROM sign_in_providers WHERE vendor = $1", ProviderRow::COLUMNS);
    first(q, sql, args![scope.vendor()]).await
}

/// The vendors that have a provider, at most two: the door of an installation with one leads there.
pub async fn vendors(q: &mut dyn Querier) -> Result<Vec<VendorId>, StoreError> {
    let rows = q.rows("SELECT vendor FROM sign_in_providers ORDER BY vendor LIMIT 2".into(), Vec::new()).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Takes the provider away. False where there was none.
pub async fn remove(tx: &mut Tx, scope: Scope) -> Result<bool, StoreError> {
    let sql = "DELETE FROM sign_in_providers WHERE vendor = $1 RETURNING vendor";
    Ok(!tx.rows(sql.into(), args![scope.vendor()]).await?.is_empty())
}

/// Which member the person `subject` of `issuer` is.
pub async fn member_of(
    q: &mut dyn Querier,
    scope: Scope,
    issuer: &str,
    subject: &str,
) -> Result<Option<MemberId>, StoreError> {
    let sql = "SELECT member FROM provider_identities WHERE vendor = $1 AND issuer = $2 AND subject = $3";
    value(q, sql, args![scope.vendor(), issuer, subject]).await
}

/// Whether the member is known to be some person of `issuer`.
pub async fn is_linked(q: &mut dyn Querier, scope: Scope, issuer: &str, member: MemberId) -> Result<bool, StoreError> {
    let sql = "SELECT member FROM provider_identities WHERE vendor = $1 AND issuer = $2 AND member = $3 LIMIT 1";
    Ok(value::<MemberId>(q, sql, args![scope.vendor(), issuer, member]).await?.is_some())
}

/// Notes that the person `subject` of `issuer` is `member`.
pub async fn link(
    tx: &mut Tx,
    scope: Scope,
    issuer: &str,
    subject: &str,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO provider_identities (vendor, issuer, subject, member, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (vendor, issuer, subject) DO UPDATE SET member = excluded.member, created_at = excluded.created_at";
    tx.rows(sql.into(), args![scope.vendor(), issuer, subject, member, now]).await.map(|_| ())
}

/// Forgets who a member is at providers: whoever takes over their address is somebody else.
pub async fn unlink(tx: &mut Tx, scope: Scope, member: MemberId) -> Result<(), StoreError> {
    let sql = "DELETE FROM provider_identities WHERE vendor = $1 AND member = $2";
    tx.rows(sql.into(), args![scope.vendor(), member]).await.map(|_| ())
}

record! {
    /// Somebody who was sent to a provider.
    pub struct SentRow in "provider_sign_ins" {
        /// SHA-256 of the state that comes back.
        pub state_hash: [u8; 32],
        /// Whose provider.
        pub vendor: VendorId,
        /// Its issuer then.
        pub issuer: String,
        /// What the token must say.
        pub nonce: String,
        /// The verifier of the code (RFC 7636), sealed.
        pub verifier_sealed: Vec<u8>,
        /// SHA-256 of the secret in the cookie of the browser that was sent.
        pub browser_hash: [u8; 32],
        /// Where the person wanted to go.
        pub next: String,
        /// Until when it can be come back.
        pub expires_at: Timestamp,
    }
}

impl SentRow {
    /// The data of the provider's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Notes that somebody was sent to a provider.
pub async fn put_sent(tx: &mut Tx, scope: Scope, sent: &SentRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO provider_sign_ins ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        bare(SentRow::COLUMNS, "provider_sign_ins")
    );
    let s = sent;
    let args =
        args![s.state_hash, scope.vendor(), s.issuer, s.nonce, s.verifier_sealed, s.browser_hash, s.next, s.expires_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// Takes note that somebody came back: each state is answered once, from the browser that was sent.
pub async fn take_sent(
    tx: &mut Tx,
    state_hash: [u8; 32],
    browser_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<SentRow>, StoreError> {
    let sql = format!(
        "DELETE FROM provider_sign_ins WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3 RETURNING {}",
        SentRow::COLUMNS
    );
    all(tx, sql, args![state_hash, browser_hash, now]).await.map(|rows: Vec<SentRow>| rows.into_iter().next())
}
