//! Claiming a seat: the one act that must never oversell (vocabulary, "License models and seat models").
//!
//! The license row is locked for the whole act, so claims of one license follow one another on any number of nodes; the
//! uniqueness of (license, device) is the second lock.

use super::{SeatRow, active_of_license, add_used, is_active};
use crate::{
    dialect::{COUNT_IN_SAME_STATEMENT, Dialect},
    error::StoreError,
    licenses::LicenseRow,
    scope::Scope,
    sql::{Arg, Querier, Record, all, args, first, value},
    tx::{Counted, Tx},
};
use holdfast_domain::{DeviceHash, Email, LicenseId, Name, SeatId, SeatModel, Seconds, Timestamp};

/// How long after the end of its lease a floating seat may be given to another: what renewals said may still be on its way
/// to the database.
const RECLAIM_MARGIN: Seconds = Seconds(5);

/// A license locked until the commit, and the seat that the device already has or had.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The license.
    pub license: LicenseRow,
    /// The device's seat, taken or given up.
    pub seat: Option<SeatRow>,
}

/// Locks a license of the scope's vendor and finds the device's seat. `None` where there is no such license. Give the job
/// [`crate::WriteOptions::license`] with the same id.
pub async fn lock(
    tx: &mut Tx,
    scope: Scope,
    license: LicenseId,
    device: &DeviceHash,
) -> Result<Option<Locked>, StoreError> {
    let sql = format!(
        "SELECT {}, seats.id FROM licenses LEFT JOIN seats ON seats.license = licenses.id AND seats.device = $3
         WHERE licenses.vendor = $1 AND licenses.id = $2{}",
        LicenseRow::COLUMNS,
        tx.dialect().lock_rows_of("licenses")
    );
    let rows = tx.rows(sql.into(), args![scope.vendor(), license, device]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let license = LicenseRow::read_at(row, 0)?;
    let known: Option<SeatId> = row.get(LicenseRow::WIDTH)?;
    // The join saw the seat as it was before the lock was granted; what counts is what it is now. A seat that appeared
    // while we waited is met by the insert's own uniqueness.
    let seat = if known.is_some() { of_device(tx, &license, device).await? } else { None };
    Ok(Some(Locked { license, seat }))
}

async fn of_device(tx: &mut Tx, license: &LicenseRow, device: &DeviceHash) -> Result<Option<SeatRow>, StoreError> {
    let sql = format!("SELECT {} FROM seats WHERE license = $1 AND device = $2", SeatRow::COLUMNS);
    first(tx, sql, args![license.license.id, device]).await
}

/// Who asks for a seat, and the lease that will be signed for it.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The id that a new seat gets.
    pub new_id: SeatId,
    /// The device.
    pub device: DeviceHash,
    /// The person, on a named-user license.
    pub user: Option<Email>,
    /// What the device is called.
    pub name: Option<Name>,
    /// Its platform.
    pub platform: Option<String>,
    /// The application's version.
    pub app_version: Option<String>,
    /// The device's own public key; an absent one leaves a stored one in place.
    pub device_key: Option<[u8; 32]>,
    /// Until when a floating seat is borrowed.
    pub borrowed_until: Option<Timestamp>,
    /// The sequence number of the lease.
    pub seq: i64,
    /// Its `soft` end.
    pub lease_ends_at: Timestamp,
    /// Its `exp`.
    pub offline_until: Timestamp,
    /// The time of the claim.
    pub now: Timestamp,
}

/// What came of a claim.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "almost every claim is the large one, and it is short-lived")]
pub enum Claim {
    /// The device has a seat.
    Claimed(Claimed),
    /// Every seat is taken, by these (at most 200, those not seen for the longest time first).
    LimitReached(Vec<SeatRow>),
    /// The user has seats on as many devices as they may, on these.
    DeviceLimitReached(Vec<SeatRow>),
    /// The license is for named users and the request names none.
    UserRequired,
}

/// A seat that was claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The seat as it is now.
    pub seat: SeatRow,
    /// Whether the device had it already; nothing was taken then.
    pub again: bool,
    /// How many seats are taken now.
    pub seats_used: u32,
    /// Whether the seat lies beyond the plan's seats, in its overdraft.
    pub over_limit: bool,
    /// Floating seats that were taken back for it, because their leases had ended.
    pub reclaimed: Vec<SeatId>,
}

/// Claims a seat of a license that [`lock`] locked in the same job. Whether the license may be used at all is the
/// caller's decision. A repeated claim leads to the same seat, so the job may be marked as idempotent.
pub async fn claim(tx: &mut Tx, locked: &Locked, request: &ClaimRequest) -> Result<Claim, StoreError> {
    let license = &locked.license;
    let named = match license.license.terms.seat_model {
        SeatModel::NamedUser { devices } => match &request.user {
            Some(user) => Some((user, i64::from(devices))),
            // A device that has a seat gets its own back, whoever sits there.
            None if locked.seat.as_ref().is_some_and(is_active) => None,
            None => return Ok(Claim::UserRequired),
        },
        SeatModel::NodeLocked | SeatModel::Floating => None,
    };
    if let Some(seat) = &locked.seat
        && is_active(seat)
    {
        if named.is_none_or(|(user, _)| seat.seat.user.as_ref() == Some(user)) {
            return again(tx, license, seat, request).await;
        }
        // Another person sits down at the device: the first one's place is given up, in this same act.
        super::release(tx, license.scope(), seat.seat.id, request.now).await?;
        let Some(fresh) = Box::pin(lock(tx, license.scope(), license.license.id, &request.device)).await? else {
            return Err(StoreError::internal("a locked license is gone"));
        };
        return Box::pin(claim(tx, &fresh, request)).await;
    }
    let mut takes_a_place = true;
    if let Some((user, devices)) = named {
        let sql = format!(
            "SELECT {} FROM seats WHERE license = $1 AND state = 'active' AND user_email = $2
             ORDER BY last_seen_at, id LIMIT 1000",
            SeatRow::COLUMNS
        );
        let own = all::<SeatRow>(tx, sql, args![license.license.id, user]).await?;
        if i64::try_from(own.len()).unwrap_or(i64::MAX) >= devices {
            return Ok(Claim::DeviceLimitReached(own));
        }
        takes_a_place = own.is_empty();
    }
    let limit = license.license.terms.seat_limit();
    let mut used = license.seats_used;
    let mut reclaimed = Vec::new();
    if takes_a_place && used >= limit && license.license.terms.seat_model == SeatModel::Floating {
        reclaimed = reclaim(tx, license, request.now).await?;
        used = used.saturating_sub(u32::try_from(reclaimed.len()).unwrap_or(u32::MAX));
    }
    if takes_a_place && used >= limit {
        return Ok(Claim::LimitReached(active_of_license(tx, license.scope(), license.license.id).await?));
    }
    let place = i64::from(takes_a_place);
    let seat = if let Some(seat) = &locked.seat {
        let seat = take_again(tx, seat, request).await?;
        if takes_a_place {
            add_used(tx, license, 1).await?;
        }
        seat
    } else if let Some(seat) = insert(tx, license, request, place).await? {
        seat
    } else {
        // The device's seat appeared while we waited for the lock.
        let seat = of_device(tx, license, &request.device).await?;
        let fresh = Locked { license: LicenseRow { seats_used: used, ..license.clone() }, seat };
        if fresh.seat.is_none() {
            return Err(StoreError::internal("a seat is in the way and cannot be seen"));
        }
        return Box::pin(claim(tx, &fresh, request)).await;
    };
    let seats_used = used + u32::from(takes_a_place);
    let over_limit = takes_a_place && seats_used > license.license.terms.seats;
    Ok(Claim::Claimed(Claimed { seat, again: false, seats_used, over_limit, reclaimed }))
}

const BARE: &str = "id, vendor, product, license, device, user_email, state, seq, device_key, borrowed_until, \
    lease_ends_at, claimed_at, name, platform, app_version, offline_until, first_seen_at, last_seen_at, continuity, \
    released_at";

/// Inserts a new seat and counts it. `None` where the device has one after all.
async fn insert(
    tx: &mut Tx,
    license: &LicenseRow,
    r: &ClaimRequest,
    place: i64,
) -> Result<Option<SeatRow>, StoreError> {
    let l = &license.license;
    let insert = format!(
        "INSERT INTO seats ({BARE}) VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $8, $9, $10, $11, $12, $13, $14, $15,
         $11, $11, 0, NULL) ON CONFLICT (license, device) DO NOTHING RETURNING {}",
        SeatRow::COLUMNS
    );
    let mut args: Vec<Arg> = args![
        r.new_id,
        l.vendor,
        l.product,
        l.id,
        r.device,
        r.user,
        r.seq,
        r.device_key,
        r.borrowed_until,
        r.lease_ends_at,
        r.now,
        r.name,
        r.platform,
        r.app_version,
        r.offline_until,
    ];
    let seat = if tx.dialect() == Dialect::Postgres {
        args.push(crate::sql::ToArg::arg(&place));
        let sql = COUNT_IN_SAME_STATEMENT.replace("{insert}", &insert);
        first::<SeatRow>(tx, sql, args).await?
    } else {
        let seat = first::<SeatRow>(tx, insert, args).await?;
        if seat.is_some() && place != 0 {
            add_used(tx, license, place).await?;
        }
        seat
    };
    if seat.is_some() {
        tx.counted(l.vendor, Counted::Seats, 1);
    }
    Ok(seat)
}

/// Takes a seat that was given up, for the same device.
async fn take_again(tx: &mut Tx, seat: &SeatRow, r: &ClaimRequest) -> Result<SeatRow, StoreError> {
    let sql = format!(
        "UPDATE seats SET state = 'active', released_at = NULL, claimed_at = $2, continuity = 0, {REFRESH}
         WHERE id = $1 RETURNING {}",
        SeatRow::COLUMNS
    );
    refreshed(tx, sql, seat, r).await
}

/// Notes what the same device says of itself when it activates again.
async fn again(tx: &mut Tx, license: &LicenseRow, seat: &SeatRow, r: &ClaimRequest) -> Result<Claim, StoreError> {
    let sql = format!("UPDATE seats SET {REFRESH} WHERE id = $1 RETURNING {}", SeatRow::COLUMNS);
    let seat = refreshed(tx, sql, seat, r).await?;
    let seats_used = license.seats_used;
    Ok(Claim::Claimed(Claimed { seat, again: true, seats_used, over_limit: false, reclaimed: Vec::new() }))
}

const REFRESH: &str = "last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END,
    user_email = coalesce($3, user_email), name = coalesce($4, name), platform = coalesce($5, platform),
    app_version = coalesce($6, app_version), device_key = coalesce($7, device_key), borrowed_until = $8,
    lease_ends_at = CASE WHEN seq < $9 THEN $10 ELSE lease_ends_at END,
    offline_until = CASE WHEN seq < $9 THEN $11 ELSE offline_until END,
    seq = CASE WHEN seq < $9 THEN $9 ELSE seq END";

async fn refreshed(tx: &mut Tx, sql: String, seat: &SeatRow, r: &ClaimRequest) -> Result<SeatRow, StoreError> {
    let args = args![
        seat.seat.id,
        r.now,
        r.user,
        r.name,
        r.platform,
        r.app_version,
        r.device_key,
        r.borrowed_until,
        r.seq,
        r.lease_ends_at,
        r.offline_until,
    ];
    first(tx, sql, args).await?.ok_or_else(|| StoreError::internal("a seat of a locked license is gone"))
}

/// Takes back the floating seats of a locked license whose leases have ended. Returns which.
async fn reclaim(tx: &mut Tx, license: &LicenseRow, now: Timestamp) -> Result<Vec<SeatId>, StoreError> {
    let sql = "UPDATE seats SET state = 'released', released_at = $2, borrowed_until = NULL
        WHERE license = $1 AND state = 'active' AND lease_ends_at < $3 RETURNING id";
    let ended = now.plus(Seconds(-RECLAIM_MARGIN.0));
    let rows = tx.rows(sql.into(), args![license.license.id, now, ended]).await?;
    let mut ids = rows.iter().map(|row| row.get::<SeatId>(0)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    if !ids.is_empty() {
        add_used(tx, license, -i64::try_from(ids.len()).unwrap_or(0)).await?;
    }
    Ok(ids)
}

/// How many seats of a license are really taken, to check `seats_used` against.
pub async fn count_taken(q: &mut dyn Querier, scope: Scope, license: LicenseId) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM seats WHERE vendor = $1 AND license = $2 AND state = 'active'";
    Ok(value(q, sql, args![scope.vendor(), license]).await?.unwrap_or(0))
}
