//! Trials: one per device and product.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{DeviceHash, LicenseId, ProductId, Timestamp, TrialId, VendorId};

record! {
    /// The one trial of a device and product.
    pub struct TrialRow in "trials" {
        /// Its id.
        pub id: TrialId,
        /// Whose.
        pub vendor: VendorId,
        /// Of which product.
        pub product: ProductId,
        /// Of which device.
        pub device: DeviceHash,
        /// The license that carries it.
        pub license: LicenseId,
        /// When it began.
        pub created_at: Timestamp,
    }
}

/// Stores a trial. False where the device had one: read that with [`of_device`].
pub async fn insert(tx: &mut Tx, scope: Scope, trial: &TrialRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO trials ({}) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (product, device) DO NOTHING RETURNING id",
        bare(TrialRow::COLUMNS, "trials")
    );
    let t = trial;
    let args = args![t.id, scope.vendor(), t.product, t.device, t.license, t.created_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// The device's trial of a product of the scope's vendor.
pub async fn of_device(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    device: &DeviceHash,
) -> Result<Option<TrialRow>, StoreError> {
    let sql = format!("SELECT {} FROM trials WHERE vendor = $1 AND product = $2 AND device = $3", TrialRow::COLUMNS);
    first(q, sql, args![scope.vendor(), product, device]).await
}
