//! How a node is: what it can do for whom, kept up to date in the background so that asking touches nothing.

use holdfast_fleet::Micros;
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering},
};
use utoipa::ToSchema;

/// What a node can do at the moment (HTTP API, "Health").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything.
    Normal,
    /// What needs no database: renewals.
    Continuity,
    /// It is stopping, or was asked to be left alone, and wants no more requests.
    Draining,
    /// It has not tested itself yet.
    Starting,
    /// It has no master key and can sign nothing.
    Sealed,
    /// Its clock differs from the database's by more than 30 seconds, so it must not sign.
    Clock,
}

impl Mode {
    /// Whether requests should be sent here.
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Normal | Self::Continuity)
    }

    /// The name, as in the answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Continuity => "continuity",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Sealed => "sealed",
            Self::Clock => "clock",
        }
    }

    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Normal, Self::Continuity, Self::Draining, Self::Starting, Self::Sealed, Self::Clock];
}

/// The health of a node. Cheap to clone; every clone is the same node's.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    started: AtomicBool,
    draining: AtomicBool,
    sealed: AtomicBool,
    clock_off: AtomicBool,
    database_down: AtomicBool,
    asked_to_drain: AtomicBool,
    near_its_end: AtomicBool,
    /// How far this node's clock is ahead of the database's, in microseconds; 0 where that is not known.
    clock_offset: AtomicI64,
    missed_probes: AtomicU8,
}

impl Health {
    /// The node has tested itself and serves.
    pub fn set_started(&self) {
        self.0.started.store(true, Ordering::Release);
    }

    /// The node is stopping.
    pub fn set_draining(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Whether an operator wants the node to be left alone. It goes on answering whoever asks all the same.
    pub fn set_asked_to_drain(&self, asked: bool) {
        self.0.asked_to_drain.store(asked, Ordering::Release);
    }

    /// Whether the node sees its own end coming (a disk that fills, memory that leaks), and leaves the work to others.
    pub fn set_near_its_end(&self, near: bool) {
        self.0.near_its_end.store(near, Ordering::Release);
    }

    /// The database is away: known from the start.
    pub fn set_database_away(&self) {
        self.0.missed_probes.store(2, Ordering::Release);
        self.0.database_down.store(true, Ordering::Release);
    }

    /// Whether the node has a master key.
    pub fn set_sealed(&self, sealed: bool) {
        self.0.sealed.store(sealed, Ordering::Release);
    }

    /// Whether the node's clock is too far from the database's.
    pub fn set_clock_off(&self, off: bool) {
        self.0.clock_off.store(off, Ordering::Release);
    }

    /// How far this node's clock is ahead of the database's.
    pub fn set_clock_offset(&self, offset: Micros) {
        self.0.clock_offset.store(offset.0, Ordering::Release);
    }

    /// How far this node's clock is ahead of the database's is not known any more.
    pub fn forget_clock_offset(&self) {
        self.0.clock_offset.store(0, Ordering::Release);
    }

    /// How far this node's clock is ahead of the database's; `None` where that was not found out.
    pub fn clock_offset(&self) -> Option<Micros> {
        let offset = self.0.clock_offset.load(Ordering::Acquire);
        (offset != 0).then_some(Micros(offset))
    }

    /// What the last look at the database said. Two bad looks in a row count: one may be a hiccup.
    pub fn set_database(&self, answers: bool) {
        let missed = if answers { 0 } else { self.0.missed_probes.load(Ordering::Acquire).saturating_add(1) };
        self.0.missed_probes.store(missed, Ordering::Release);
        self.0.database_down.store(missed >= 2, Ordering::Release);
    }

    /// Whether the node is stopping.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Whether the node has tested itself.
    pub fn is_started(&self) -> bool {
        self.0.started.load(Ordering::Acquire)
    }

    /// What the node can do at the moment.
    pub fn mode(&self) -> Mode {
        let set = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        if [&self.0.draining, &self.0.asked_to_drain, &self.0.near_its_end].into_iter().any(set) {
            Mode::Draining
        } else if !set(&self.0.started) {
            Mode::Starting
        } else if set(&self.0.sealed) {
            Mode::Sealed
        } else if set(&self.0.clock_off) {
            Mode::Clock
        } else if set(&self.0.database_down) {
            Mode::Continuity
        } else {
            Mode::Normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_condition_is_named() {
        let health = Health::default();
        assert_eq!(health.mode(), Mode::Starting);
        health.set_started();
        assert_eq!(health.mode(), Mode::Normal);
        health.set_database(false);
        assert_eq!(health.mode(), Mode::Normal, "one missed look is no outage");
        health.set_database(false);
        assert_eq!(health.mode(), Mode::Continuity);
        assert!(health.mode().is_ready(), "a node without its database still renews");
        health.set_database(true);
        health.set_clock_off(true);
        assert_eq!(health.mode(), Mode::Clock);
        health.set_sealed(true);
        assert_eq!(health.mode(), Mode::Sealed);
        health.set_asked_to_drain(true);
        assert_eq!((health.mode(), health.is_draining()), (Mode::Draining, false), "not stopping");
        health.set_asked_to_drain(false);
        health.set_near_its_end(true);
        assert_eq!(health.mode(), Mode::Draining);
        health.set_near_its_end(false);
        assert_eq!(health.mode(), Mode::Sealed);
        health.set_draining();
        assert_eq!(health.mode(), Mode::Draining);
        assert!(!health.mode().is_ready());
    }
}
