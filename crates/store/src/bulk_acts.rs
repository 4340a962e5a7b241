//! Acts on many licenses, seats or orders, done piece by piece: what is to be done, and what became of each.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Arg, Querier, Record as _, ToArg as _, all, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{BulkActId, CustomerId, Name, Timestamp, VendorId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is acted on: the bytes of a license's, a seat's or an order's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject(pub [u8; 16]);

crate::sql::through! {
    Subject: Uuid, |subject| Uuid::from_bytes(subject.0), |stored| Some(Subject(stored.into_bytes()));
}

stored_enum! {
    /// How far an act on many is.
    pub enum BulkState {
        /// It begins later, where nobody takes it back before.
        Waiting = "waiting",
        /// What it is about is being looked up.
        Gathering = "gathering",
        /// Each is being done.
        Running = "running",
        /// Each was done or refused.
        Done = "done",
        /// It was stopped before it was through.
        Stopped = "stopped",
    }
}

stored_enum! {
    /// Why an act on many was stopped before it was through.
    pub enum StopReason {
        /// More matched than whoever asked for it may change.
        TooMany = "too_many",
        /// Somebody stopped it.
        Asked = "asked",
        /// It failed again and again.
        Failed = "failed",
        /// When it was to begin, whoever asked for it might no longer do it.
        NoLonger = "no_longer",
    }
}

stored_enum! {
    /// What became of one of many.
    pub enum Fate {
        /// Nothing yet.
        Pending = "pending",
        /// It was changed.
        Changed = "changed",
        /// It was not, and why is said.
        Refused = "refused",
    }
}

record! {
    /// An act on many.
    pub struct BulkActRow in "bulk_acts" {
        /// Its id.
        pub id: BulkActId,
        /// Whose.
        pub vendor: VendorId,
        /// What is done to each, as JSON.
        pub step: String,
        /// Which ones, as JSON.
        pub filter: String,
        /// Where the gathering goes on: in the list, or in the act that is taken back; absent at its beginning.
        pub gathered: Option<String>,
        /// The act that this one takes back.
        pub undoes: Option<BulkActId>,
        /// Who, as in the audit log.
        pub actor: String,
        /// From where.
        pub origin: String,
        /// With which request.
        pub request: String,
        /// How far it is.
        pub state: BulkState,
        /// Why it was stopped, where it was.
        pub stopped: Option<StopReason>,
        /// How many it is about, as far as they are gathered.
        pub total: i64,
        /// How many were changed.
        pub changed: i64,
        /// How many were refused.
        pub refused: i64,
        /// How often it failed since it last went on.
        pub failures: i64,
        /// When it was asked for.
        pub created_at: Timestamp,
        /// When it last had its turn.
        pub updated_at: Timestamp,
        /// When it was through.
        pub ended_at: Option<Timestamp>,
        /// Since when what became of each is no longer kept.
        pub cleared_at: Option<Timestamp>,
        /// When it begins, or began, where that was later than it was asked for.
        pub begins_at: Option<Timestamp>,
    }
}

record! {
    /// One of many.
    pub struct BulkItemRow in "bulk_act_items" {
        /// Its place.
        pub number: i64,
        /// The license, seat or order.
        pub subject: Subject,
        /// What became of it.
        pub fate: Fate,
        /// Why it was refused, or what it was before.
        pub detail: String,
    }
}

impl BulkActRow {
    /// The data of the act's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Notes an act of the scope's vendor; `act.vendor` is ignored in its favour. False where there is one of that id, or one
/// that takes the same act back.
pub async fn insert(tx: &mut Tx, scope: Scope, act: &BulkActRow) -> Result<bool, StoreError> {
    let a = act;
    let row = args![
        a.id,
        scope.vendor(),
        a.step,
        a.filter,
        a.gathered,
        a.undoes,
        a.actor,
        a.origin,
        a.request,
        a.state,
        a.stopped,
        a.total,
        a.changed,
        a.refused,
        a.failures,
        a.created_at,
        a.updated_at,
        a.ended_at,
        a.cleared_at,
        a.begins_at
    ];
    let columns = bare(BulkActRow::COLUMNS, "bulk_acts");
    Ok(tx.insert("bulk_acts", &columns, &[row], "ON CONFLICT DO NOTHING").await? == 1)
}

/// An act of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: BulkActId) -> Result<Option<BulkActRow>, StoreError> {
    let sql = format!("SELECT {} FROM bulk_acts WHERE vendor = $1 AND id = $2", BulkActRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the commit.
pub async fn lock(tx: &mut Tx, scope: Scope, id: BulkActId) -> Result<Option<BulkActRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM bulk_acts WHERE vendor = $1 AND id = $2{lock}", BulkActRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// The acts of the scope's vendor, the newest first unless asked otherwise.
pub async fn list(q: &mut dyn Querier, scope: Scope, page: &PageRequest<()>) -> Result<Page<BulkActRow>, ListError> {
    let mut filter = Filter::default();
    filter.and("bulk_acts.vendor = ?", args![scope.vendor()]);
    let key = SortKey { name: "created", expression: "bulk_acts.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "bulk_acts.id")?;
    let total = crate::page::count(q, "bulk_acts", &filter).await?;
    let rows = window.rows::<BulkActRow>(q, "bulk_acts").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// The act that takes this one back, where there is one that was not stopped.
pub async fn undone_by(q: &mut dyn Querier, scope: Scope, id: BulkActId) -> Result<Option<BulkActId>, StoreError> {
    let sql = "SELECT id FROM bulk_acts WHERE vendor = $1 AND undoes = $2 AND state <> 'stopped' LIMIT 1";
    crate::sql::value(q, sql, args![scope.vendor(), id]).await
}

/// The act of any vendor that is to go on next: of those that are not through, the one whose turn is the longest ago. One
/// that failed after `rested` is left alone, and so is one that begins after `begun`.
pub async fn next(q: &mut dyn Querier, rested: Timestamp, begun: Timestamp) -> Result<Option<BulkActRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM bulk_acts WHERE ended_at IS NULL AND (failures = 0 OR updated_at <= $1)
            AND (state <> 'waiting' OR begins_at <= $2)
         ORDER BY updated_at, id LIMIT 1",
        BulkActRow::COLUMNS
    );
    first(q, sql, args![rested, begun]).await
}

/// The acts of the scope's vendor that begin later, the next one first; at most `limit`.
pub async fn waiting(q: &mut dyn Querier, scope: Scope, limit: usize) -> Result<Vec<BulkActRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM bulk_acts WHERE vendor = $1 AND state = 'waiting' ORDER BY begins_at, id LIMIT {limit}",
        BulkActRow::COLUMNS
    );
    all(q, sql, args![scope.vendor()]).await
}

/// The acts of the scope's vendor that `actor`, as in the audit log, has asked for and that begin later.
pub async fn waiting_of(q: &mut dyn Querier, scope: Scope, actor: &str) -> Result<Vec<BulkActRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM bulk_acts WHERE vendor = $1 AND state = 'waiting' AND actor = $2 ORDER BY begins_at, id",
        BulkActRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), actor]).await
}

/// Which of `subjects` an act of the scope's vendor is about that begins later, with that act.
pub async fn waiting_for(
    q: &mut dyn Querier,
    scope: Scope,
    subjects: &[Subject],
) -> Result<BTreeMap<Subject, BulkActId>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in subjects.chunks(200) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("subject", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT subject, bulk_act FROM bulk_acts CROSS JOIN bulk_act_items
             WHERE bulk_acts.vendor = $1 AND bulk_acts.state = 'waiting' AND bulk_act_items.bulk_act = bulk_acts.id AND {among}
             ORDER BY bulk_acts.begins_at"
        );
        for row in q.rows(sql.into(), args).await? {
            let act: BulkActId = row.get(1)?;
            found.entry(row.get(0)?).or_insert(act);
        }
    }
    Ok(found)
}

/// Saves how far an act is.
pub async fn update(tx: &mut Tx, act: &BulkActRow) -> Result<(), StoreError> {
    let sql = "UPDATE bulk_acts SET gathered = $3, state = $4, total = $5, changed = $6, refused = $7, updated_at = $8,
        ended_at = $9, stopped = $10, failures = $11 WHERE vendor = $1 AND id = $2";
    let a = act;
    let args = args![
        a.vendor,
        a.id,
        a.gathered,
        a.state,
        a.total,
        a.changed,
        a.refused,
        a.updated_at,
        a.ended_at,
        a.stopped,
        a.failures
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// Forgets what became of each of an act that was through before `before`, two thousand of them at most. True where there
/// may be more.
pub async fn prune(tx: &mut Tx, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    const AT_ONCE: usize = 2_000;
    let old = "SELECT id FROM bulk_acts WHERE cleared_at IS NULL AND ended_at < $1 ORDER BY ended_at LIMIT 1";
    let Some(id) = crate::sql::value::<BulkActId>(tx, old, args![before]).await? else { return Ok(false) };
    let sql = format!(
        "DELETE FROM bulk_act_items WHERE bulk_act = $1
            AND number < {AT_ONCE} + (SELECT min(number) FROM bulk_act_items WHERE bulk_act = $1) RETURNING number"
    );
    // They are numbered without a gap.
    if tx.rows(sql.into(), args![id]).await?.len() < AT_ONCE {
        tx.rows("UPDATE bulk_acts SET cleared_at = $2 WHERE id = $1".into(), args![id, now]).await?;
    }
    Ok(true)
}

/// Adds what the act is about: `subjects` from place `first` on, each with what is known of it.
pub async fn add(tx: &mut Tx, act: BulkActId, first: i64, subjects: &[(Subject, String)]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Arg>> = (first..)
        .zip(subjects)
        .map(|(number, (subject, detail))| args![act, number, subject, Fate::Pending, detail])
        .collect();
    tx.insert("bulk_act_items", "bulk_act, number, subject, fate, detail", &rows, "").await.map(|_| ())
}

/// Those of an act with one fate, or all, after place `after`; at most `limit`.
pub async fn items(
    q: &mut dyn Querier,
    act: &BulkActRow,
    fate: Option<Fate>,
    after: i64,
    limit: usize,
) -> Result<Vec<BulkItemRow>, StoreError> {
    let mut args = args![act.id, after];
    let of = if let Some(fate) = fate {
        args.push(fate.arg());
        "AND fate = $3"
    } else {
        ""
    };
    let sql = format!(
        "SELECT {} FROM bulk_act_items WHERE bulk_act = $1 AND number > $2 {of} ORDER BY number LIMIT {limit}",
        BulkItemRow::COLUMNS
    );
    all(q, sql, args).await
}

/// Of what kind the subjects of an act are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// Licenses.
    License,
    /// Seats.
    Seat,
    /// Orders.
    Order,
}

/// What one of many is known by.
#[derive(Clone, Debug)]
pub struct Known {
    /// The last characters of the license's key, or the order's number.
    pub label: String,
    /// Whose license or order it is: id and name.
    pub customer: Option<(CustomerId, Name)>,
    /// What the device of a seat is called.
    pub device: Option<String>,
}

/// What `subjects` of the scope's vendor, all of one kind, are known by.
pub async fn known(
    q: &mut dyn Querier,
    scope: Scope,
    kind: SubjectKind,
    subjects: &[Subject],
) -> Result<BTreeMap<Subject, Known>, StoreError> {
    let (subject, label, device, from) = match kind {
        SubjectKind::License => ("licenses.id", "licenses.key_hint", "CAST(NULL AS TEXT)", "licenses"),
        SubjectKind::Seat => (
            "seats.id",
            "licenses.key_hint",
            "seats.name",
            "seats JOIN licenses ON licenses.vendor = seats.vendor AND licenses.id = seats.license",
        ),
        SubjectKind::Order => ("orders.id", "orders.external_id", "CAST(NULL AS TEXT)", "orders"),
    };
    let holder = if kind == SubjectKind::Order { "orders" } else { "licenses" };
    let mut known = BTreeMap::new();
    for chunk in subjects.chunks(200) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of(subject, chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT {subject}, {label}, customers.id, customers.name, {device} FROM {from}
             LEFT JOIN customers ON customers.vendor = {holder}.vendor AND customers.id = {holder}.customer
             WHERE {holder}.vendor = $1 AND {among}"
        );
        for row in q.rows(sql.into(), args).await? {
            let customer: Option<CustomerId> = row.get(2)?;
            let name: Option<Name> = row.get(3)?;
            let one = Known { label: row.get(1)?, customer: customer.zip(name), device: row.get(4)? };
            known.insert(row.get(0)?, one);
        }
    }
    Ok(known)
}

/// Notes what became of some.
pub async fn settle(tx: &mut Tx, act: BulkActId, fates: &[(i64, Fate, String)]) -> Result<(), StoreError> {
    let dialect = tx.dialect();
    let mut rest = fates;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(dialect.chunk(rest.len(), 4));
        rest = later;
        let rows: Vec<Vec<Arg>> = now.iter().map(|(number, fate, detail)| args![act, number, fate, detail]).collect();
        let (source, args) = dialect.constants(&rows, 0);
        let sql = format!(
            "WITH said (bulk_act, number, fate, detail) AS ({source}) UPDATE bulk_act_items
             SET fate = said.fate, detail = said.detail FROM said
             WHERE bulk_act_items.bulk_act = said.bulk_act AND bulk_act_items.number = said.number"
        );
        tx.rows(sql.into(), args).await?;
    }
    Ok(())
}
