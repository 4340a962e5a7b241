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
        /// When it became a license that was bought.
        pub converted_at: Option<Timestamp>,
        /// When its license ends; absent for what an older release began.
        pub ends_at: Option<Timestamp>,
    }
}

/// Stores a trial. False where the device had one: read that with [`of_device`].
pub async fn insert(tx: &mut Tx, scope: Scope, trial: &TrialRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO trials ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (product, device) DO NOTHING RETURNING id",
        bare(TrialRow::COLUMNS, "trials")
    );
    let t = trial;
    let args = args![t.id, scope.vendor(), t.product, t.device, t.license, t.created_at, t.converted_at, t.ends_at];
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

/// The trial that a license of the scope's vendor carries, converted or not.
pub async fn of_license(q: &mut dyn Querier, scope: Scope, license: LicenseId) -> Result<Option<TrialRow>, StoreError> {
    let sql = format!("SELECT {} FROM trials WHERE license = $2 AND vendor = $1", TrialRow::COLUMNS);
    first(q, sql, args![scope.vendor(), license]).await
}

/// Notes that the trial of a license became a license that was bought. False where there is none, or it had already.
pub async fn convert(tx: &mut Tx, scope: Scope, license: LicenseId, now: Timestamp) -> Result<bool, StoreError> {
    let sql =
        "UPDATE trials SET converted_at = $3 WHERE vendor = $1 AND license = $2 AND converted_at IS NULL RETURNING 1";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), license, now]).await?.is_empty())
}

/// Notes when the license of a trial ends.
pub(crate) async fn set_end(
    tx: &mut Tx,
    scope: Scope,
    license: LicenseId,
    ends_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE trials SET ends_at = $3 WHERE vendor = $1 AND license = $2";
    tx.rows(sql.into(), args![scope.vendor(), license, ends_at]).await.map(|_| ())
}

/// What became of the trials of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// How many began.
    pub started: u64,
    /// How many run.
    pub active: u64,
    /// How many became licenses that were bought.
    pub converted: u64,
    /// How many ran out without that.
    pub lapsed: u64,
}

/// What became of the trials of a product that began since `since`, as things stand at `now`.
pub async fn funnel(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    since: Timestamp,
    now: Timestamp,
) -> Result<Funnel, StoreError> {
    // Read from the index alone; only of what an older release began, the license is asked.
    let sql = "SELECT CAST(count(*) AS BIGINT), CAST(count(converted_at) AS BIGINT),
            CAST(sum(CASE WHEN converted_at IS NULL AND COALESCE(ends_at,
                (SELECT licenses.ends_at FROM licenses WHERE licenses.id = trials.license), 0) > $4 THEN 1 ELSE 0 END) AS BIGINT)
        FROM trials WHERE vendor = $1 AND product = $2 AND created_at >= $3";
    let rows = q.rows(sql.into(), args![scope.vendor(), product, since, now]).await?;
    let Some(row) = rows.first() else { return Ok(Funnel::default()) };
    let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let (started, converted) = (number(row.get(0)?), number(row.get(1)?));
    let active = number(row.get(2)?);
    Ok(Funnel { started, active, converted, lapsed: started.saturating_sub(active + converted) })
}
