//! Imports.

use super::name_of;
use crate::api::time::Rfc3339;
use holdfast_service::admin::views::{ColumnView, ImportRowView, ImportView};
use serde::Serialize;
use utoipa::ToSchema;

/// A column of an imported file.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportColumn)]
pub struct ColumnModel {
    /// Its header.
    pub header: String,
    /// What it is read as.
    pub field: String,
    /// A few of its values; keys masked.
    pub samples: Vec<String>,
}

impl From<ColumnView> for ColumnModel {
    fn from(view: ColumnView) -> Self {
        Self { header: view.header, field: view.field, samples: view.samples }
    }
}

/// An import: a file that was read, what would become of its rows, and how far it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportModel {
    /// Its id.
    pub id: String,
    /// The file's name.
    pub file_name: String,
    /// Which system's export it is: `csv` (another one's), `keygen`, `lemon_squeezy`, `gumroad`, `paddle_classic` or
    /// `keylight`.
    pub format: String,
    /// The product whose licenses these are.
    pub product: String,
    /// The plan of rows that name none.
    pub plan: Option<String>,
    /// `reading`, `ready`, `running`, `done` or `cancelled`.
    pub state: String,
    /// The file's columns.
    pub columns: Vec<ColumnModel>,
    /// Why it cannot be confirmed as a whole.
    pub problem: Option<String>,
    /// Rows in all.
    pub rows: u64,
    /// Rows that make a license.
    pub create: u64,
    /// Rows whose license is there already.
    pub unchanged: u64,
    /// Rows that repeat another row's key.
    pub duplicate: u64,
    /// Rows whose key belongs to another license.
    pub conflict: u64,
    /// Rows that cannot be read.
    pub error: u64,
    /// Rows of the file that are no licenses and among none of these.
    pub left_out: u64,
    /// Of an import that is done and looked at by itself: on how many of its licenses a device was ever activated here.
    pub activated: Option<u64>,
    /// The same of how many: those, and those that are neither revoked nor suspended nor expired.
    pub expected: Option<u64>,
    /// How many rows have been worked on.
    pub progress: u64,
    /// When it was begun.
    pub created_at: Rfc3339,
    /// When it came to its end.
    pub finished_at: Option<Rfc3339>,
}

impl From<ImportView> for ImportModel {
    fn from(view: ImportView) -> Self {
        Self {
            id: view.id.to_string(),
            file_name: view.file_name,
            format: view.source.as_str().to_owned(),
            product: view.product.to_string(),
            plan: view.plan.map(|id| id.to_string()),
            state: name_of(&view.state),
            columns: view.columns.into_iter().map(ColumnModel::from).collect(),
            problem: view.problem,
            rows: view.counts.rows,
            create: view.counts.create,
            unchanged: view.counts.unchanged,
            duplicate: view.counts.duplicate,
            conflict: view.counts.conflict,
            error: view.counts.error,
            left_out: view.counts.left_out,
            activated: view.arrived.map(|arrived| arrived.activated),
            expected: view.arrived.map(|arrived| arrived.expected()),
            progress: view.progress,
            created_at: view.created_at.into(),
            finished_at: view.finished_at.map(Rfc3339),
        }
    }
}

/// A row of an import.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportRow)]
pub struct ImportRowModel {
    /// Its line in the file.
    pub line: u64,
    /// `create`, `unchanged`, `duplicate`, `conflict` or `error`.
    pub fate: String,
    /// Why.
    pub reason: Option<String>,
    /// The column that is at fault.
    pub column: Option<String>,
    /// The key, masked.
    pub key: String,
    /// The customer.
    pub customer: String,
    /// The license it became or is.
    pub license: Option<String>,
}

impl From<ImportRowView> for ImportRowModel {
    fn from(view: ImportRowView) -> Self {
        Self {
            line: view.line,
            fate: name_of(&view.fate),
            reason: view.reason,
            column: view.column,
            key: view.key,
            customer: view.customer,
            license: view.license.map(|id| id.to_string()),
        }
    }
}
