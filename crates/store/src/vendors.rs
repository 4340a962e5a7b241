//! Vendors: the tenants.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, first, record},
    tx::{Counted, Tx},
};
use holdfast_domain::{EventHash, Name, Timestamp, VendorId};

record! {
    /// A vendor.
    pub struct VendorRow in "vendors" {
        /// Its id.
        pub id: VendorId,
        /// Its name.
        pub name: Name,
        /// The number of its newest key manifest; 0 before the first.
        pub manifest_seq: i64,
        /// When it was created.
        pub created_at: Timestamp,
    }
}

impl VendorRow {
    /// The vendor's own data.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.id)
    }
}

/// Creates a vendor and the head of its event chain.
pub async fn insert(tx: &mut Tx, id: VendorId, name: &Name, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO vendors (id, name, manifest_seq, created_at) VALUES ($1, $2, 0, $3)";
    tx.rows(sql.into(), args![id, name, now]).await?;
    let sql = "INSERT INTO event_heads (vendor, number, hash) VALUES ($1, 0, $2)";
    tx.rows(sql.into(), args![id, EventHash::GENESIS]).await?;
    Ok(())
}

/// The vendor of that public id, as in the address of its key manifest.
pub async fn by_public_id(q: &mut dyn Querier, id: VendorId) -> Result<Option<VendorRow>, StoreError> {
    first(q, format!("SELECT {} FROM vendors WHERE id = $1", VendorRow::COLUMNS), args![id]).await
}

/// Every vendor, the oldest first. For start-up, jobs and the command line.
pub async fn all_vendors(q: &mut dyn Querier) -> Result<Vec<VendorRow>, StoreError> {
    all(q, format!("SELECT {} FROM vendors ORDER BY id", VendorRow::COLUMNS), Vec::new()).await
}

/// Changes the vendor's name. False where there is no such vendor.
pub async fn rename(tx: &mut Tx, scope: Scope, name: &Name) -> Result<bool, StoreError> {
    let sql = "UPDATE vendors SET name = $2 WHERE id = $1 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), name]).await?.is_empty())
}

/// Takes the next number for a key manifest of the vendor.
pub async fn next_manifest_seq(tx: &mut Tx, scope: Scope) -> Result<i64, StoreError> {
    let sql = "UPDATE vendors SET manifest_seq = manifest_seq + 1 WHERE id = $1 RETURNING manifest_seq";
    let rows = tx.rows(sql.into(), args![scope.vendor()]).await?;
    rows.first().ok_or(StoreError::Conflict(crate::Constraint::Reference))?.get(0)
}

/// How many rows of a kind the vendor has, kept with every insert.
pub async fn counted(q: &mut dyn Querier, scope: Scope, what: Counted) -> Result<u64, StoreError> {
    let sql = "SELECT rows FROM vendor_counts WHERE vendor = $1 AND kind = $2";
    let rows: Option<i64> = crate::sql::value(q, sql, args![scope.vendor(), what.as_str()]).await?;
    Ok(rows.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}
