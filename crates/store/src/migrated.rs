//! Licenses that came from another system: the mark, how many have arrived, and the devices known from there.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Arg, Querier, Record as _, ToArg, all, args, record, value},
    tx::Tx,
};
use holdfast_domain::{DeviceHash, ImportId, LicenseId, Source, Timestamp, VendorId};
use std::collections::HashMap;

record! {
    /// Where a license came from.
    pub struct MigratedRow in "migrated_licenses" {
        /// The license.
        pub license: LicenseId,
        /// Whose.
        pub vendor: VendorId,
        /// The import it came with.
        pub import: ImportId,
        /// The system it came from.
        pub source: Source,
        /// When a device was activated here for the first time.
        pub activated_at: Option<Timestamp>,
    }
}

/// How many licenses an import has made, on how many of them a device was activated since, and on how many none can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// All of them.
    pub licenses: u64,
    /// Those on which a device was activated.
    pub activated: u64,
    /// Of the others, those that are revoked.
    pub revoked: u64,
    /// Those that are suspended.
    pub suspended: u64,
    /// Those that have ended.
    pub expired: u64,
}

/// Where those of `licenses` came from that came from somewhere.
pub async fn of(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
) -> Result<HashMap<LicenseId, MigratedRow>, StoreError> {
    let mut found = HashMap::new();
    for chunk in licenses.chunks(200) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("license", chunk.iter().map(ToArg::arg), &mut args);
        let sql = format!("SELECT {} FROM migrated_licenses WHERE vendor = $1 AND {among}", MigratedRow::COLUMNS);
        found.extend(all::<MigratedRow>(q, sql, args).await?.into_iter().map(|row| (row.license, row)));
    }
    Ok(found)
}

/// How many licenses of an import have arrived, as all of them stand at `now`.
pub async fn arrived(
    q: &mut dyn Querier,
    scope: Scope,
    import: ImportId,
    now: Timestamp,
) -> Result<Arrived, StoreError> {
    let sql = "SELECT count(*), count(migrated_licenses.activated_at),
            count(CASE WHEN activated_at IS NULL AND status = 'revoked' THEN 1 END),
            count(CASE WHEN activated_at IS NULL AND status = 'suspended' THEN 1 END),
            count(CASE WHEN activated_at IS NULL AND status = 'active' AND ends_at <= $3 THEN 1 END)
        FROM migrated_licenses JOIN licenses ON licenses.id = migrated_licenses.license
        WHERE migrated_licenses.vendor = $1 AND migrated_licenses.import = $2 AND licenses.vendor = $1";
    let rows = q.rows(sql.into(), args![scope.vendor(), import, now]).await?;
    let Some(row) = rows.first() else { return Ok(Arrived::default()) };
    let count = |at| row.get::<i64>(at).map(i64::unsigned_abs);
    Ok(Arrived {
        licenses: count(0)?,
        activated: count(1)?,
        revoked: count(2)?,
        suspended: count(3)?,
        expired: count(4)?,
    })
}

/// Marks every license that was put aside for the import. Call it after [`crate::licenses::insert_staged`].
pub(crate) async fn mark_staged(
    tx: &mut Tx,
    scope: Scope,
    import: ImportId,
    source: Source,
    piece: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO migrated_licenses (license, vendor, import, source)
        SELECT id, vendor, import, $4 FROM import_licenses WHERE import = $1 AND vendor = $2 AND piece = $3";
    tx.rows(sql.into(), args![import, scope.vendor(), piece, source]).await.map(|_| ())
}

/// A device by the id that another system gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Of which license.
    pub license: LicenseId,
    /// What the other system calls it.
    pub instance: String,
    /// What it is here.
    pub device: DeviceHash,
}

/// Notes devices of licenses of the scope's vendor. One that is noted already stays as it is.
pub async fn note_devices(tx: &mut Tx, scope: Scope, devices: &[KnownDevice]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Arg>> =
        devices.iter().map(|known| args![known.license, known.instance, scope.vendor(), known.device]).collect();
    let after = "ON CONFLICT (license, instance) DO NOTHING";
    tx.insert("known_devices", "license, instance, vendor, device", &rows, after).await.map(|_| ())
}

/// Notes a device of a license of the scope's vendor, where fewer than `most` of the license's are noted. One that is noted
/// already stays as it is.
pub async fn note_device(tx: &mut Tx, scope: Scope, known: &KnownDevice, most: u32) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM known_devices WHERE license = $1";
    let noted: i64 = value(tx, sql, args![known.license]).await?.unwrap_or(0);
    if noted < i64::from(most) {
        note_devices(tx, scope, std::slice::from_ref(known)).await?;
    }
    Ok(())
}

/// The device that another system called `instance`.
pub async fn device(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    instance: &str,
) -> Result<Option<DeviceHash>, StoreError> {
    let sql = "SELECT device FROM known_devices WHERE vendor = $1 AND license = $2 AND instance = $3";
    value(q, sql, args![scope.vendor(), license, instance.to_owned()]).await
}

/// Whether another system knew that device of a license.
pub async fn is_known(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    device: &DeviceHash,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM known_devices WHERE vendor = $1 AND license = $2 AND device = $3 LIMIT 1";
    Ok(!q.rows(sql.into(), args![scope.vendor(), license, device]).await?.is_empty())
}
