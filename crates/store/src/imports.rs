//! Imports: staged rows, each with its fate.

use crate::{
    error::StoreError,
    page::{KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Arg, Querier, Record as _, all, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{ImportId, LicenseId, PlanId, ProductId, Timestamp, VendorId};

stored_enum! {
    /// How an import stands.
    pub enum ImportStatus {
        /// Rows are being staged; a crash here leaves something that only can be cancelled.
        Reading = "reading",
        /// Rows are staged; nothing was created yet.
        Staged = "staged",
        /// It was confirmed and its rows are being created.
        Running = "running",
        /// Every row has its fate.
        Done = "done",
        /// It was given up; nothing was created.
        Cancelled = "cancelled",
    }
}

stored_enum! {
    /// What becomes, or became, of a row.
    pub enum Fate {
        /// It will be created.
        Create = "create",
        /// It exists already, from an earlier run or a row before.
        Exists = "exists",
        /// It cannot be taken.
        Refuse = "refuse",
        /// It was created.
        Created = "created",
    }
}

record! {
    /// An import.
    pub struct ImportRow in "imports" {
        /// Its id.
        pub id: ImportId,
        /// Whose.
        pub vendor: VendorId,
        /// Into which product.
        pub product: ProductId,
        /// Under which plan, where rows do not name their own.
        pub plan: Option<PlanId>,
        /// The file's name.
        pub name: String,
        /// Which column means what, as JSON.
        pub mapping: String,
        /// How it stands.
        pub status: ImportStatus,
        /// How many rows it has.
        pub total: i64,
        /// How many rows are to be or were created.
        pub accepted: i64,
        /// How many exist already.
        pub existing: i64,
        /// How many cannot be taken.
        pub refused: i64,
        /// How many have been worked on.
        pub done: i64,
        /// When it was staged.
        pub created_at: Timestamp,
        /// When it last moved.
        pub updated_at: Timestamp,
    }
}

record! {
    /// A staged row.
    pub struct ImportLine in "import_rows" {
        /// Of which import.
        pub import: ImportId,
        /// Its line, from 1.
        pub line: i64,
        /// Its content, sealed: it contains a license key.
        pub data: Vec<u8>,
        /// What becomes of it.
        pub fate: Fate,
        /// Why; empty where nothing is to be said.
        pub reason: String,
        /// The license that it led to or that exists already.
        pub license: Option<LicenseId>,
    }
}

/// Stores an import of the scope's vendor; `import.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, import: &ImportRow) -> Result<(), StoreError> {
    let i = import;
    let row = args![
        i.id,
        scope.vendor(),
        i.product,
        i.plan,
        i.name,
        i.mapping,
        i.status,
        i.total,
        i.accepted,
        i.existing,
        i.refused,
        i.done,
        i.created_at,
        i.updated_at
    ];
    tx.insert("imports", &bare(ImportRow::COLUMNS, "imports"), &[row], "").await.map(|_| ())
}

/// Stages rows of an import of the scope's vendor.
pub async fn insert_lines(tx: &mut Tx, scope: Scope, id: ImportId, lines: &[ImportLine]) -> Result<(), StoreError> {
    if get(tx, scope, id).await?.is_none() {
        return Err(StoreError::Conflict(crate::Constraint::Reference));
    }
    let rows: Vec<Vec<Arg>> = lines.iter().map(|l| args![id, l.line, l.data, l.fate, l.reason, l.license]).collect();
    tx.insert("import_rows", &bare(ImportLine::COLUMNS, "import_rows"), &rows, "").await.map(|_| ())
}

/// An import of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: ImportId) -> Result<Option<ImportRow>, StoreError> {
    let sql = format!("SELECT {} FROM imports WHERE vendor = $1 AND id = $2", ImportRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Saves status and counts of an import if it still has the status `from`. False otherwise, so that of two confirmations
/// one goes ahead.
pub async fn update(tx: &mut Tx, scope: Scope, from: ImportStatus, import: &ImportRow) -> Result<bool, StoreError> {
    let sql = "UPDATE imports SET status = $4, total = $5, accepted = $6, existing = $7, refused = $8, done = $9,
        updated_at = $10 WHERE vendor = $1 AND id = $2 AND status = $3 RETURNING id";
    let i = import;
    let args =
        args![scope.vendor(), i.id, from, i.status, i.total, i.accepted, i.existing, i.refused, i.done, i.updated_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Saves which column means what, and the plan of rows that name none. False where there is no such import.
pub async fn set_mapping(
    tx: &mut Tx,
    scope: Scope,
    id: ImportId,
    mapping: &str,
    plan: Option<PlanId>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE imports SET mapping = $3, plan = $4 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, mapping, plan]).await?.is_empty())
}

/// The rows of an import of the scope's vendor after line `after`, of one fate or of all, in order, at most `limit`.
pub async fn lines(
    q: &mut dyn Querier,
    scope: Scope,
    id: ImportId,
    fate: Option<Fate>,
    after: i64,
    limit: u32,
) -> Result<Vec<ImportLine>, StoreError> {
    let mut filter = crate::page::Filter::default();
    filter
        .and("imports.vendor = ? AND imports.id = ? AND import_rows.line > ?", args![scope.vendor(), id, after])
        .maybe("import_rows.fate = ?", fate.as_ref());
    let sql = format!(
        "SELECT {} FROM import_rows JOIN imports ON imports.id = import_rows.import WHERE {}
         ORDER BY import_rows.line LIMIT {limit}",
        ImportLine::COLUMNS,
        filter.text()
    );
    all(q, sql, filter.args).await
}

/// Sets the fate of rows of an import of the scope's vendor: line, fate, reason, license.
pub async fn set_fates(
    tx: &mut Tx,
    scope: Scope,
    id: ImportId,
    fates: &[(i64, Fate, String, Option<LicenseId>)],
) -> Result<(), StoreError> {
    if get(tx, scope, id).await?.is_none() {
        return Err(StoreError::Conflict(crate::Constraint::Reference));
    }
    let mut rest = fates;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(tx.dialect().chunk(rest.len(), 5));
        rest = later;
        let rows: Vec<Vec<Arg>> =
            now.iter().map(|(line, fate, reason, license)| args![id, line, fate, reason, license]).collect();
        let (source, args) = tx.dialect().constants(&rows, 0);
        let sql = format!(
            "WITH said (import, line, fate, reason, license) AS ({source})
             UPDATE import_rows SET fate = said.fate, reason = said.reason,
                license = coalesce(said.license, import_rows.license)
             FROM said WHERE import_rows.import = said.import AND import_rows.line = said.line"
        );
        tx.rows(sql.into(), args).await?;
    }
    Ok(())
}

/// Removes the rows of an import: their content is no longer needed once it is done or given up.
pub async fn forget_lines(tx: &mut Tx, scope: Scope, id: ImportId) -> Result<u64, StoreError> {
    let sql = "DELETE FROM import_rows WHERE import = $1
        AND EXISTS (SELECT 1 FROM imports WHERE imports.id = $1 AND imports.vendor = $2) RETURNING 1";
    Ok(tx.rows(sql.into(), args![id, scope.vendor()]).await?.len() as u64)
}

/// The vendor's imports by time of creation.
pub async fn list(q: &mut dyn Querier, scope: Scope, page: &PageRequest<()>) -> Result<Page<ImportRow>, ListError> {
    let mut filter = crate::page::Filter::default();
    filter.and("imports.vendor = ?", args![scope.vendor()]);
    let key = SortKey { name: "created", expression: "imports.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "imports.id")?;
    let total = crate::page::count(q, "imports", &filter).await?;
    let rows = window.rows::<ImportRow>(q, "imports").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
