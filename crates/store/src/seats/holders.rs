//! Seats of named users that were handed out: taken from then on, with or without a device.

use super::{add_used, devices_of};
use crate::{
    error::StoreError,
    licenses::LicenseRow,
    scope::Scope,
    sql::{Querier, Record, Row, all, args, record},
    tx::Tx,
};
use holdfast_domain::{CustomerId, Email, LicenseId, Name, Timestamp, VendorId};

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

/// Somebody to whom a seat was handed out, and who has no device on it.
#[derive(Clone, Debug)]
pub struct WaitingHolder {
    /// Who, of which license and since when.
    pub holder: HolderRow,
    /// The last characters of the license's key.
    pub key_hint: String,
    /// What its product is called.
    pub product: Name,
}

impl Record for WaitingHolder {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = HolderRow::WIDTH + 2;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        let rest = at + HolderRow::WIDTH;
        Ok(Self { holder: HolderRow::read_at(row, at)?, key_hint: row.get(rest)?, product: row.get(rest + 1)? })
    }
}

/// To whom seats of a customer's licenses were handed out and who have no device on them, those first to whom it was last; at
/// most `most`.
pub async fn without_device(
    q: &mut dyn Querier,
    scope: Scope,
    customer: CustomerId,
    most: u32,
) -> Result<Vec<WaitingHolder>, StoreError> {
    let sql = format!(
        "SELECT {}, licenses.key_hint, products.name FROM licenses
         JOIN seat_holders ON seat_holders.vendor = licenses.vendor AND seat_holders.license = licenses.id
         JOIN products ON products.vendor = licenses.vendor AND products.id = licenses.product
         WHERE licenses.vendor = $1 AND licenses.customer = $2 AND NOT EXISTS (
            SELECT 1 FROM seats WHERE seats.license = seat_holders.license AND seats.state = 'active'
                AND seats.user_email = seat_holders.email)
         ORDER BY seat_holders.created_at DESC, seat_holders.email, seat_holders.license LIMIT {most}",
        HolderRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), customer]).await
}

/// Whether a seat of a license was handed out to somebody.
pub(super) async fn is_holder(q: &mut dyn Querier, license: LicenseId, email: &Email) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM seat_holders WHERE license = $1 AND email = $2";
    Ok(!q.rows(sql.into(), args![license, email]).await?.is_empty())
}
