//! Invitations: who was asked to become a member. Found by the hash of the link's secret, which is not stored itself.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{Email, InvitationId, MemberId, Role, Timestamp, VendorId};

record! {
    /// An invitation.
    pub struct InvitationRow in "invitations" {
        /// Its id.
        pub id: InvitationId,
        /// Whose member the person is to become.
        pub vendor: VendorId,
        /// The person's address.
        pub email: Email,
        /// The role the person is to have.
        pub role: Role,
        /// SHA-256 of the link's secret.
        pub token_hash: [u8; 32],
        /// Who invited, or made the token that did; absent for the command line.
        pub invited_by: Option<MemberId>,
        /// When it was made.
        pub created_at: Timestamp,
        /// Until when it can be accepted.
        pub expires_at: Timestamp,
        /// When it was accepted.
        pub accepted_at: Option<Timestamp>,
        /// When it was taken back.
        pub revoked_at: Option<Timestamp>,
    }
}

impl InvitationRow {
    /// The data of the vendor that invites.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }

    /// Whether it can be accepted at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.accepted_at.is_none() && self.revoked_at.is_none() && self.expires_at > now
    }
}

/// Stores an invitation of the scope's vendor; `invitation.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, invitation: &InvitationRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO invitations ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        bare(InvitationRow::COLUMNS, "invitations")
    );
    let i = invitation;
    let args = args![
        i.id,
        scope.vendor(),
        i.email,
        i.role,
        i.token_hash,
        i.invited_by,
        i.created_at,
        i.expires_at,
        i.accepted_at,
        i.revoked_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The invitation of that hash, of whichever vendor, unless it was used, taken back or has run out.
pub async fn by_hash(q: &mut dyn Querier, hash: [u8; 32], now: Timestamp) -> Result<Option<InvitationRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM invitations WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL
         AND expires_at > $2",
        InvitationRow::COLUMNS
    );
    first(q, sql, args![hash, now]).await
}

/// An invitation of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: InvitationId) -> Result<Option<InvitationRow>, StoreError> {
    let sql = format!("SELECT {} FROM invitations WHERE vendor = $1 AND id = $2", InvitationRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The invitations that nobody has accepted or taken back by time of creation, those that have run out included; with
/// `search` those with it in their address.
pub async fn waiting(
    q: &mut dyn Querier,
    scope: Scope,
    search: Option<&str>,
    page: &PageRequest<()>,
) -> Result<Page<InvitationRow>, ListError> {
    let mut filter = Filter::default();
    let open = "invitations.vendor = ? AND invitations.accepted_at IS NULL AND invitations.revoked_at IS NULL";
    filter.and(open, args![scope.vendor()]);
    having(&mut filter, &["invitations.email"], search);
    let key = SortKey { name: "created", expression: "invitations.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "invitations.id")?;
    let total = crate::page::count(q, "invitations", &filter).await?;
    let rows = window.rows::<InvitationRow>(q, "invitations").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// The invitations of an address that nobody has accepted or taken back, the newest first, those that have run out included.
pub async fn of_address(q: &mut dyn Querier, scope: Scope, email: &Email) -> Result<Vec<InvitationRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM invitations WHERE vendor = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL
         ORDER BY id DESC",
        InvitationRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), email]).await
}

/// Gives an invitation another secret and another end, so that the link of before opens nothing. False where it was accepted
/// or taken back.
pub async fn renew(
    tx: &mut Tx,
    scope: Scope,
    id: InvitationId,
    token_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE invitations SET token_hash = $3, expires_at = $4 WHERE vendor = $1 AND id = $2
        AND accepted_at IS NULL AND revoked_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, token_hash, expires_at]).await?.is_empty())
}

/// Takes an invitation back. False where it was accepted or taken back before.
pub async fn revoke(tx: &mut Tx, scope: Scope, id: InvitationId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE invitations SET revoked_at = $3 WHERE vendor = $1 AND id = $2 AND accepted_at IS NULL
        AND revoked_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, now]).await?.is_empty())
}

/// Takes back all open invitations of an address.
pub async fn revoke_of(tx: &mut Tx, scope: Scope, email: &Email, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE invitations SET revoked_at = $3 WHERE vendor = $1 AND email = $2 AND accepted_at IS NULL
        AND revoked_at IS NULL";
    tx.rows(sql.into(), args![scope.vendor(), email, now]).await.map(|_| ())
}

/// What a member has invited to and nobody has accepted or taken back, the oldest first, those that have run out included.
pub async fn of_inviter(
    q: &mut dyn Querier,
    scope: Scope,
    inviter: MemberId,
) -> Result<Vec<InvitationRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM invitations WHERE vendor = $1 AND invited_by = $2 AND accepted_at IS NULL AND revoked_at IS NULL
         ORDER BY id",
        InvitationRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), inviter]).await
}

/// Uses an invitation up. Of two at once, one gets it.
pub async fn take(tx: &mut Tx, hash: [u8; 32], now: Timestamp) -> Result<Option<InvitationRow>, StoreError> {
    let sql = format!(
        "UPDATE invitations SET accepted_at = $2 WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL
         AND expires_at > $2 RETURNING {}",
        InvitationRow::COLUMNS
    );
    first(tx, sql, args![hash, now]).await
}
