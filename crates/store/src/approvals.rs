//! Approvals: what somebody may not do alone, and asked a second person for.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{ApprovalId, MemberId, ReasonText, Timestamp, VendorId};

stored_enum! {
    /// What became of an approval.
    pub enum ApprovalState {
        /// Nobody has decided. It may have run out.
        Waiting = "waiting",
        /// A second person approved, and it was done.
        Approved = "approved",
        /// A second person refused.
        Refused = "refused",
        /// Whoever asked for it took it back.
        Withdrawn = "withdrawn",
    }
}

record! {
    /// An approval.
    pub struct ApprovalRow in "approvals" {
        /// Its id.
        pub id: ApprovalId,
        /// Whose.
        pub vendor: VendorId,
        /// What is to be done, as JSON.
        pub asked: String,
        /// Why.
        pub reason: ReasonText,
        /// Who asks.
        pub asked_by: MemberId,
        /// From where.
        pub origin: String,
        /// With which request.
        pub request: String,
        /// When.
        pub asked_at: Timestamp,
        /// Until when it can be approved.
        pub expires_at: Timestamp,
        /// What became of it.
        pub state: ApprovalState,
        /// Who has decided.
        pub decided_by: Option<MemberId>,
        /// When.
        pub decided_at: Option<Timestamp>,
        /// What they said.
        pub note: Option<ReasonText>,
    }
}

/// Notes an approval of the scope's vendor; `approval.vendor` is ignored in its favour. False where there is one of that id.
pub async fn insert(tx: &mut Tx, scope: Scope, approval: &ApprovalRow) -> Result<bool, StoreError> {
    let a = approval;
    let row = args![
        a.id,
        scope.vendor(),
        a.asked,
        a.reason,
        a.asked_by,
        a.origin,
        a.request,
        a.asked_at,
        a.expires_at,
        a.state,
        a.decided_by,
        a.decided_at,
        a.note
    ];
    let columns = bare(ApprovalRow::COLUMNS, "approvals");
    Ok(tx.insert("approvals", &columns, &[row], "ON CONFLICT DO NOTHING").await? == 1)
}

/// An approval of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
    let sql = format!("SELECT {} FROM approvals WHERE vendor = $1 AND id = $2", ApprovalRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Decides on one that waits and has not run out. Of two at once, one gets true.
pub async fn decide(
    tx: &mut Tx,
    scope: Scope,
    id: ApprovalId,
    state: ApprovalState,
    (by, at): (MemberId, Timestamp),
    note: Option<&ReasonText>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE approvals SET state = $3, decided_by = $4, decided_at = $5, note = $6
        WHERE vendor = $1 AND id = $2 AND state = 'waiting' AND expires_at > $5 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, state, by, at, note.cloned()]).await?.is_empty())
}

/// The approvals of the scope's vendor, the newest first unless asked otherwise; with `waiting_at` those that wait at that
/// time.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    waiting_at: Option<Timestamp>,
    page: &PageRequest<()>,
) -> Result<Page<ApprovalRow>, ListError> {
    let mut filter = Filter::default();
    filter.and("approvals.vendor = ?", args![scope.vendor()]);
    if let Some(now) = waiting_at {
        filter.and("approvals.state = 'waiting' AND approvals.expires_at > ?", args![now]);
    }
    let key = SortKey { name: "asked", expression: "approvals.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "approvals.id")?;
    let total = crate::page::count(q, "approvals", &filter).await?;
    let rows = window.rows::<ApprovalRow>(q, "approvals").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
