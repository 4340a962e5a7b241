//! Signed key manifests, kept as they were signed, so that every node serves the same bytes.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, args, first, record},
    tx::Tx,
};
use holdfast_domain::{ProductId, Timestamp};
use uuid::Uuid;

record! {
    /// A signed key manifest.
    pub struct ManifestRow in "key_manifests" {
        /// Its sequence number.
        pub seq: i64,
        /// The compact encoding.
        pub token: String,
        /// When it was signed.
        pub signed_at: Timestamp,
    }
}

/// Under what a manifest is stored: the vendor's id for the whole list, the product's for a list of its own.
fn subject(scope: Scope, product: Option<ProductId>) -> Uuid {
    Uuid::from_bytes(product.map_or_else(|| scope.vendor().to_bytes(), ProductId::to_bytes))
}

/// Stores a manifest in place of an older one: the vendor's (`product` is `None`), or one of a product's keys alone. One
/// with a smaller number than the stored one changes nothing.
pub async fn put(
    tx: &mut Tx,
    scope: Scope,
    product: Option<ProductId>,
    manifest: &ManifestRow,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO key_manifests (vendor, subject, seq, token, signed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (vendor, subject) DO UPDATE SET
            seq = excluded.seq, token = excluded.token, signed_at = excluded.signed_at
        WHERE key_manifests.seq < excluded.seq";
    let m = manifest;
    let args = args![scope.vendor(), subject(scope, product), m.seq, m.token, m.signed_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The stored manifest of the vendor, or of a product of its.
pub async fn get(
    q: &mut dyn Querier,
    scope: Scope,
    product: Option<ProductId>,
) -> Result<Option<ManifestRow>, StoreError> {
    let sql = format!("SELECT {} FROM key_manifests WHERE vendor = $1 AND subject = $2", ManifestRow::COLUMNS);
    first(q, sql, args![scope.vendor(), subject(scope, product)]).await
}
