//! Claiming a seat: the one act that must never oversell (vocabulary, "License models and seat models").
//!
//! The license row is locked for the whole act, so claims of one license follow one another on any number of nodes; the
//! uniqueness of (license, device) is the second lock.

use super::{SeatRow, active_of_license, holders::is_holder, is_active, of_user};
use crate::{
    error::StoreError,
    licenses::LicenseRow,
    scope::Scope,
    sql::{Querier, args, value},
    tx::{Counted, Tx},
};
use holdfast_domain::{
    DeviceHash, Email, LicenseId, Name, NodeId, Seat, SeatId, SeatModel, SeatState, Seconds, Timestamp,
};
use std::sync::Arc;

/// A license locked until the commit, and the seat that the device already has or had.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The license; its `seats_used` is what it was before the batch.
    pub license: Arc<LicenseRow>,
    /// How many of its seats are taken now.
    pub seats_used: u32,
    /// The device's seat, taken or given up.
    pub seat: Option<SeatRow>,
}

/// Locks a license of the scope's vendor and finds the device's seat. `None` where there is no such license. Give the job
/// [`crate::WriteOptions::claim`] with the same id and device: then both are read together with those of all other claims
/// of the batch.
pub async fn lock(
    tx: &mut Tx,
    scope: Scope,
    license: LicenseId,
    device: &DeviceHash,
) -> Result<Option<Locked>, StoreError> {
    if tx.ledger.license(license).is_none() || tx.ledger.seat(license, device).is_none() {
        tx.load(&[(license, Some(*device))]).await?;
    }
    let found = tx.ledger.license(license).filter(|(row, _)| row.license.vendor == scope.vendor());
    let seat = tx.ledger.seat(license, device).flatten();
    Ok(found.map(|(license, seats_used)| Locked { license, seats_used, seat }))
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
    /// The region of the node that decides, where it belongs to one.
    pub region: Option<String>,
    /// The time of the claim.
    pub now: Timestamp,
    /// Which floating seats may be taken back for it.
    pub reclaim: Reclaim,
}

/// Which floating seats may be given to another device: those whose lease has ended, and which no node can have renewed
/// unseen. A node renews a floating seat without asking only while its lease runs, by the node's own clock; so what it
/// signed before the end is accounted for as soon as its `settled_at` lies after it.
///
/// What a node signed and nobody knows of, because it vanished or its process was killed, may itself have been renewed by
/// others for as long as it ran. So such a span counts until every node has settled after the last lease of it.
#[derive(Clone, Copy, Debug)]
pub struct Reclaim {
    /// The node that decides, which knows by itself what it signed.
    pub node: NodeId,
    /// Up to when that node has accounted for everything: now, or earlier.
    pub settled_at: Timestamp,
    /// For how long a node carries floating seats on that has lost the database.
    pub alone: Seconds,
    /// How long a lease of the license lasts.
    pub lease: Seconds,
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
    /// Every seat is taken, but leases of some have ended, and whether a node has renewed them is not known yet.
    Unsettled,
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
    let license = &*locked.license;
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
            let seat = refresh(tx, seat, request, false).await?;
            let seats_used = locked.seats_used;
            return Ok(Claim::Claimed(Claimed {
                seat,
                again: true,
                seats_used,
                over_limit: false,
                reclaimed: Vec::new(),
            }));
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
        let own = of_user(&mut tx.beside(), license.scope(), license.license.id, user).await?;
        if i64::try_from(own.len()).unwrap_or(i64::MAX) >= devices {
            return Ok(Claim::DeviceLimitReached(own));
        }
        takes_a_place = own.is_empty() && !is_holder(&mut tx.beside(), license.license.id, user).await?;
    }
    let limit = license.license.terms.seat_limit();
    let mut used = locked.seats_used;
    let mut reclaimed = Vec::new();
    if takes_a_place && used >= limit && license.license.terms.seat_model == SeatModel::Floating {
        reclaimed = reclaim(tx, license, request).await?;
        used = used.saturating_sub(u32::try_from(reclaimed.len()).unwrap_or(u32::MAX));
    }
    if takes_a_place && used >= limit {
        if license.license.terms.seat_model == SeatModel::Floating && has_lapsed(tx, license, request.now).await? {
            return Ok(Claim::Unsettled);
        }
        let taken = active_of_license(&mut tx.beside(), license.scope(), license.license.id).await?;
        return Ok(Claim::LimitReached(taken));
    }
    if takes_a_place {
        tx.ledger.count(license, 1);
    }
    let seat = if let Some(seat) = &locked.seat {
        refresh(tx, seat, request, true).await?
    } else {
        let seat = new_seat(license, request);
        tx.ledger.insert(&seat);
        tx.counted(license.license.vendor, Counted::Seats, 1);
        seat
    };
    let seats_used = used + u32::from(takes_a_place);
    let over_limit = takes_a_place && seats_used > license.license.terms.seats;
    Ok(Claim::Claimed(Claimed { seat, again: false, seats_used, over_limit, reclaimed }))
}

fn new_seat(license: &LicenseRow, r: &ClaimRequest) -> SeatRow {
    SeatRow {
        seat: Seat {
            id: r.new_id,
            license: license.license.id,
            device: r.device,
            user: r.user.clone(),
            state: SeatState::Active,
            seq: r.seq,
            device_key: r.device_key,
            borrowed_until: r.borrowed_until,
            lease_ends_at: r.lease_ends_at,
            claimed_at: r.now,
        },
        vendor: license.license.vendor,
        product: license.license.product,
        name: r.name.clone(),
        platform: r.platform.clone(),
        app_version: r.app_version.clone(),
        offline_until: r.offline_until,
        first_seen_at: r.now,
        last_seen_at: r.now,
        continuity: 0,
        released_at: None,
        region: r.region.clone(),
    }
}

/// Notes what a device says of the seat that it has, or had and takes again.
async fn refresh(tx: &mut Tx, seat: &SeatRow, request: &ClaimRequest, taken: bool) -> Result<SeatRow, StoreError> {
    if !tx.ledger.has_room_for(seat.seat.id) {
        tx.settle().await?;
    }
    Ok(tx.ledger.again(seat, request, taken))
}

/// Takes back the floating seats of a locked license that may be taken back ([`Reclaim`]). Returns which.
async fn reclaim(tx: &mut Tx, license: &LicenseRow, request: &ClaimRequest) -> Result<Vec<SeatId>, StoreError> {
    let (now, of) = (request.now, request.reclaim);
    let before = |at: Timestamp, span: i64| at.plus(Seconds(span.saturating_neg()));
    let unheard = of.alone.0.saturating_add(of.lease.0);
    // Up to when everybody who may still sign has accounted for everything.
    let sql = "SELECT min(settled_at) FROM nodes WHERE state = 'running' AND id <> $1 AND settled_at >= $2";
    let others: Option<Option<Timestamp>> = value(&mut tx.beside(), sql, args![of.node, before(now, unheard)]).await?;
    let calm = others.flatten().unwrap_or(now).min(of.settled_at).min(now);
    // Documents count in seconds: a lease runs, and is renewed, to the end of the second in which it ends.
    let sql = "UPDATE seats SET state = 'released', released_at = $2, borrowed_until = NULL
        WHERE license = $1 AND state = 'active' AND lease_ends_at + 1000000 <= $3 AND NOT EXISTS (
            SELECT 1 FROM nodes WHERE nodes.state = 'running' AND nodes.id <> $4
                AND nodes.settled_at < seats.lease_ends_at + 1000000 AND nodes.settled_at >= $5
                OR nodes.lost_until >= $6 AND nodes.lost_from < seats.lease_ends_at + 1000000)
        RETURNING id";
    let settled = of.settled_at.min(now);
    let (long_ago, a_lease_ago) = (before(calm, unheard.saturating_add(1)), before(calm, of.lease.0.saturating_add(1)));
    let args = args![license.license.id, now, settled, of.node, long_ago, a_lease_ago];
    let rows = tx.beside().rows(sql.into(), args).await?;
    let mut ids = rows.iter().map(|row| row.get::<SeatId>(0)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    if !ids.is_empty() {
        tx.ledger.count(license, -i64::try_from(ids.len()).unwrap_or(0));
        tx.ledger.released(license.license.id, &ids, |row| {
            row.seat.state = SeatState::Released;
            row.seat.borrowed_until = None;
            row.released_at = Some(now);
        });
    }
    Ok(ids)
}

/// Whether a taken seat of a locked license has a lease that has ended.
async fn has_lapsed(tx: &mut Tx, license: &LicenseRow, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM seats WHERE license = $1 AND state = 'active' AND lease_ends_at < $2 LIMIT 1";
    Ok(!tx.beside().rows(sql.into(), args![license.license.id, now]).await?.is_empty())
}

/// How many seats of a license are really taken, to check `seats_used` against.
pub async fn count_taken(q: &mut dyn Querier, scope: Scope, license: LicenseId) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM seats WHERE vendor = $1 AND license = $2 AND state = 'active'";
    Ok(value(q, sql, args![scope.vendor(), license]).await?.unwrap_or(0))
}
