//! What a rule reads, and the two scales by which it judges: time left and level.

use super::observe::{NodeSeen, Observations};
use crate::{
    finding::{Severity, Subject},
    number,
    presence::Presence,
    series::{Series, Shape},
};
use holdfast_domain::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// How old a report may be to be judged: what a silent node said long ago is no measurement of now.
pub(super) const FRESH: f64 = 300.0;

/// A quantity that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Quantity {
    /// Share of the disk, over a day.
    Disk,
    /// Share of the disk, over an hour.
    DiskSoon,
    /// Share of the memory.
    Memory,
    /// Share of the descriptors.
    Descriptors,
    /// Share of the connections of clients.
    Connections,
    /// Wait for a connection to the database, as a share of the longest wait allowed.
    PoolWait,
    /// How far a region's replica lies behind, in seconds.
    Lag,
    /// How far a node's clock is off, either way, in seconds.
    ClockOffset,
    /// Denials in ten minutes as a share of the number at which the breaker trips.
    Denials,
}

impl Quantity {
    /// How it is remembered. Shares are 0 to 1.
    pub(super) fn shape(self) -> Shape {
        let share = |bucket, buckets, enough| Shape {
            bucket,
            buckets,
            enough,
            reset: 0.02,
            forget: 0.15,
            floor: 0.004,
            sustained: false,
            peaks: false,
        };
        match self {
            Self::Disk => share(Seconds::minutes(15), 96, 16),
            Self::DiskSoon => Shape { sustained: true, ..share(Seconds::minutes(2), 30, 24) },
            // Ten minutes hold more than one turn of the saw-tooth of freeing memory, so that their peaks are alike.
            Self::Memory => Shape { peaks: true, reset: 0.08, floor: 0.02, ..share(Seconds::minutes(10), 36, 12) },
            Self::Descriptors => Shape { peaks: true, reset: 0.08, floor: 0.02, ..share(Seconds::minutes(5), 48, 12) },
            Self::Connections => Shape { reset: 0.15, forget: 0.3, floor: 0.06, ..share(Seconds::MINUTE, 30, 12) },
            Self::PoolWait => Shape { reset: 0.2, forget: 0.4, floor: 0.06, ..share(Seconds(30), 24, 12) },
            Self::Lag => Shape { reset: 8.0, forget: 20.0, floor: 4.0, ..share(Seconds(30), 40, 12) },
            Self::Denials => Shape { reset: 0.3, forget: 0.5, floor: 0.2, ..share(Seconds(30), 20, 4) },
            Self::ClockOffset => Shape { reset: 1.0, forget: 3.0, floor: 0.5, ..share(Seconds::minutes(10), 36, 9) },
        }
    }
}

/// What a rule reads.
pub(super) struct View<'a> {
    pub(super) series: &'a BTreeMap<(Quantity, Subject), Series>,
    pub(super) seen: &'a Observations,
    pub(super) now: Timestamp,
}

impl<'a> View<'a> {
    /// The nodes whose last report is a measurement of now.
    pub(super) fn fresh(&self) -> impl Iterator<Item = &'a NodeSeen> + use<'a> {
        let now = self.now;
        self.seen.nodes.iter().filter(move |node| is_fresh(node, now))
    }

    /// What is remembered of a quantity.
    pub(super) fn series(&self, quantity: Quantity, subject: &Subject) -> Option<&'a Series> {
        self.series.get(&(quantity, subject.clone()))
    }
}

/// Whether the node's last report is a measurement of now.
pub(super) fn is_fresh(node: &NodeSeen, now: Timestamp) -> bool {
    node.presence != Presence::Dead && number::between(node.received_at, now) <= FRESH
}

/// When a node should drain itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drain {
    /// Seconds until it is due; 0 for now.
    pub(super) due_in: f64,
    /// Seconds for which it must have been due without a break: a backup that fills the disk for half an hour ends nobody.
    pub(super) patience: f64,
}

impl Drain {
    /// To drain when `before` seconds are left of `left`. A quarter of that is spent on making sure, but never more than
    /// half of what is left: a disk that is full already leaves nothing to wait for.
    pub(super) fn before(before: f64, left: f64) -> Self {
        Self { due_in: (left - before).max(0.0), patience: (before / 4.0).min(left / 2.0) }
    }
}

/// What a rule says of one subject at one moment, before hysteresis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measure {
    pub(super) subject: Subject,
    /// The severity by the thresholds for raising.
    pub(super) up: Option<Severity>,
    /// The severity by the thresholds for clearing, which are easier to be above: never below `up`.
    pub(super) down: Option<Severity>,
    /// Seconds until the failure.
    pub(super) left: Option<f64>,
    /// When the node should drain itself.
    pub(super) drain: Option<Drain>,
    /// What was measured; empty where there is nothing to say.
    pub(super) detail: String,
}

impl Measure {
    /// A measure with the severities for raising and clearing. `detail` is only asked for where there is one.
    pub(super) fn new(
        subject: Subject,
        (up, down): (Option<Severity>, Option<Severity>),
        left: Option<f64>,
        detail: impl FnOnce() -> String,
    ) -> Self {
        let down = down.max(up);
        let detail = if down.is_some() { detail() } else { String::new() };
        Self { subject, up, down, left, drain: None, detail }
    }
}

/// Two thresholds, of seconds left or of a level. Where a rule has no such threshold it is never reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) warning: f64,
    pub(super) critical: f64,
}

impl Steps {
    /// The severities for raising and clearing where `left` seconds are left: at a threshold or below it. To clear, what is
    /// left must be `relax` times the threshold.
    pub(super) fn left(self, left: Option<f64>, relax: f64) -> (Option<Severity>, Option<Severity>) {
        let at = |factor: f64| match left {
            Some(left) if left <= self.critical * factor => Some(Severity::Critical),
            Some(left) if left <= self.warning * factor => Some(Severity::Warning),
            _ => None,
        };
        (at(1.0), at(relax))
    }

    /// The severities for raising and clearing at a `level`: at a threshold or above it. To clear, the level must be lower
    /// than the threshold by `gap`.
    pub(super) fn level(self, level: f64, gap: f64) -> (Option<Severity>, Option<Severity>) {
        let at = |gap: f64| match level {
            level if level >= self.critical - gap => Some(Severity::Critical),
            level if level >= self.warning - gap => Some(Severity::Warning),
            _ => None,
        };
        (at(0.0), at(gap))
    }
}

/// The worse of two judgements.
pub(super) fn worse(
    a: (Option<Severity>, Option<Severity>),
    b: (Option<Severity>, Option<Severity>),
) -> (Option<Severity>, Option<Severity>) {
    (a.0.max(b.0), a.1.max(b.1))
}

/// A length of time in words, as on every screen: its two greatest units.
pub(super) fn words(span: f64) -> String {
    let seconds = number::seconds(span.abs()).0;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A share of 0 to 1 as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
