//! One database with transactions, in memory: each question is answered in one go, so every license is locked by itself.

use super::{
    rules::{Mistake, Reclaim, Rules},
    scene,
    wire::{Changed, Claim, Query, Rows, Touch},
};
use holdfast_domain::{
    DenialCode, License, LicenseId, LicenseStatus, Seat, SeatId, SeatModel, SeatState, Seconds, Timestamp,
    decide::{Jitter, decide_license, grant},
};
use std::collections::BTreeMap;

/// What the database says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whether it runs, as far as it or a person has said.
    pub running: bool,
    /// Every lease that it signed before is in the database.
    pub settled: Timestamp,
    /// Between these times it may have signed leases that a crash swallowed.
    pub swallowed: Option<(Timestamp, Timestamp)>,
}

/// The database.
#[derive(Debug)]
pub struct Database {
    rules: Rules,
    /// Licenses.
    pub licenses: BTreeMap<LicenseId, License>,
    /// Seats, taken and given up.
    pub seats: BTreeMap<SeatId, Seat>,
    /// Nodes.
    pub nodes: BTreeMap<usize, Row>,
    changes: Vec<Changed>,
    /// Answers reads only.
    pub read_only: bool,
    /// Answers nobody.
    pub gone: bool,
    /// Which seats were taken back from whom and when, for the story.
    pub reclaimed: Vec<(i64, SeatId)>,
    /// Claims that found every seat taken although a lease had ended.
    pub waited: u64,
    /// Every status a license had, and every state a seat had, with the second from which.
    statuses: Vec<(i64, LicenseId, LicenseStatus)>,
    states: Vec<(i64, SeatId, SeatState)>,
}

impl Database {
    /// An empty one with these licenses.
    pub fn new(rules: Rules, licenses: Vec<License>) -> Self {
        Self {
            rules,
            licenses: licenses.into_iter().map(|license| (license.id, license)).collect(),
            seats: BTreeMap::new(),
            nodes: BTreeMap::new(),
            changes: Vec::new(),
            read_only: false,
            gone: false,
            reclaimed: Vec::new(),
            waited: 0,
            statuses: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Runs one transaction. `at` is the true second, for the record only: no rule looks at it.
    pub fn run(&mut self, query: Query, at: i64) -> Rows {
        let writes = !matches!(query, Query::Changes(..) | Query::Read(_));
        if writes && self.read_only {
            return Rows::ReadOnly;
        }
        match query {
            Query::Changes(node, after) => {
                let news = self.changes.get(after..).map(<[Changed]>::to_vec).unwrap_or_default();
                Rows::Changes(news, self.changes.len(), self.says_running(node))
            }
            Query::Read(seat) => Rows::Seat(self.seats.get(&seat).and_then(|seat| {
                let license = self.licenses.get(&seat.license)?;
                Some(Box::new((seat.clone(), license.clone())))
            })),
            Query::Claim(claim) => self.claim(&claim, at),
            Query::Release(id, seq) => {
                let newer = self.seats.get(&id).is_some_and(|seat| seat.seq > seq);
                if newer && self.rules.releases_newest_only {
                    return Rows::Full;
                }
                self.free(id, at);
                Rows::Done
            }
            Query::Flush { node, touches, settled, running } => {
                self.flush(node, &touches, settled, running);
                Rows::Done
            }
            Query::Register(node, started) => Rows::Registered(self.register(node, started)),
        }
    }

    /// Whether a node's row says that it runs.
    pub fn says_running(&self, node: usize) -> bool {
        self.nodes.get(&node).is_some_and(|row| row.running)
    }

    fn claim(&mut self, claim: &Claim, at: i64) -> Rows {
        let Some(license) = self.licenses.get(&claim.license).cloned() else { return Rows::Full };
        if let Some(denial) =
            decide_license(&license, claim.now).filter(|denial| denial.effective <= claim.now.seconds())
        {
            return Rows::Denied(denial.code);
        }
        let id = scene::seat_id(claim.license, claim.device);
        let taken = self.seats.get(&id).is_some_and(|seat| seat.state == SeatState::Active);
        if claim.returning && !taken {
            return Rows::Denied(DenialCode::Released);
        }
        let counted = !self.rules.makes(Mistake::NoLimit);
        let limit = usize::try_from(license.terms.seat_limit()).ok().filter(|_| counted).unwrap_or(usize::MAX);
        if !taken && self.taken(claim.license) >= limit {
            if license.terms.seat_model == SeatModel::Floating {
                self.reclaim(claim, license.terms.lease, at);
            }
            if self.taken(claim.license) >= limit {
                return Rows::Full;
            }
        }
        let lease = grant(&license, None, claim.now, Jitter(claim.jitter));
        let ends = Timestamp::from(lease.soft);
        let known = self.seats.get(&id);
        let seq = scene::next_seq(0, known.map_or(0, |seat| seat.seq), claim.now);
        let ends = known.map_or(ends, |seat| seat.lease_ends_at.max(ends));
        let seat = Seat {
            id,
            license: license.id,
            device: scene::device_hash(claim.device),
            user: None,
            state: SeatState::Active,
            seq,
            device_key: None,
            borrowed_until: None,
            lease_ends_at: ends,
            claimed_at: claim.now,
        };
        if !taken {
            self.states.push((at, id, SeatState::Active));
            self.changes.push(Changed::Seat(id));
        }
        self.seats.insert(id, seat.clone());
        Rows::Claimed(Box::new((seat, license)))
    }

    fn taken(&self, license: LicenseId) -> usize {
        self.seats.values().filter(|seat| seat.license == license && seat.state == SeatState::Active).count()
    }

    fn reclaim(&mut self, claim: &Claim, lease: Seconds, at: i64) {
        let of_license = |seat: &&Seat| seat.license == claim.license && seat.state == SeatState::Active;
        let lapsed: Vec<SeatId> = self.seats.values().filter(of_license).map(|seat| seat.id).collect();
        for id in lapsed {
            let Some(seat) = self.seats.get(&id) else { continue };
            let known = claim.pending.get(&id).copied().unwrap_or(0).max(seat.lease_ends_at.seconds().0);
            let now = claim.now.plus(Seconds(-self.rules.margin.0)).seconds().0;
            if known >= now {
                continue;
            }
            if self.held_until(known, claim, lease).is_some_and(|ends| ends < now) {
                self.reclaimed.push((at, id));
                self.free(id, at);
            } else {
                self.waited += 1;
            }
        }
    }

    /// Until when a seat whose lease ends at `ends`, as far as the claiming node and the database know, may still be
    /// held. `None` for as long as somebody's silence leaves it open.
    fn held_until(&self, mut ends: i64, claim: &Claim, lease: Seconds) -> Option<i64> {
        let go_on = |settled: Timestamp| settled.plus(self.rules.bounds.floating).plus(lease).seconds().0;
        // What this process signed is in its memory, which came with the claim; what an earlier one signed is not.
        let own = claim.registered || self.rules.reclaim == Reclaim::Settled;
        let behind = |ends: i64| {
            let others = self.nodes.iter().filter(|(node, row)| row.running && !(own && **node == claim.node));
            others.map(|(_, row)| row.settled).filter(move |settled| settled.seconds().0 <= ends)
        };
        match self.rules.reclaim {
            Reclaim::AfterMargin => Some(ends),
            Reclaim::Settled => {
                let now = claim.now.seconds().0;
                behind(ends).all(|settled| go_on(settled) < now).then_some(ends)
            }
            Reclaim::SettledAndSwallowed => loop {
                let waited = behind(ends).map(go_on).max().unwrap_or(ends);
                let swallowed = self.nodes.values().filter_map(|row| row.swallowed);
                let lost = swallowed.filter(|(from, _)| from.seconds().0 <= ends);
                let lost = lost.map(|(_, until)| until.plus(lease).seconds().0).max().unwrap_or(ends);
                // A later end may bring in nodes that had written everything up to the earlier one.
                let later = ends.max(waited).max(lost);
                if later == ends {
                    return Some(ends);
                }
                ends = later;
            },
        }
    }

    fn free(&mut self, id: SeatId, at: i64) {
        if let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.state == SeatState::Active) {
            seat.state = SeatState::Released;
            self.states.push((at, id, SeatState::Released));
            self.changes.push(Changed::Seat(id));
        }
    }

    fn flush(&mut self, node: usize, touches: &BTreeMap<SeatId, Touch>, settled: Timestamp, running: bool) {
        for (id, touch) in touches {
            let Some(seat) = self.seats.get_mut(id) else { continue };
            let ends = Timestamp::from_seconds(touch.ends);
            if self.rules.ends_only_grow {
                seat.lease_ends_at = seat.lease_ends_at.max(ends);
            } else if touch.seq > seat.seq {
                seat.lease_ends_at = ends;
            }
            seat.seq = seat.seq.max(touch.seq);
        }
        if let Some(row) = self.nodes.get_mut(&node) {
            row.settled = row.settled.max(settled);
            row.running = running;
        }
    }

    fn register(&mut self, node: usize, started: Timestamp) -> Timestamp {
        let fresh = Row { running: true, settled: started, swallowed: None };
        let row = self.nodes.entry(node).or_insert(fresh);
        if row.running && row.settled < started {
            row.swallowed = Some(joined(row.swallowed, row.settled, started));
        } else if !row.running {
            row.settled = row.settled.max(started);
        }
        row.running = true;
        row.settled
    }

    /// A person says that a node will not come back.
    pub fn declare_gone(&mut self, node: usize, now: Timestamp) {
        if let Some(row) = self.nodes.get_mut(&node).filter(|row| row.running) {
            row.running = false;
            row.swallowed = Some(joined(row.swallowed, row.settled, now));
        }
    }

    /// The vendor changes a license's status.
    pub fn set_status(&mut self, license: LicenseId, status: LicenseStatus, at: i64) {
        if let Some(row) = self.licenses.get_mut(&license) {
            row.status = status;
            self.statuses.push((at, license, status));
            self.changes.push(Changed::License(license));
        }
    }

    /// Whether a license was out of force all the time from `from` to `to`.
    pub fn denied_throughout(&self, license: LicenseId, from: i64, to: i64) -> bool {
        let active = LicenseStatus::Active;
        !was(&self.statuses, license, active, active, (from, to))
    }

    /// Whether the reason `code` was true at some second from `from` to `to`.
    pub fn held(&self, code: DenialCode, license: LicenseId, seat: SeatId, from: i64, to: i64) -> bool {
        match code {
            DenialCode::Revoked => {
                was(&self.statuses, license, LicenseStatus::Active, LicenseStatus::Revoked, (from, to))
            }
            DenialCode::Suspended => {
                was(&self.statuses, license, LicenseStatus::Active, LicenseStatus::Suspended, (from, to))
            }
            DenialCode::Released => was(&self.states, seat, SeatState::Released, SeatState::Released, (from, to)),
            DenialCode::Expired | DenialCode::DeviceMismatch => false,
        }
    }
}

/// The span in which a crash may have swallowed leases, with that of an earlier crash.
fn joined(earlier: Option<(Timestamp, Timestamp)>, from: Timestamp, until: Timestamp) -> (Timestamp, Timestamp) {
    earlier.map_or((from, until), |(first, last)| (first.min(from), last.max(until)))
}

/// Whether a thing that began as `first` was `wanted` at some second of a span, by the record of what it became when.
fn was<K: PartialEq + Copy, V: PartialEq + Copy>(
    record: &[(i64, K, V)],
    of: K,
    first: V,
    wanted: V,
    (from, to): (i64, i64),
) -> bool {
    let mut value = first;
    for (at, _, next) in record.iter().filter(|(_, key, _)| *key == of) {
        if *at > from && value == wanted {
            return true;
        }
        if *at > to {
            return false;
        }
        value = *next;
    }
    value == wanted
}
