//! Seats: rows, look-up, lists, release.

mod claim;
mod holders;
pub(crate) mod ledger;
mod list;
mod touch;

pub use claim::{Claim, ClaimRequest, Claimed, Locked, Reclaim, claim, count_taken, lock};
pub use holders::{HandedOut, HolderRow, WaitingHolder, hand_out, holders, take_back, without_device};
pub use list::{SeatFilter, SeatListRow, SeatSort, list};
pub use touch::{SeatTouch, touch_many};

use crate::{
    error::StoreError,
    licenses::LicenseRow,
    page::COUNT_CAP,
    scope::Scope,
    sql::{Arg, Querier, Record, Row, all, args, first, value},
    tx::Tx,
};
use holdfast_domain::{
    CustomerId, DeviceHash, Email, License, LicenseId, Name, ProductId, Seat, SeatId, SeatModel, SeatState, Timestamp,
    VendorId,
};
use std::collections::{BTreeMap, HashMap};

/// A seat as it is stored.
#[derive(Clone, Debug)]
pub struct SeatRow {
    /// What decisions need of it.
    pub seat: Seat,
    /// Whose.
    pub vendor: VendorId,
    /// For which product.
    pub product: ProductId,
    /// What the device is called.
    pub name: Option<Name>,
    /// Its platform, as the application said.
    pub platform: Option<String>,
    /// The application's version, as it said.
    pub app_version: Option<String>,
    /// The hard end of the newest lease known.
    pub offline_until: Timestamp,
    /// When the device was seen for the first time.
    pub first_seen_at: Timestamp,
    /// When it was seen last.
    pub last_seen_at: Timestamp,
    /// How many leases in a row were granted without the database.
    pub continuity: i64,
    /// When it was given up.
    pub released_at: Option<Timestamp>,
    /// The region whose node signed the newest lease known; absent where that node was too old to say.
    pub region: Option<String>,
}

impl SeatRow {
    /// The data of the seat's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

impl Record for SeatRow {
    const COLUMNS: &'static str = "seats.id, seats.vendor, seats.product, seats.license, seats.device, \
        seats.user_email, seats.state, seats.seq, seats.device_key, seats.borrowed_until, seats.lease_ends_at, \
        seats.claimed_at, seats.name, seats.platform, seats.app_version, seats.offline_until, seats.first_seen_at, \
        seats.last_seen_at, seats.continuity, seats.released_at, seats.region";
    const WIDTH: usize = 21;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            seat: Seat {
                id: row.get(at)?,
                license: row.get(at + 3)?,
                device: row.get(at + 4)?,
                user: row.get(at + 5)?,
                state: row.get(at + 6)?,
                seq: row.get(at + 7)?,
                device_key: row.get(at + 8)?,
                borrowed_until: row.get(at + 9)?,
                lease_ends_at: row.get(at + 10)?,
                claimed_at: row.get(at + 11)?,
            },
            vendor: row.get(at + 1)?,
            product: row.get(at + 2)?,
            name: row.get(at + 12)?,
            platform: row.get(at + 13)?,
            app_version: row.get(at + 14)?,
            offline_until: row.get(at + 15)?,
            first_seen_at: row.get(at + 16)?,
            last_seen_at: row.get(at + 17)?,
            continuity: row.get(at + 18)?,
            released_at: row.get(at + 19)?,
            region: row.get(at + 20)?,
        })
    }
}

/// Seats with their licenses, by the seats' products and ids. What [`crate::Store::seat_with_license`] reads.
pub(crate) async fn with_licenses(
    q: &mut dyn Querier,
    seats: &[(ProductId, SeatId)],
) -> Result<HashMap<(ProductId, SeatId), (LicenseRow, SeatRow)>, StoreError> {
    let wanted: Vec<Vec<Arg>> = seats.iter().map(|(product, seat)| args![product, seat]).collect();
    let (source, args) = q.dialect().constants(&wanted, 0);
    let sql = format!(
        "WITH said (product, seat) AS ({source}) SELECT {}, {} FROM said CROSS JOIN {}
         CROSS JOIN licenses WHERE licenses.id = seats.license",
        LicenseRow::COLUMNS,
        SeatRow::COLUMNS,
        q.dialect().each_by("seats", "seats.id = said.seat AND seats.product = said.product")
    );
    let rows = q.rows(sql.into(), args).await?;
    let read = |row: &Row| {
        let (license, seat) = (LicenseRow::read_at(row, 0)?, SeatRow::read_at(row, LicenseRow::WIDTH)?);
        Ok(((seat.product, seat.seat.id), (license, seat)))
    };
    rows.iter().map(read).collect()
}

/// A seat of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: SeatId) -> Result<Option<SeatRow>, StoreError> {
    let sql = format!("SELECT {} FROM seats WHERE vendor = $1 AND id = $2", SeatRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The seat of a device on a license of the scope's vendor, taken or given up.
pub async fn by_device(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    device: &DeviceHash,
) -> Result<Option<SeatRow>, StoreError> {
    let sql = format!("SELECT {} FROM seats WHERE vendor = $1 AND license = $2 AND device = $3", SeatRow::COLUMNS);
    first(q, sql, args![scope.vendor(), license, device]).await
}

/// The seats of a device on any license of the scope's vendor, those seen last first; at most `limit`.
pub async fn of_device(
    q: &mut dyn Querier,
    scope: Scope,
    device: &DeviceHash,
    limit: usize,
) -> Result<Vec<SeatRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {} ORDER BY seats.last_seen_at DESC, seats.id DESC LIMIT {limit}",
        SeatRow::COLUMNS,
        q.dialect().found_by("seats", "seats_device_idx", "vendor = $1 AND device = $2")
    );
    all(q, sql, args![scope.vendor(), device]).await
}

/// The taken seats of a license, those not seen for the longest time first, at most 200.
pub async fn active_of_license(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
) -> Result<Vec<SeatRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {} WHERE seats.vendor = $1 ORDER BY seats.last_seen_at, seats.id LIMIT 200",
        SeatRow::COLUMNS,
        in_state(q, SeatState::Active)
    );
    all(q, sql, args![scope.vendor(), license]).await
}

/// The seats of a license in one state, those seen last first, at most `limit`.
pub async fn of_license(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    state: SeatState,
    limit: usize,
) -> Result<Vec<SeatRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {} WHERE seats.vendor = $1 ORDER BY seats.last_seen_at DESC, seats.id DESC LIMIT {limit}",
        SeatRow::COLUMNS,
        in_state(q, state)
    );
    all(q, sql, args![scope.vendor(), license]).await
}

/// The taken seats of somebody on a license for named users, those not seen for the longest time first; at most 1000, which
/// is as many devices as a plan may allow.
pub async fn of_user(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    user: &Email,
) -> Result<Vec<SeatRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM seats WHERE vendor = $1 AND license = $2 AND state = 'active' AND user_email = $3
         ORDER BY last_seen_at, id LIMIT 1000",
        SeatRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), license, user]).await
}

/// A table expression of the seats of license `$2` in one state.
fn in_state(q: &dyn Querier, state: SeatState) -> String {
    let (index, word) = match state {
        SeatState::Active => ("seats_license_idx", "active"),
        SeatState::Released => ("seats_device_key", "released"),
    };
    q.dialect().found_by("seats", index, &format!("license = $2 AND state = '{word}'"))
}

/// All seats of a license, those seen last first; at most `limit`. No more than their ids, since a license may have many.
pub async fn ids_of_license(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    limit: usize,
) -> Result<Vec<SeatId>, StoreError> {
    let sql = format!(
        "SELECT seats.id FROM {} WHERE seats.vendor = $1 ORDER BY seats.last_seen_at DESC, seats.id DESC LIMIT {limit}",
        q.dialect().found_by("seats", "seats_device_key", "license = $2")
    );
    q.rows(sql.into(), args![scope.vendor(), license]).await?.iter().map(|row| row.get(0)).collect()
}

/// The seats of all licenses of a customer, those seen last first; at most `limit`, and no more than their ids. Of somebody
/// who has more than [`COUNT_CAP`] of them, so many are looked at.
pub async fn ids_of_customer(
    q: &mut dyn Querier,
    scope: Scope,
    customer: CustomerId,
    limit: usize,
) -> Result<Vec<SeatId>, StoreError> {
    let sql = format!(
        "SELECT id FROM (
            SELECT seats.id, seats.last_seen_at FROM licenses{} CROSS JOIN {}
            WHERE licenses.vendor = $1 AND licenses.customer = $2 LIMIT {COUNT_CAP}
         ) AS found ORDER BY last_seen_at DESC, id DESC LIMIT {limit}",
        q.dialect().by_index(Some("licenses_customer_idx")),
        q.dialect().each_by("seats", "seats.license = licenses.id")
    );
    q.rows(sql.into(), args![scope.vendor(), customer]).await?.iter().map(|row| row.get(0)).collect()
}

/// The seats of `licenses` that are taken, or were given up after `since`; `None` where they are more than `most`.
pub async fn taken_since(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
    since: Timestamp,
    most: usize,
) -> Result<Option<Vec<SeatRow>>, StoreError> {
    let mut found = Vec::new();
    for chunk in licenses.chunks(200) {
        let mut args = args![scope.vendor(), since];
        let among = q.dialect().any_of("seats.license", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT {} FROM seats{} WHERE vendor = $1 AND {among} AND (state = 'active' OR released_at >= $2) LIMIT {}",
            SeatRow::COLUMNS,
            q.dialect().by_index(Some("seats_device_key")),
            most + 1 - found.len()
        );
        found.extend(all::<SeatRow>(q, sql, args).await?);
        if found.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// The seats of a license that were given up at `since` or later, the last one first, at most `limit`.
pub async fn released_since(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<SeatRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM {} WHERE seats.vendor = $1 AND seats.released_at >= $3
         ORDER BY seats.released_at DESC, seats.id LIMIT {limit}",
        SeatRow::COLUMNS,
        in_state(q, SeatState::Released)
    );
    all(q, sql, args![scope.vendor(), license, since]).await
}

/// Gives a seat another name. False where there is no such seat.
pub async fn rename(tx: &mut Tx, scope: Scope, id: SeatId, name: &Name) -> Result<bool, StoreError> {
    let sql = "UPDATE seats SET name = $3 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, name]).await?.is_empty())
}

/// Notes that a lease of the seat is handed out for somebody to carry.
pub async fn note_lease_handed_out(tx: &mut Tx, scope: Scope, id: SeatId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE seats SET lease_handed_out_at = $3 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, now]).await.map(|_| ())
}

/// Whether one was handed out since the device took the seat: then whoever presents a lease need not be the device.
pub async fn was_lease_handed_out(q: &mut dyn Querier, scope: Scope, id: SeatId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM seats WHERE vendor = $1 AND id = $2 AND lease_handed_out_at >= claimed_at";
    Ok(!q.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty())
}

/// What came of a release.
#[derive(Clone, Debug)]
pub struct Released {
    /// The seat as it is now.
    pub seat: SeatRow,
    /// Whether it was taken until now; otherwise nothing changed.
    pub was_active: bool,
    /// Until when it was borrowed when it was given up.
    pub borrowed_until: Option<Timestamp>,
}

/// Gives a seat up. Releasing a released seat changes nothing. `None` where there is no such seat. The caller's job has
/// the seat's license as its key ([`crate::WriteOptions::license`]).
pub async fn release(tx: &mut Tx, scope: Scope, id: SeatId, now: Timestamp) -> Result<Option<Released>, StoreError> {
    let Some(known) = get(tx, scope, id).await? else { return Ok(None) };
    let Some(license) = crate::licenses::lock(tx, scope, known.seat.license).await? else { return Ok(None) };
    // Until the license was locked, somebody else could borrow it.
    let borrowed_until = get(tx, scope, id).await?.and_then(|known| known.seat.borrowed_until);
    let sql = format!(
        "UPDATE seats SET state = 'released', released_at = $3, borrowed_until = NULL
         WHERE vendor = $1 AND id = $2 AND state = 'active' RETURNING {}",
        SeatRow::COLUMNS
    );
    let Some(seat) = first::<SeatRow>(tx, sql, args![scope.vendor(), id, now]).await? else {
        return Ok(get(tx, scope, id).await?.map(|seat| Released { seat, was_active: false, borrowed_until: None }));
    };
    let frees_a_place = match license.license.terms.seat_model {
        SeatModel::NodeLocked | SeatModel::Floating => true,
        SeatModel::NamedUser { .. } => !has_place(tx, license.license.id, seat.seat.user.as_ref()).await?,
    };
    if frees_a_place {
        add_used(tx, &license, -1).await?;
    }
    Ok(Some(Released { seat, was_active: true, borrowed_until }))
}

/// What came of giving a seat back to its device.
#[derive(Clone, Debug)]
pub enum Restored {
    /// The device has its seat again.
    Done(Box<SeatRow>),
    /// It was not given up then, or was taken or given up once more since.
    Changed,
    /// Its place is taken by others now.
    Full,
}

/// Gives a seat that was given up at `released` back to its device, borrowed as it was, if its place is still free. `None`
/// where there is no such seat. The caller's job has the seat's license as its key ([`crate::WriteOptions::license`]).
pub async fn restore(
    tx: &mut Tx,
    scope: Scope,
    id: SeatId,
    released: Timestamp,
    borrowed_until: Option<Timestamp>,
) -> Result<Option<Restored>, StoreError> {
    let Some(known) = get(tx, scope, id).await? else { return Ok(None) };
    let Some(license) = crate::licenses::lock(tx, scope, known.seat.license).await? else { return Ok(None) };
    let Some(seat) = get(tx, scope, id).await? else { return Ok(None) };
    if is_active(&seat) || seat.released_at != Some(released) {
        return Ok(Some(Restored::Changed));
    }
    let (takes_a_place, fits) = match license.license.terms.seat_model {
        SeatModel::NodeLocked | SeatModel::Floating => (true, true),
        SeatModel::NamedUser { devices } => {
            let (id, user) = (license.license.id, seat.seat.user.as_ref());
            let others = match user {
                Some(user) => devices_of(tx, id, user).await?,
                None => 0,
            };
            (!has_place(tx, id, user).await?, others < i64::from(devices))
        }
    };
    if !fits || (takes_a_place && license.seats_used >= license.license.terms.seat_limit()) {
        return Ok(Some(Restored::Full));
    }
    let sql = format!(
        "UPDATE seats SET state = 'active', released_at = NULL, borrowed_until = $3 WHERE vendor = $1 AND id = $2
         RETURNING {}",
        SeatRow::COLUMNS
    );
    let args = args![scope.vendor(), id, borrowed_until];
    let Some(seat) = first::<SeatRow>(tx, sql, args).await? else { return Ok(None) };
    if takes_a_place {
        add_used(tx, &license, 1).await?;
    }
    Ok(Some(Restored::Done(Box::new(seat))))
}

/// What counts the taken seats of licenses as `model` does (devices, or people), each with its license; `among` says of which
/// licenses, and `by_index` how their seats are found.
pub(crate) fn count_as(model: SeatModel, among: &str, by_index: &str) -> String {
    let taken = |what: &str| format!("SELECT {what} FROM seats{by_index} WHERE {among} AND state = 'active'");
    match model {
        SeatModel::NodeLocked | SeatModel::Floating => {
            format!("{} GROUP BY license", taken("license, count(*) AS places"))
        }
        // A seat without a person stands for itself, as in `release`; whoever was handed one has it without a device.
        SeatModel::NamedUser { .. } => format!(
            "SELECT license, count(DISTINCT who) + count(*) - count(who) AS places FROM (
                {} UNION ALL SELECT license, email AS who FROM seat_holders WHERE {among}
             ) AS held GROUP BY license",
            taken("license, user_email AS who")
        ),
    }
}

/// Counts the taken seats of a locked license anew, as its present model counts them.
pub async fn recount(tx: &mut Tx, license: &License) -> Result<(), StoreError> {
    let counted = count_as(license.terms.seat_model, "license = $2", "");
    let sql = format!(
        "UPDATE licenses SET seats_used = coalesce((SELECT places FROM ({counted}) AS counted), 0)
         WHERE vendor = $1 AND id = $2"
    );
    tx.rows(sql.into(), args![license.vendor, license.id]).await.map(|_| ())
}

/// How many places of each of `licenses` are taken as `model` would count them; nothing for those with no seat taken.
pub async fn counted_as(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
    model: SeatModel,
) -> Result<BTreeMap<LicenseId, u32>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in licenses.chunks(200) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("license", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let by_index = q.dialect().by_index(Some("seats_license_idx"));
        let sql = count_as(model, &format!("vendor = $1 AND {among}"), &by_index);
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// On how many devices each of `users` has a taken seat of a license; nobody who has none.
pub async fn devices_of_users(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    users: &[Email],
) -> Result<BTreeMap<Email, u32>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in users.chunks(200) {
        let mut args = args![scope.vendor(), license];
        let among = q.dialect().any_of("seats.user_email", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT seats.user_email, count(*) FROM {} WHERE seats.vendor = $1 AND {among} GROUP BY seats.user_email",
            in_state(q, SeatState::Active)
        );
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// On how many devices somebody has a taken seat of a license.
async fn devices_of(q: &mut dyn Querier, license: LicenseId, user: &Email) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM seats WHERE license = $1 AND state = 'active' AND user_email = $2";
    Ok(value(q, sql, args![license, user]).await?.unwrap_or(0))
}

/// Whether somebody takes a place of a license for named users: by a device, or because it was handed out to them.
async fn has_place(q: &mut dyn Querier, license: LicenseId, user: Option<&Email>) -> Result<bool, StoreError> {
    let Some(user) = user else { return Ok(false) };
    Ok(devices_of(q, license, user).await? > 0 || holders::is_holder(q, license, user).await?)
}

/// Counts seats of a locked license up or down; never below none.
async fn add_used(tx: &mut Tx, license: &LicenseRow, more: i64) -> Result<(), StoreError> {
    let sql = "UPDATE licenses SET seats_used = CASE WHEN seats_used + $3 < 0 THEN 0 ELSE seats_used + $3 END
        WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![license.license.vendor, license.license.id, more]).await.map(|_| ())
}

/// Notes that the holder freed a seat from inside the application: counts towards the plan's abuse budget.
pub async fn note_release_by_key(
    tx: &mut Tx,
    scope: Scope,
    license: LicenseId,
    seat: SeatId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO seat_releases (vendor, license, seat, at) VALUES ($1, $2, $3, $4)";
    tx.rows(sql.into(), args![scope.vendor(), license, seat, now]).await.map(|_| ())
}

/// How many seats the holder freed from inside the application since `since`.
pub async fn releases_by_key(
    q: &mut dyn Querier,
    scope: Scope,
    license: LicenseId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM seat_releases WHERE vendor = $1 AND license = $2 AND at > $3";
    Ok(value(q, sql, args![scope.vendor(), license, since]).await?.unwrap_or(0))
}

/// Sets until when a floating seat is borrowed, or that it no longer is. False where it is not a taken seat.
pub async fn set_borrowed(tx: &mut Tx, scope: Scope, id: SeatId, until: Option<Timestamp>) -> Result<bool, StoreError> {
    let sql = "UPDATE seats SET borrowed_until = $3 WHERE vendor = $1 AND id = $2 AND state = 'active' RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, until]).await?.is_empty())
}

/// The ids of a product's seats that were given up while a lease of theirs may still run at `now`: what its revocation
/// list names.
pub async fn released_with_running_lease(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    now: Timestamp,
) -> Result<Vec<SeatId>, StoreError> {
    let sql = "SELECT id FROM seats WHERE vendor = $1 AND product = $2 AND state = 'released' AND offline_until > $3
        ORDER BY id";
    q.rows(sql.into(), args![scope.vendor(), product, now]).await?.iter().map(|row| row.get(0)).collect()
}

/// Those of these seats whose license is suspended, revoked or has ended at `now`, or that were given up: with why, at most
/// a hundred. For an account of what was granted without asking.
pub async fn no_longer_entitled(
    q: &mut dyn Querier,
    scope: Scope,
    seats: &[SeatId],
    now: Timestamp,
) -> Result<Vec<(SeatId, &'static str)>, StoreError> {
    let mut found = Vec::new();
    for chunk in seats.chunks(500) {
        let mut args = args![scope.vendor(), now];
        let among = q.dialect().any_of("seats.id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT seats.id, seats.state, licenses.status FROM seats JOIN licenses ON licenses.id = seats.license
             WHERE seats.vendor = $1 AND (seats.state <> 'active' OR licenses.status <> 'active' OR licenses.ends_at <= $2)
             AND {among} ORDER BY seats.id LIMIT 100"
        );
        for row in q.rows(sql.into(), args).await? {
            let why = match (row.get::<String>(1)?.as_str(), row.get::<String>(2)?.as_str()) {
                (_, "revoked") => "revoked",
                (_, "suspended") => "suspended",
                ("active", _) => "expired",
                _ => "released",
            };
            found.push((row.get(0)?, why));
        }
        if found.len() >= 100 {
            found.truncate(100);
            break;
        }
    }
    Ok(found)
}

/// Whether a state is that of a taken seat.
pub(crate) fn is_active(seat: &SeatRow) -> bool {
    seat.seat.state == SeatState::Active
}
