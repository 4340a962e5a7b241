//! What the claims of a batch know of the licenses they lock, and what they leave to be written together.
//!
//! A batch reads all of its licenses with one statement and all of its devices' seats with another; its claims are then
//! decided in memory, each on what those before it have left, and are written with one statement per table. Nobody else
//! can change what is known: the license rows are locked until the commit (on SQLite, the whole database is).

use super::{ClaimRequest, SeatRow};
use crate::{
    dialect::Dialect,
    error::StoreError,
    licenses::LicenseRow,
    sql::{Arg, Record, Row, ToArg, args},
    together::Together,
};
use holdfast_domain::{DeviceHash, LicenseId, SeatId, SeatState, VendorId};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A license that a job of the batch locks, and the device whose seat it asks for.
pub(crate) type Need = (LicenseId, Option<DeviceHash>);

/// The claims of a batch.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Locked licenses with the number of seats taken now.
    licenses: HashMap<LicenseId, (Arc<LicenseRow>, u32)>,
    /// The devices that were looked for, with their seats as they are now.
    seats: HashMap<(LicenseId, DeviceHash), Option<SeatRow>>,
    new: Vec<SeatRow>,
    again: Vec<Again>,
    used: BTreeMap<LicenseId, (VendorId, i64)>,
}

/// What a device says of a seat that is stored already.
struct Again {
    seat: SeatId,
    request: ClaimRequest,
    /// Whether it was given up and is taken again.
    taken: bool,
}

const SEAT_COLUMNS: &str = "id, vendor, product, license, device, user_email, state, seq, device_key, borrowed_until, \
    lease_ends_at, claimed_at, name, platform, app_version, offline_until, first_seen_at, last_seen_at, continuity, \
    released_at, region";

impl Ledger {
    /// Forgets everything, what was to be written included: for when it was rolled back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets what is known, for when somebody else may have changed it. Everything must have been written.
    pub fn forget(&mut self) {
        self.licenses.clear();
        self.seats.clear();
    }

    /// Whether everything is written.
    pub fn is_written(&self) -> bool {
        self.new.is_empty() && self.again.is_empty() && self.used.is_empty()
    }

    /// A locked license and the number of its seats that are taken, where it is known.
    pub fn license(&self, id: LicenseId) -> Option<(Arc<LicenseRow>, u32)> {
        self.licenses.get(&id).cloned()
    }

    /// The seat of a device, or that it has none; `None` where that is not known.
    #[expect(clippy::option_option, reason = "not known and known to be none are two things")]
    pub fn seat(&self, license: LicenseId, device: &DeviceHash) -> Option<Option<SeatRow>> {
        self.seats.get(&(license, *device)).cloned()
    }

    /// Notes a row that was read: a license's where `kind` is 0, a seat's otherwise.
    pub fn read(&mut self, row: &Row) -> Result<(), StoreError> {
        if row.get::<i64>(0)? == 0 {
            let license = LicenseRow::read_at(row, 1)?;
            let used = license.seats_used;
            self.licenses.insert(license.license.id, (Arc::new(license), used));
        } else {
            let seat = SeatRow::read_at(row, 1)?;
            self.seats.insert((seat.seat.license, seat.seat.device), Some(seat));
        }
        Ok(())
    }

    /// Notes that these devices were looked for: those not found have no seat.
    pub fn looked_for(&mut self, needs: &[Need]) {
        for (license, device) in needs {
            if let Some(device) = device {
                self.seats.entry((*license, *device)).or_insert(None);
            }
        }
    }

    /// A new seat, to be inserted.
    pub fn insert(&mut self, seat: &SeatRow) {
        self.seats.insert((seat.seat.license, seat.seat.device), Some(seat.clone()));
        self.new.push(seat.clone());
    }

    /// Whether what a device says of its seat can be noted now, or what was said before must be written first.
    pub fn has_room_for(&self, seat: SeatId) -> bool {
        self.again.iter().all(|known| known.seat != seat)
    }

    /// The same device asks again for the seat it has, or had (`taken`). Returns the seat as it is now.
    pub fn again(&mut self, seat: &SeatRow, request: &ClaimRequest, taken: bool) -> SeatRow {
        let mut now = seat.clone();
        refresh(&mut now, request, taken);
        self.seats.insert((seat.seat.license, seat.seat.device), Some(now.clone()));
        match self.new.iter_mut().find(|new| new.seat.id == seat.seat.id) {
            Some(new) => *new = now.clone(),
            None => self.again.push(Again { seat: seat.seat.id, request: request.clone(), taken }),
        }
        now
    }

    /// Counts seats of a locked license up or down.
    pub fn count(&mut self, license: &LicenseRow, more: i64) {
        let id = license.license.id;
        if let Some((_, used)) = self.licenses.get_mut(&id) {
            *used = u32::try_from((i64::from(*used) + more).max(0)).unwrap_or(u32::MAX);
        }
        self.used.entry(id).or_insert((license.license.vendor, 0)).1 += more;
    }

    /// Seats of a locked license were given up by a statement.
    pub fn released(&mut self, license: LicenseId, ids: &[SeatId], change: impl Fn(&mut SeatRow)) {
        for ((of, _), seat) in &mut self.seats {
            if let Some(seat) = seat
                && *of == license
                && ids.contains(&seat.seat.id)
            {
                change(seat);
            }
        }
    }

    /// Adds the statements that write everything. What is known stays known.
    pub fn write(&mut self, to: &mut Together) {
        if !self.new.is_empty() {
            let rows: Vec<Vec<Arg>> = self.new.drain(..).map(|seat| values(&seat)).collect();
            let source = to.constants(&rows);
            to.write(format!("INSERT INTO seats ({SEAT_COLUMNS}) {source}"));
        }
        if !self.again.is_empty() {
            let rows: Vec<Vec<Arg>> = self.again.drain(..).map(|again| said(&again)).collect();
            let source = to.constants(&rows);
            to.write(format!("WITH {SAID} AS ({source}) {REFRESH}"));
        }
        let used: Vec<Vec<Arg>> = std::mem::take(&mut self.used)
            .into_iter()
            .filter(|(_, (_, more))| *more != 0)
            .map(|(license, (vendor, more))| args![license, vendor, more])
            .collect();
        if !used.is_empty() {
            let source = to.constants(&used);
            to.write(format!("WITH said (id, vendor, more) AS ({source}) {COUNT}"));
        }
    }
}

/// The two queries by which a batch's licenses are locked and its devices' seats are found, with their arguments. The
/// second is to be run once the first has its locks: only then it sees what those who held them have left.
pub(crate) fn queries(dialect: Dialect, needs: &[Need]) -> [(String, Vec<Arg>); 2] {
    let mut ids: Vec<LicenseId> = needs.iter().map(|(license, _)| *license).collect();
    ids.sort_unstable();
    ids.dedup();
    let pairs: Vec<Vec<Arg>> =
        needs.iter().filter_map(|(license, device)| device.map(|device| args![license, device])).collect();
    let (among, ids) = dialect.one_of("licenses.id", ids.iter().map(ToArg::arg).collect(), 0);
    let lock = dialect.lock_rows();
    let licenses = format!(
        "SELECT {}, {} FROM licenses WHERE {among} ORDER BY licenses.id{lock}",
        dialect.number(0),
        LicenseRow::COLUMNS
    );
    let mut seats = (String::new(), Vec::new());
    if !pairs.is_empty() {
        let (source, pairs) = dialect.constants(&pairs, 0);
        // Each pair by the index, whatever the planner believes of the size of the table.
        seats.0 = format!(
            "WITH said (license, device) AS ({source}) SELECT {}, {} FROM said CROSS JOIN {}",
            dialect.number(1),
            SeatRow::COLUMNS,
            dialect.each_by("seats", "seats.license = said.license AND seats.device = said.device")
        );
        seats.1 = pairs;
    }
    [(licenses, ids), seats]
}

fn refresh(row: &mut SeatRow, r: &ClaimRequest, taken: bool) {
    let or = |said: &Option<String>, known: &mut Option<String>| {
        if said.is_some() {
            known.clone_from(said);
        }
    };
    or(&r.platform, &mut row.platform);
    or(&r.app_version, &mut row.app_version);
    row.seat.user = r.user.clone().or_else(|| row.seat.user.take());
    row.name = r.name.clone().or_else(|| row.name.take());
    row.seat.device_key = r.device_key.or(row.seat.device_key);
    row.seat.borrowed_until = r.borrowed_until;
    row.last_seen_at = row.last_seen_at.max(r.now);
    if row.seat.seq < r.seq {
        row.seat.seq = r.seq;
        row.seat.lease_ends_at = r.lease_ends_at;
        row.offline_until = r.offline_until;
        row.region.clone_from(&r.region);
    }
    row.seat.state = SeatState::Active;
    row.released_at = None;
    if taken {
        row.seat.claimed_at = r.now;
        row.continuity = 0;
    }
}

fn values(row: &SeatRow) -> Vec<Arg> {
    let seat = &row.seat;
    args![
        seat.id,
        row.vendor,
        row.product,
        seat.license,
        seat.device,
        seat.user,
        seat.state,
        seat.seq,
        seat.device_key,
        seat.borrowed_until,
        seat.lease_ends_at,
        seat.claimed_at,
        row.name,
        row.platform,
        row.app_version,
        row.offline_until,
        row.first_seen_at,
        row.last_seen_at,
        row.continuity,
        row.released_at,
        row.region,
    ]
}

const SAID: &str =
    "said (id, now, person, name, platform, version, device_key, borrowed, seq, soft, exp, taken, region)";

fn said(again: &Again) -> Vec<Arg> {
    let r = &again.request;
    args![
        again.seat,
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
        again.taken,
        r.region,
    ]
}

/// Nothing goes backwards here either: what a renewal has said meanwhile, on whatever node, stays. The same as [`refresh`].
const REFRESH: &str = "UPDATE seats SET state = 'active', released_at = NULL,
    claimed_at = CASE WHEN said.taken THEN said.now ELSE seats.claimed_at END,
    continuity = CASE WHEN said.taken THEN 0 ELSE seats.continuity END,
    last_seen_at = CASE WHEN seats.last_seen_at < said.now THEN said.now ELSE seats.last_seen_at END,
    user_email = coalesce(said.person, seats.user_email), name = coalesce(said.name, seats.name),
    platform = coalesce(said.platform, seats.platform), app_version = coalesce(said.version, seats.app_version),
    device_key = coalesce(said.device_key, seats.device_key), borrowed_until = said.borrowed,
    lease_ends_at = CASE WHEN seats.seq < said.seq THEN said.soft ELSE seats.lease_ends_at END,
    offline_until = CASE WHEN seats.seq < said.seq THEN said.exp ELSE seats.offline_until END,
    region = CASE WHEN seats.seq < said.seq THEN said.region ELSE seats.region END,
    seq = CASE WHEN seats.seq < said.seq THEN said.seq ELSE seats.seq END
    FROM said WHERE seats.id = said.id";

const COUNT: &str = "UPDATE licenses
    SET seats_used = CASE WHEN licenses.seats_used + said.more < 0 THEN 0 ELSE licenses.seats_used + said.more END
    FROM said WHERE licenses.id = said.id AND licenses.vendor = said.vendor";
