//! A node: its memory, and what it does beside the calls. What it answers is in [`super::renew`].

use super::{
    rules::Mistake,
    scene,
    wire::{self, Answer, Call, Changed, PORT, Query, Rows, Touch},
    world::{self, Shared, Snapshot},
};
use holdfast_domain::{License, LicenseId, Seat, SeatId, SeatState, Seconds, Timestamp, decide::Jitter};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};
use turmoil::net::UdpSocket;

/// How long a node waits for the database.
pub const PATIENCE: Seconds = Seconds(10);
/// How often the change feed is read and touches are written.
const INTERVAL: Duration = Duration::from_secs(3);
/// Knowledge older than this is not relied on.
const FRESH: Seconds = Seconds(20);
/// How often the disk is brought up to date.
const SNAPSHOT: Seconds = Seconds(30);

/// A renewal that is being worked on.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished {
    /// Of this seat.
    pub seat: SeatId,
    /// Since then, by the node's clock.
    pub since: Timestamp,
}

/// What a node has in its memory, and loses in a crash.
#[derive(Debug, Default)]
pub struct Memory {
    /// Seats and their licenses.
    pub seats: BTreeMap<SeatId, (Seat, License)>,
    /// The greatest number known of each seat.
    pub seqs: BTreeMap<SeatId, i64>,
    /// The latest end of a lease known of each seat.
    pub ends: BTreeMap<SeatId, i64>,
    /// What is to be written.
    pub touches: BTreeMap<SeatId, Touch>,
    /// What is being written.
    pub writing: BTreeMap<SeatId, Touch>,
    /// Renewals that are being worked on.
    pub unfinished: BTreeMap<u64, Unfinished>,
    /// The last change followed.
    position: usize,
    /// When the node last knew the database.
    pub known: Option<Timestamp>,
    /// The latest time it may have told others that everything before is written.
    pub vouched: Timestamp,
    /// The latest such time that the database has confirmed.
    pub settled: Timestamp,
    /// Whether this process has its row.
    pub registered: bool,
    /// Whether floating seats may be renewed here without a transaction.
    pub floats: bool,
    /// Licenses that are denied, as far as the disk said.
    pub denied: BTreeSet<LicenseId>,
    saved: Option<Timestamp>,
}

/// A node.
#[derive(Clone)]
pub struct Node {
    /// Which one.
    pub index: usize,
    /// Everything else.
    pub world: Shared,
    /// What it remembers.
    pub memory: Rc<RefCell<Memory>>,
    started: Timestamp,
}

impl Node {
    /// Runs a node until it is told to stop.
    pub async fn run(index: usize, world: Shared) -> turmoil::Result {
        let stop = world.borrow().stops.get(&index).cloned().unwrap_or_default();
        let mut node = Self { index, world, memory: Rc::default(), started: Timestamp::default() };
        node.started = node.now();
        node.recall();
        let socket = Rc::new(UdpSocket::bind(("0.0.0.0", PORT)).await?);
        let (follower, writer) = (node.clone(), node.clone());
        tokio::task::spawn_local(async move { follower.follow().await });
        let writing = tokio::task::spawn_local(async move { writer.write().await });
        tokio::select! {
            biased;
            () = stop.notified() => {}
            () = node.serve(&socket) => {}
        }
        writing.abort();
        node.end().await;
        Ok(())
    }

    /// The time by this node's clock.
    pub fn now(&self) -> Timestamp {
        let offset = self.world.borrow().offsets.get(&self.index).copied().unwrap_or(0);
        let micros = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_micros());
        let start = Timestamp::from_seconds(scene::START + offset).micros();
        Timestamp::from_micros(start.saturating_add(i64::try_from(micros).unwrap_or(0)))
    }

    /// Returns at once, unless the node stands still. Called wherever a process may be stopped between two steps.
    pub async fn gate(&self) {
        while self.world.borrow().frozen.get(&self.index).is_some_and(|count| *count > 0) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// A random number for a lease.
    pub fn jitter(&self) -> Jitter {
        let serial = self.world.borrow_mut().serial();
        let [a, b, ..] = crate::rng::mix(serial).to_be_bytes();
        Jitter(u16::from_be_bytes([a, b]))
    }

    /// Asks the database, and notes that it is there.
    pub async fn query(&self, query: Query) -> Option<Rows> {
        let asked = world::now();
        let rows: Rows = wire::ask("database", &query, PATIENCE).await?;
        self.world.borrow_mut().contacts.insert(self.index, asked);
        self.gate().await;
        (!matches!(rows, Rows::ReadOnly)).then_some(rows)
    }

    /// Whether what is remembered may be relied on.
    pub fn is_fresh(&self) -> bool {
        let memory = self.memory.borrow();
        // What is known from the disk was true once; only what this process followed is fresh.
        memory.position > 0 && memory.known.is_some_and(|known| self.now().since(known) <= FRESH)
    }

    /// Begins with what the disk says.
    fn recall(&self) {
        let (disk, rules) = {
            let world = self.world.borrow();
            (world.disks.get(&self.index).cloned(), world.rules)
        };
        let mut memory = self.memory.borrow_mut();
        if rules.keeps_its_word {
            // What was vouched for before is not known; the clock passes it within the guard.
            memory.vouched = self.started.plus(Seconds(2 * rules.clock_guard.0));
        }
        if let Some(disk) = disk {
            memory.known = Some(disk.known);
            memory.settled = disk.settled;
            memory.floats = disk.running;
            memory.denied = disk.denied;
        }
    }

    async fn serve(&self, socket: &Rc<UdpSocket>) {
        loop {
            let Some((call, from)) = wire::listen::<Call>(socket).await else { continue };
            let (node, socket) = (self.clone(), Rc::clone(socket));
            tokio::task::spawn_local(async move {
                node.gate().await;
                let outcome = node.answer(call).await;
                node.gate().await;
                wire::answer(&socket, from, &Answer(outcome)).await;
            });
        }
    }

    /// Follows the change feed.
    async fn follow(&self) {
        loop {
            self.gate().await;
            let (asked, position) = (self.now(), self.memory.borrow().position);
            if let Some(Rows::Changes(news, head, running)) = self.query(Query::Changes(self.index, position)).await {
                self.apply(&news, head, asked);
                self.save(running, asked);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn apply(&self, news: &[Changed], head: usize, asked: Timestamp) {
        let follows = !self.world.borrow().rules.makes(Mistake::NoFeed);
        let mut memory = self.memory.borrow_mut();
        for change in news.iter().filter(|_| follows) {
            match change {
                Changed::Seat(seat) => {
                    memory.seats.remove(seat);
                }
                Changed::License(license) => memory.seats.retain(|_, (_, of)| of.id != *license),
            }
        }
        memory.position = head.max(1);
        memory.known = memory.known.max(Some(asked));
    }

    /// Brings the disk up to date, if it is time.
    fn save(&self, running: bool, asked: Timestamp) {
        let mut memory = self.memory.borrow_mut();
        if memory.saved.is_some_and(|saved| asked.since(saved) < SNAPSHOT) {
            return;
        }
        memory.saved = Some(asked);
        let denied = |license: &&License| license.status != holdfast_domain::LicenseStatus::Active;
        let mut world = self.world.borrow_mut();
        let denied = world.database.licenses.values().filter(denied).map(|license| license.id).collect();
        let snapshot = Snapshot { known: asked, settled: memory.settled, running, denied };
        world.disks.insert(self.index, snapshot);
    }

    /// Takes the node's row, then writes touches and vouches for what is written.
    async fn write(&self) {
        loop {
            self.gate().await;
            if self.memory.borrow().registered {
                self.flush(true).await;
            } else if let Some(Rows::Registered(settled)) = self.query(Query::Register(self.index, self.started)).await
            {
                let mut memory = self.memory.borrow_mut();
                memory.registered = true;
                memory.floats = true;
                memory.settled = settled;
                memory.vouched = memory.vouched.max(settled);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn flush(&self, running: bool) {
        let rules = self.world.borrow().rules;
        let (touches, settled) = {
            let mut memory = self.memory.borrow_mut();
            let now = self.now();
            let oldest = memory.unfinished.values().map(|it| it.since).min().filter(|_| rules.counts_unfinished);
            let settled = oldest.map_or(now, |oldest| oldest.min(now));
            memory.vouched = memory.vouched.max(settled);
            let touches = std::mem::take(&mut memory.touches);
            for (seat, touch) in &touches {
                merge(&mut memory.writing, *seat, *touch);
            }
            (memory.writing.clone(), settled)
        };
        let query = Query::Flush { node: self.index, touches, settled, running };
        let written = matches!(self.query(query).await, Some(Rows::Done));
        let mut memory = self.memory.borrow_mut();
        let batch = std::mem::take(&mut memory.writing);
        if written {
            memory.settled = memory.settled.max(settled);
        } else {
            for (seat, touch) in batch {
                merge(&mut memory.touches, seat, touch);
            }
        }
    }

    /// Stops as it should: what is being worked on is finished, the disk and then the database learn of it.
    async fn end(&self) {
        for _ in 0..10 {
            if self.memory.borrow().unfinished.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        if self.world.borrow().rules.stop_is_noted
            && let Some(disk) = self.world.borrow_mut().disks.get_mut(&self.index)
        {
            disk.running = false;
        }
        if self.memory.borrow().registered {
            self.flush(false).await;
        }
    }

    /// The ends of leases of a license that only this node knows of.
    pub fn pending(&self, license: LicenseId, lease: Seconds) -> BTreeMap<SeatId, i64> {
        let rules = self.world.borrow().rules;
        let memory = self.memory.borrow();
        let of = |seat: &SeatId| scene::seat_id(license, usize::from(seat.to_bytes()[15])) == *seat;
        let mut pending: BTreeMap<SeatId, i64> = BTreeMap::new();
        let mut add = |seat: SeatId, ends: i64| {
            let known = pending.entry(seat).or_insert(ends);
            *known = ends.max(*known);
        };
        memory.touches.iter().for_each(|(seat, touch)| add(*seat, touch.ends));
        if rules.counts_writing {
            memory.writing.iter().for_each(|(seat, touch)| add(*seat, touch.ends));
        }
        if rules.counts_unfinished {
            let unfinished = memory.unfinished.values();
            unfinished.for_each(|it| add(it.seat, it.since.plus(lease).seconds().0));
        }
        pending.retain(|seat, _| of(seat));
        pending
    }

    /// Remembers a seat, unless it is free.
    pub fn remember(&self, seat: &Seat, license: &License) {
        let mut memory = self.memory.borrow_mut();
        if seat.state == SeatState::Active {
            memory.seats.insert(seat.id, (seat.clone(), license.clone()));
        }
        let ends = memory.ends.entry(seat.id).or_insert(0);
        *ends = seat.lease_ends_at.seconds().0.max(*ends);
    }
}

/// Adds a touch to others: the greater number and the later end stay.
fn merge(touches: &mut BTreeMap<SeatId, Touch>, seat: SeatId, touch: Touch) {
    let known = touches.entry(seat).or_insert(touch);
    *known = Touch { seq: known.seq.max(touch.seq), ends: known.ends.max(touch.ends) };
}
