//! Seats of named users that were handed out: taken from then on, with or without a device.

use super::{add_used, devices_of};
use crate::{
    error::StoreError,
    licenses::LicenseRow,
    scope::Scope,
    sql::{Querier, Record as _, all, args, record},
    tx::Tx,
};
use holdfast_domain::{Email, LicenseId, Timestamp, VendorId};

record! {
    /// Somebody to whom a seat of a license was handed out.
    pub struct HolderRow in "seat_holders" {
        /// Whose license.
        pub vendor: VendorId,
        /// The license.
        pub license: LicenseId,
        /// Their address: with it their devices activate.
        pub email: Email,
        /// When it was handed out.
        pub created_at: Timestamp,
    }
}

/// What came of handing a seat out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// It is theirs.
    Done,
    /// It was theirs before.
    Had,
    /// None is free.
    Full,
}

/// Hands a seat of a license that is locked in this job out to somebody; whoever has devices on it keeps the seat that they
/// take. Never more than the plan's seats: its overdraft is for those who activate. The caller's job has the license as its
/// key ([`crate::WriteOptions::license`]).
pub async fn hand_out(
    tx: &mut Tx,
    license: &LicenseRow,
    email: &Email,
    now: Timestamp,
) -> Result<HandedOut, StoreError> {
    let (id, scope) = (license.license.id, license.scope());
    if is_holder(tx, id, email).await? {
        return Ok(HandedOut::Had);
    }
    let takes_a_place = devices_of(tx, id, email).await? == 0;
    if takes_a_place && license.seats_used >= license.license.terms.seats {
        return Ok(HandedOut::Full);
    }
    let sql = "INSERT INTO seat_holders (vendor, license, email, created_at) VALUES ($1, $2, $3, $4)";
    tx.rows(sql.into(), args![scope.vendor(), id, email, now]).await?;
    if takes_a_place {
        add_used(tx, license, 1).await?;
    }
    Ok(HandedOut::Done)
}

/// Takes back what was handed out; devices that somebody has activated keep their seat until they are released. False where
/// it was not handed out. The license is locked in this job, as for [`hand_out`].
pub async fn take_back(tx: &mut Tx, license: &LicenseRow, email: &Email) -> Result<bool, StoreError> {
    let id = license.license.id;
    let sql = "DELETE FROM seat_holders WHERE vendor = $1 AND license = $2 AND email = $3 RETURNING 1";
    if tx.rows(sql.into(), args![license.scope().vendor(), id, email]).await?.is_empty() {
        return Ok(false);
    }
    if devices_of(tx, id, email).await? == 0 {
        add_used(tx, license, -1).await?;
    }
    Ok(true)
}

/// To whom seats of a license of the scope's vendor were handed out, by address.
pub async fn holders(q: &mut dyn Querier, scope: Scope, license: LicenseId) -> Result<Vec<HolderRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM seat_holders WHERE vendor = $1 AND license = $2 ORDER BY seat_holders.email",
        HolderRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), license]).await
}

/// Whether a seat of a license was handed out to somebody.
pub(super) async fn is_holder(q: &mut dyn Querier, license: LicenseId, email: &Email) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM seat_holders WHERE license = $1 AND email = $2";
    Ok(!q.rows(sql.into(), args![license, email]).await?.is_empty())
}
