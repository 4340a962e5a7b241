//! Notes: what somebody wrote down about a license or a customer.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{CustomerId, LicenseId, NoteId, NoteText, Timestamp, VendorId};

record! {
    /// A note, about a license or a customer.
    pub struct NoteRow in "notes" {
        /// Its id.
        pub id: NoteId,
        /// Whose.
        pub vendor: VendorId,
        /// The license it is about.
        pub license: Option<LicenseId>,
        /// The customer it is about.
        pub customer: Option<CustomerId>,
        /// Who wrote it, as JSON ([`holdfast_domain::Actor`]).
        pub author: String,
        /// What it says.
        pub text: NoteText,
        /// When it was written.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub edited_at: Option<Timestamp>,
    }
}

/// What notes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteSubject {
    /// A license.
    License(LicenseId),
    /// A customer.
    Customer(CustomerId),
}

/// Stores a note of the scope's vendor; `note.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, note: &NoteRow) -> Result<(), StoreError> {
    let columns = bare(NoteRow::COLUMNS, "notes");
    let sql = format!("INSERT INTO notes ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    let NoteRow { id, license, customer, author, text, created_at, edited_at, .. } = note;
    let args = args![id, scope.vendor(), license, customer, author, text, created_at, edited_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// A note of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: NoteId) -> Result<Option<NoteRow>, StoreError> {
    let sql = format!("SELECT {} FROM notes WHERE vendor = $1 AND id = $2", NoteRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Gives a note another text. False where there is no such note.
pub async fn edit(tx: &mut Tx, scope: Scope, id: NoteId, text: &NoteText, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE notes SET text = $3, edited_at = $4 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, text, now]).await?.is_empty())
}

/// Takes a note away. False where there is no such note.
pub async fn remove(tx: &mut Tx, scope: Scope, id: NoteId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM notes WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty())
}

/// The notes about something, the newest first unless asked otherwise.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    subject: NoteSubject,
    page: &PageRequest<()>,
) -> Result<Page<NoteRow>, ListError> {
    let mut conditions = Filter::default();
    conditions.and("notes.vendor = ?", args![scope.vendor()]);
    match subject {
        NoteSubject::License(id) => conditions.and("notes.license = ?", args![id]),
        NoteSubject::Customer(id) => conditions.and("notes.customer = ?", args![id]),
    };
    let key = SortKey { name: "created", expression: "notes.id", kind: KeyType::Id };
    let window = Window::new(&conditions, page, &key, "notes.id")?;
    let total = crate::page::count(q, "notes", &conditions).await?;
    let rows = window.rows::<NoteRow>(q, "notes").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
