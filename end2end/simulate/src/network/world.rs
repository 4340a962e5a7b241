//! What really is: the database, the disks, the leases out there; and the checks that no part of the system can make.

use super::{
    database::Database,
    rules::Rules,
    scene::{self, Keys},
    story::{Act, Story},
};
use holdfast_domain::{DenialCode, LicenseId, LicenseStatus, SeatId, SeatState, Timestamp};
use holdfast_lease::{Lease, client::State};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};
use tokio::sync::Notify;

/// A revocation is in force on every healthy node this many seconds after it is in the database.
const REVOKED_WITHIN: i64 = 70;

/// The world, shared by everybody in it.
pub type Shared = Rc<RefCell<World>>;

/// What a node keeps on its disk.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the node last knew the database.
    pub known: Timestamp,
    /// What it had vouched for.
    pub settled: Timestamp,
    /// Whether its row said that it runs.
    pub running: bool,
    /// The licenses that are denied.
    pub denied: BTreeSet<LicenseId>,
}

/// A device as it really is.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// What is on its disk.
    pub disk: State,
    /// The lease that it has.
    pub lease: Option<Lease>,
    /// Whether a denial is in force there.
    pub denied: bool,
    /// The number of the lease that its user gave up, for as long as no answer has said that this was done and the
    /// database knows of no newer one.
    pub gave_up: Option<i64>,
    /// How many seconds before the end of its lease it renews next, if that is said.
    pub late: Option<i64>,
    /// When it got the newest one.
    pub renewed: Option<i64>,
    /// What its user does next.
    pub acts: VecDeque<Act>,
    /// Wakes it.
    pub bell: Rc<Notify>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub rule: &'static str,
    /// The second.
    pub at: i64,
    /// What was seen.
    pub seen: String,
}

/// What was counted in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Leases signed on the database's word.
    pub leases: u64,
    /// Leases carried on without it.
    pub carried_on: u64,
    /// Denials.
    pub denials: u64,
    /// Seats taken back from a lease that had ended.
    pub reclaimed: u64,
    /// Claims that had to wait for what another node may have signed.
    pub waited: u64,
    /// Launches with a lease that was alive.
    pub launches: u64,
    /// Histories at whose end nobody had a floating seat although one was to be had.
    pub starved: u64,
}

impl Counts {
    /// Adds another history's.
    pub fn add(&mut self, other: Self) {
        self.leases += other.leases;
        self.carried_on += other.carried_on;
        self.denials += other.denials;
        self.reclaimed += other.reclaimed;
        self.waited += other.waited;
        self.launches += other.launches;
        self.starved += other.starved;
    }
}

/// Everything.
pub struct World {
    /// What is played by.
    pub rules: Rules,
    /// The vendor's keys.
    pub keys: Rc<Keys>,
    /// The database.
    pub database: Database,
    /// Which nodes stand still.
    pub frozen: BTreeMap<usize, u32>,
    /// By how many seconds their clocks are wrong.
    pub offsets: BTreeMap<usize, i64>,
    /// What is on their disks.
    pub disks: BTreeMap<usize, Snapshot>,
    /// Rung when a node is to stop.
    pub stops: BTreeMap<usize, Rc<Notify>>,
    /// When each node last had an answer of the database, by the true clock.
    pub contacts: BTreeMap<usize, i64>,
    /// When each node last signed a lease.
    pub last_signed: BTreeMap<usize, i64>,
    /// Devices.
    pub devices: Vec<Device>,
    /// The license of each device.
    pub licenses: Vec<LicenseId>,
    /// What happened, for whoever reads the story.
    pub log: Vec<(i64, String)>,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// What was counted.
    pub counts: Counts,
    serial: u64,
    seats: usize,
}

/// The true second.
pub fn now() -> i64 {
    let seconds = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_secs());
    scene::START + i64::try_from(seconds).unwrap_or(0)
}

impl World {
    /// The world at the beginning of a story.
    pub fn new(story: &Story, rules: Rules, keys: Rc<Keys>) -> Self {
        let cast = story.cast;
        let licenses = [0, 1].into_iter().filter_map(|index| scene::license(index, cast.seats)).collect();
        let disk = State { manifest: Some(keys.manifest.clone()), ..State::default() };
        Self {
            rules,
            keys,
            database: Database::new(rules, licenses),
            frozen: BTreeMap::new(),
            offsets: BTreeMap::new(),
            disks: BTreeMap::new(),
            stops: (0..cast.nodes).map(|node| (node, Rc::default())).collect(),
            contacts: BTreeMap::new(),
            last_signed: BTreeMap::new(),
            devices: (0..cast.devices()).map(|_| Device { disk: disk.clone(), ..Device::default() }).collect(),
            licenses: (0..cast.devices()).map(|it| scene::license_id(usize::from(it >= cast.floating))).collect(),
            log: Vec::new(),
            violation: None,
            counts: Counts::default(),
            serial: 0,
            seats: usize::try_from(cast.seats).unwrap_or(0),
        }
    }

    /// A number that nobody had before.
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Notes what happened.
    pub fn note(&mut self, at: i64, what: String) {
        self.log.push((at, what));
    }

    /// Notes that a rule was broken; only the first counts.
    pub fn broken(&mut self, rule: &'static str, at: i64, seen: String) {
        self.violation.get_or_insert(Violation { rule, at, seen });
    }

    /// A lease was signed by a node that had `presented` one.
    pub fn signed(&mut self, node: usize, lease: &Lease, presented: Option<&Lease>, at: i64) {
        self.last_signed.insert(node, at);
        let device = self.device_of(lease);
        let how =
            if lease.cont > 0 { format!(", {} in a row without the database", lease.cont) } else { String::new() };
        let ends = lease.exp.0 - scene::START;
        self.note(at, format!("node {node} signs a lease for device {device} until {ends} s{how}"));
        // By the time that the lease itself says: a process that stood still in between signs what it decided before, and
        // what it signs ends no later for it.
        let decided = lease.iat.0;
        if lease.cont == 0 {
            self.counts.leases += 1;
            let license = lease.sub.parse().unwrap_or(scene::license_id(0));
            let since = decided - REVOKED_WITHIN;
            if self.database.denied_throughout(license, since, at) {
                self.broken("a revoked license is renewed", at, format!("node {node}, device {device}"));
            }
            return;
        }
        self.counts.carried_on += 1;
        let bounds = self.rules.bounds;
        let floats = lease.soft == lease.exp;
        let bound = if floats { bounds.floating } else { bounds.longest };
        let contact = self.contacts.get(&node).copied().unwrap_or(decided);
        let slack = 2 * self.rules.clock_guard.0 + 2;
        if decided - contact > bound.0 + slack {
            let seen = format!("node {node}, {} s after it last had an answer", decided - contact);
            self.broken("continuity beyond its bounds", at, seen);
        }
        let longest = (lease.iat.0 + bounds.longest.0).max(presented.map_or(0, |lease| lease.soft.0));
        let expected = presented.map_or(0, |lease| lease.cont) + 1;
        if lease.soft.0 > longest || lease.cont != expected {
            self.broken("continuity is counted and short", at, format!("node {node}, device {device}"));
        }
    }

    /// A denial was signed for a question that came in at `from`.
    pub fn denied(&mut self, node: usize, code: DenialCode, license: LicenseId, seat: SeatId, span: (i64, i64)) {
        self.counts.denials += 1;
        let device = usize::from(seat.to_bytes()[15]);
        self.note(span.1, format!("node {node} denies device {device}: {}", code.as_str()));
        if !self.database.held(code, license, seat, span.0, span.1) {
            let seen = format!("node {node} denies device {device}: {}", code.as_str());
            self.broken("a denial without a true reason", span.1, seen);
        }
    }

    /// A device has another lease than before, or none.
    pub fn stored(&mut self, device: usize, lease: Option<&Lease>, denied: bool, at: i64) {
        let Some(known) = self.devices.get(device).cloned() else { return };
        if let (Some(lease), Some(before)) = (lease, &known.lease)
            && lease != before
            && lease.seq <= before.seq
        {
            let seen = format!("device {device}: {} after {}", lease.seq, before.seq);
            self.broken("sequence numbers grow", at, seen);
        }
        if let Some(entry) = self.devices.get_mut(device) {
            (entry.lease, entry.denied) = (lease.cloned(), denied);
            entry.gave_up = entry.gave_up.filter(|_| lease.is_some());
            if lease.is_some() && known.lease.as_ref() != lease {
                entry.renewed = Some(at);
            }
        }
        self.check(at);
    }

    /// Whether a device has a lease that is alive at the second `at`, and has not given it up.
    pub fn holds(&self, device: usize, at: i64) -> bool {
        self.devices.get(device).is_some_and(|device| {
            !device.denied && device.gave_up.is_none() && device.lease.as_ref().is_some_and(|lease| lease.exp.0 >= at)
        })
    }

    /// Looks at all leases at the second `at`.
    pub fn check(&mut self, at: i64) {
        self.taken_up_again();
        for index in 0..2 {
            let license = scene::license_id(index);
            let holders: Vec<usize> = (0..self.devices.len())
                .filter(|device| self.licenses.get(*device) == Some(&license) && self.holds(*device, at))
                .collect();
            if holders.len() > self.seats {
                let seen = format!("devices {holders:?} hold {} seat(s) of license {index}", self.seats);
                self.broken("seats are never oversold", at, seen);
            }
            for device in holders {
                let seat = self.database.seats.get(&scene::seat_id(license, device));
                if seat.is_none_or(|seat| seat.state != SeatState::Active) {
                    let seen = format!("device {device} has a lease, and the database has given its seat away");
                    self.broken("no acknowledged seat is lost", at, seen);
                }
            }
        }
    }

    /// What was given up without an answer counts again once the database knows of a newer lease.
    fn taken_up_again(&mut self) {
        for device in &mut self.devices {
            let (Some(given_up), Some(lease)) = (device.gave_up, &device.lease) else { continue };
            let seat = lease.seat.parse().ok().and_then(|id: SeatId| self.database.seats.get(&id));
            let known = seat.filter(|seat| seat.state == SeatState::Active).map_or(0, |seat| seat.seq);
            if given_up < lease.seq && lease.seq <= known {
                device.gave_up = None;
            }
        }
    }

    /// Looks at the world after everything has been well for a while and every device has asked.
    pub fn check_end(&mut self, at: i64) {
        for device in 0..self.devices.len() {
            let license = self.licenses.get(device).and_then(|id| self.database.licenses.get(id));
            let in_force = license.is_some_and(|license| license.status == LicenseStatus::Active);
            if !in_force && self.holds(device, at) {
                let seen = format!("device {device} still has its lease");
                self.broken("a revoked device learns of it once it is connected", at, seen);
            }
        }
        let floating = scene::license_id(0);
        let active = self.database.licenses.get(&floating).is_some_and(|it| it.status == LicenseStatus::Active);
        let holders = |world: &Self| {
            (0..world.devices.len())
                .any(|device| world.licenses.get(device) == Some(&floating) && world.holds(device, at))
        };
        self.counts.starved = u64::from(active && !holders(self));
        self.counts.reclaimed = u64::try_from(self.database.reclaimed.len()).unwrap_or(0);
        self.counts.waited = self.database.waited;
    }

    fn device_of(&self, lease: &Lease) -> usize {
        (0..self.devices.len()).find(|device| scene::device_hash(*device).to_string() == lease.dev).unwrap_or(0)
    }
}
