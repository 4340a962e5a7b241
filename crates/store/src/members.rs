//! Members: the persons of a vendor.

use crate::{
    error::StoreError,
    page::{KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    password_links,
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{Email, MemberId, Name, Role, Timestamp, VendorId};

record! {
    /// A member.
    pub struct MemberRow in "members" {
        /// Their id.
        pub id: MemberId,
        /// Whose member.
        pub vendor: VendorId,
        /// How they sign in; unique over all vendors.
        pub email: Email,
        /// Their name.
        pub name: Name,
        /// Their role.
        pub role: Role,
        /// The argon2id hash; absent while they were only invited.
        pub password_hash: Option<String>,
        /// The sealed TOTP secret; absent without a second factor.
        pub totp_sealed: Option<Vec<u8>>,
        /// When they were created.
        pub created_at: Timestamp,
        /// When they last signed in.
        pub last_login_at: Option<Timestamp>,
        /// Since when they may no longer sign in.
        pub disabled_at: Option<Timestamp>,
        /// Until when they may go on without the second factor that their role asks for; absent for at once.
        pub factor_due_at: Option<Timestamp>,
    }
}

impl MemberRow {
    /// The data of the member's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Creates a member of the scope's vendor; `member.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, member: &MemberRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO members ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        bare(MemberRow::COLUMNS, "members")
    );
    let m = member;
    let args = args![
        m.id,
        scope.vendor(),
        m.email,
        m.name,
        m.role,
        m.password_hash,
        m.totp_sealed,
        m.created_at,
        m.last_login_at,
        m.disabled_at,
        m.factor_due_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The member with that address, of whichever vendor: for signing in, before anything is known.
pub async fn by_email(q: &mut dyn Querier, email: &Email) -> Result<Option<MemberRow>, StoreError> {
    first(q, format!("SELECT {} FROM members WHERE email = $1", MemberRow::COLUMNS), args![email]).await
}

/// A member of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: MemberId) -> Result<Option<MemberRow>, StoreError> {
    let sql = format!("SELECT {} FROM members WHERE vendor = $1 AND id = $2", MemberRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the commit: what rests on their role or their factors is decided one after the other.
pub async fn lock(tx: &mut Tx, scope: Scope, id: MemberId) -> Result<Option<MemberRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM members WHERE vendor = $1 AND id = $2{lock}", MemberRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// Replaces the password hash, and ends a link to a new one. False where there is no such member.
pub async fn set_password(tx: &mut Tx, scope: Scope, id: MemberId, hash: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE members SET password_hash = $3 WHERE vendor = $1 AND id = $2 RETURNING id";
    let found = !tx.rows(sql.into(), args![scope.vendor(), id, hash]).await?.is_empty();
    password_links::end(tx, scope, id).await?;
    Ok(found)
}

/// Gives a person who was removed another beginning: a name, a role and a password, and the right to sign in.
pub async fn begin_anew(tx: &mut Tx, member: &MemberRow) -> Result<(), StoreError> {
    let sql = "UPDATE members SET name = $3, role = $4, password_hash = $5, last_login_at = $6, disabled_at = NULL,
        factor_due_at = NULL WHERE vendor = $1 AND id = $2";
    let m = member;
    tx.rows(sql.into(), args![m.vendor, m.id, m.name, m.role, m.password_hash, m.last_login_at]).await.map(|_| ())
}

stored_enum! {
    /// Of which alerts an owner or admin is told by mail.
    pub enum AlertMail {
        /// Of none.
        None = "none",
        /// Of those that are critical: what is so unless they say otherwise.
        Critical = "critical",
        /// Of all.
        All = "all",
    }
}

/// Of which alerts a member wants to be told by mail.
pub async fn alert_mail(q: &mut dyn Querier, scope: Scope, id: MemberId) -> Result<AlertMail, StoreError> {
    let sql = "SELECT COALESCE(alert_mail, 'critical') FROM members WHERE vendor = $1 AND id = $2";
    Ok(crate::sql::value(q, sql, args![scope.vendor(), id]).await?.unwrap_or(AlertMail::Critical))
}

/// Sets of which alerts a member is told by mail. False where there is no such member.
pub async fn set_alert_mail(tx: &mut Tx, scope: Scope, id: MemberId, of: AlertMail) -> Result<bool, StoreError> {
    let sql = "UPDATE members SET alert_mail = $3 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, of]).await?.is_empty())
}

/// Whom an alert is mailed to: owners and admins who can sign in and want it, of the vendor, or of all vendors where it is
/// about nobody's own.
pub async fn alerted(
    q: &mut dyn Querier,
    vendor: Option<VendorId>,
    critical: bool,
) -> Result<Vec<(VendorId, Email)>, StoreError> {
    let sql = "SELECT vendor, email FROM members WHERE ($1 IS NULL OR vendor = $1) AND disabled_at IS NULL
        AND role IN ('owner', 'admin') AND (alert_mail = 'all' OR $2 AND COALESCE(alert_mail, 'critical') = 'critical')
        ORDER BY id LIMIT 1000";
    let rows = q.rows(sql.into(), args![vendor, critical]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Notes that the member signed in.
pub async fn signed_in(tx: &mut Tx, scope: Scope, id: MemberId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE members SET last_login_at = $3 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, now]).await.map(|_| ())
}

/// What came of a change that could have left the vendor without an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerGuard {
    /// It was done.
    Done,
    /// There is no such member.
    Absent,
    /// It was not done: the member is the last owner who can sign in.
    LastOwner,
}

/// Locks the vendor's owners, so that two of them cannot remove each other at the same moment, and tells whether `id` is
/// the last.
async fn guard(tx: &mut Tx, scope: Scope, id: MemberId) -> Result<OwnerGuard, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT id FROM vendors WHERE id = $1{lock}");
    tx.rows(sql.into(), args![scope.vendor()]).await?;
    let Some(member) = get(tx, scope, id).await? else { return Ok(OwnerGuard::Absent) };
    if member.role != Role::Owner || member.disabled_at.is_some() {
        return Ok(OwnerGuard::Done);
    }
    let sql = "SELECT id FROM members WHERE vendor = $1 AND role = 'owner' AND disabled_at IS NULL AND id <> $2";
    let others = tx.rows(sql.into(), args![scope.vendor(), id]).await?;
    Ok(if others.is_empty() { OwnerGuard::LastOwner } else { OwnerGuard::Done })
}

/// Changes a member's role, unless that would leave no owner.
pub async fn set_role(tx: &mut Tx, scope: Scope, id: MemberId, role: Role) -> Result<OwnerGuard, StoreError> {
    let guard = guard(tx, scope, id).await?;
    if guard == OwnerGuard::Absent || (guard == OwnerGuard::LastOwner && role != Role::Owner) {
        return Ok(guard);
    }
    let sql = "UPDATE members SET role = $3 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, role]).await?;
    // Whoever made a link to a new password may not be allowed to make one for what the member is now. Only here, where the
    // row is locked, every link that was made before is seen.
    password_links::end(tx, scope, id).await?;
    Ok(OwnerGuard::Done)
}

/// Ends a member's right to sign in (`at`), or gives it back (`None`), unless that would leave no owner.
pub async fn set_disabled(
    tx: &mut Tx,
    scope: Scope,
    id: MemberId,
    at: Option<Timestamp>,
) -> Result<OwnerGuard, StoreError> {
    let guard = guard(tx, scope, id).await?;
    if guard == OwnerGuard::Absent || (guard == OwnerGuard::LastOwner && at.is_some()) {
        return Ok(guard);
    }
    let sql = "UPDATE members SET disabled_at = $3 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, at]).await?;
    password_links::end(tx, scope, id).await?;
    Ok(OwnerGuard::Done)
}

/// The vendor's members by time of creation; with `search` those with it in their name or address.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    search: Option<&str>,
    page: &PageRequest<()>,
) -> Result<Page<MemberRow>, ListError> {
    let mut filter = crate::page::Filter::default();
    filter.and("members.vendor = ?", args![scope.vendor()]);
    having(&mut filter, &["members.name", "members.email"], search);
    let key = SortKey { name: "created", expression: "members.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "members.id")?;
    let total = crate::page::count(q, "members", &filter).await?;
    let rows = window.rows::<MemberRow>(q, "members").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
