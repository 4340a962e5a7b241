//! Stories: what goes wrong and what people do, drawn from a seed, each entry on its own so that any can be left out.

use crate::rng::Rng;
use std::fmt;

/// How long something is tried before everything is healed, in seconds.
pub const TROUBLE: i64 = 3_000;
/// How long everything is well afterwards.
pub const CALM: i64 = 400;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Nodes.
    pub nodes: usize,
    /// Devices that want a place on the floating license.
    pub floating: usize,
    /// Devices that want a place on the node-locked license.
    pub locked: usize,
    /// Places on each license.
    pub seats: u32,
}

impl Cast {
    /// All devices: those of the floating license first.
    pub const fn devices(&self) -> usize {
        self.floating + self.locked
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The database.
    Database,
    /// A node.
    Node(usize),
    /// A device.
    Device(usize),
}

/// What a person does at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Gives the seat up, and wants it again after a while.
    Release,
    /// Asks for a renewal now.
    Refresh,
}

/// What the vendor does to a license: the floating one (0) or the node-locked one (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sale {
    /// Suspends it.
    Suspend,
    /// Lets it go on.
    Resume,
    /// Withdraws it.
    Revoke,
    /// Reinstates it.
    Reinstate,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Nothing gets from one end to the other, for so many seconds.
    Cut(End, End, i64),
    /// The database answers nobody.
    DatabaseGone(i64),
    /// The database can be read and not written, as a former primary can.
    DatabaseReadOnly(i64),
    /// A node loses its memory and comes back after so many seconds.
    Crash(usize, i64),
    /// The same as soon as it has signed its next lease.
    CrashOnceSigned(usize, i64),
    /// Nothing gets from a node to the database as soon as it has signed its next lease.
    CutOnceSigned(usize, i64),
    /// A node stops as it should and starts again.
    Stop(usize, i64),
    /// A node stands still and goes on as if nothing had been.
    Freeze(usize, i64),
    /// A node's clock is set by so many seconds, as far as the guard lets it.
    Clock(usize, i64),
    /// A node crashes, is declared gone by a person, and comes back after so many seconds.
    Gone(usize, i64),
    /// A device is switched off for so many seconds.
    Off(usize, i64),
    /// The same as soon as it has its next lease.
    OffOnceRenewed(usize, i64),
    /// A device asks for its next renewal only so many seconds before its lease ends.
    RenewsLate(usize, i64),
    /// A person does something.
    Person(usize, Act),
    /// The vendor does something to a license.
    Vendor(usize, Sale),
}

/// Something that happens at a time, in seconds after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: i64,
    /// What.
    pub what: Happening,
}

/// A whole history before it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What it was drawn from; also seeds the network's delays.
    pub seed: u64,
    /// Who is there.
    pub cast: Cast,
    /// What happens, in the order of time.
    pub entries: Vec<Entry>,
}

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::of(seed, 1);
        let cast = Cast { nodes: 2 + rng.index(2), floating: 2 + rng.index(2), locked: 2, seats: 1 };
        let count = 4 + rng.index(22);
        let mut entries: Vec<Entry> = (0..count).map(|_| entry(&mut rng, cast)).collect();
        // People go home without giving their floating seats up: that is what seats are taken back for.
        for _ in 0..2 + rng.index(5) {
            let what = Happening::OffOnceRenewed(rng.index(cast.floating), rng.within(300, 1_500));
            entries.push(Entry { at: rng.within(20, TROUBLE), what });
        }
        // What was suspended or withdrawn mostly comes back, so that there is something left to see.
        let back: Vec<Entry> = entries.iter().filter_map(|entry| reversal(&mut rng, entry)).collect();
        entries.extend(back);
        entries.sort_by_key(|entry| entry.at);
        Self { seed, cast, entries }
    }

    /// The same without one entry.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let mut shorter = self.clone();
        if index < shorter.entries.len() {
            shorter.entries.remove(index);
        }
        shorter
    }
}

fn entry(rng: &mut Rng, cast: Cast) -> Entry {
    let at = rng.within(20, TROUBLE);
    let (node, device, license) = (rng.index(cast.nodes), rng.index(cast.devices()), rng.index(2));
    // Short and long faults matter in different ways; few last as long as the bounds.
    let span = [rng.within(2, 30), rng.within(20, 300), rng.within(200, 900), rng.within(600, 2_000)][rng.index(4)];
    let what = match rng.index(100) {
        0..10 => Happening::Cut(End::Node(node), End::Database, span),
        10..16 => Happening::CutOnceSigned(node, span),
        16..26 => Happening::Cut(End::Device(device), End::Node(node), span),
        26..29 => Happening::DatabaseGone(span),
        29..33 => Happening::DatabaseReadOnly(span),
        33..40 => Happening::Crash(node, span),
        40..48 => Happening::CrashOnceSigned(node, span),
        48..52 => Happening::Stop(node, span),
        52..62 => Happening::Freeze(node, span),
        62..68 => Happening::Clock(node, rng.within(-6, 7)),
        68..72 => Happening::Gone(node, span),
        // Long enough for a floating seat to be taken back.
        72..76 => Happening::Off(device, rng.within(20, 1_500)),
        76..80 => Happening::OffOnceRenewed(device, rng.within(300, 1_500)),
        80..89 => Happening::RenewsLate(rng.index(cast.floating), rng.within(0, 12)),
        89..92 => Happening::Person(device, Act::Release),
        92..95 => Happening::Person(device, Act::Refresh),
        95..97 => Happening::Vendor(license, Sale::Suspend),
        _ => Happening::Vendor(license, Sale::Revoke),
    };
    Entry { at, what }
}

fn reversal(rng: &mut Rng, entry: &Entry) -> Option<Entry> {
    let Happening::Vendor(license, sale) = entry.what else { return None };
    let back = if sale == Sale::Suspend { Sale::Resume } else { Sale::Reinstate };
    let at = entry.at + rng.within(5, 600);
    (rng.chance(700) && at < TROUBLE).then_some(Entry { at, what: Happening::Vendor(license, back) })
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("the database"),
            Self::Node(index) => write!(f, "node {index}"),
            Self::Device(index) => write!(f, "device {index}"),
        }
    }
}

fn license_name(index: usize) -> &'static str {
    if index == 0 { "the floating license" } else { "the node-locked license" }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(a, b, span) => write!(f, "nothing gets from {a} to {b} and back for {span} s"),
            Self::DatabaseGone(span) => write!(f, "the database answers nobody for {span} s"),
            Self::DatabaseReadOnly(span) => write!(f, "the database can only be read for {span} s"),
            Self::Crash(node, span) => write!(f, "node {node} crashes and comes back after {span} s"),
            Self::CrashOnceSigned(node, span) => {
                write!(f, "node {node} crashes as soon as it has signed a lease and comes back after {span} s")
            }
            Self::CutOnceSigned(node, span) => {
                write!(
                    f,
                    "as soon as node {node} has signed a lease, it has no connection to the database for {span} s"
                )
            }
            Self::Stop(node, span) => write!(f, "node {node} is stopped, as it should be, for {span} s"),
            Self::Freeze(node, span) => write!(f, "node {node} stands still for {span} s"),
            Self::Clock(node, by) => write!(f, "the clock of node {node} is set by {by} s"),
            Self::Gone(node, span) => {
                write!(f, "node {node} crashes, is declared gone, and comes back after {span} s")
            }
            Self::Off(device, span) => write!(f, "device {device} is off for {span} s"),
            Self::OffOnceRenewed(device, span) => {
                write!(f, "device {device} is off for {span} s as soon as it has another lease")
            }
            Self::RenewsLate(device, before) => {
                write!(f, "device {device} renews only {before} s before its lease ends")
            }
            Self::Person(device, Act::Release) => write!(f, "the seat of device {device} is given up there"),
            Self::Person(device, Act::Refresh) => write!(f, "device {device} is told to renew now"),
            Self::Vendor(license, sale) => {
                let verb = match sale {
                    Sale::Suspend => "suspended",
                    Sale::Resume => "resumed",
                    Sale::Revoke => "revoked",
                    Sale::Reinstate => "reinstated",
                };
                write!(f, "{} is {verb}", license_name(*license))
            }
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cast { nodes, floating, locked, seats } = self.cast;
        writeln!(
            f,
            "{nodes} nodes; {floating} devices want {seats} floating seat(s), {locked} want {seats} node-locked one(s)"
        )?;
        for Entry { at, what } in &self.entries {
            writeln!(f, "  at {at:>5} s  {what}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_same_story_again_and_another_tells_another() {
        assert_eq!(Story::of(5), Story::of(5));
        assert_ne!(Story::of(5).entries, Story::of(6).entries);
        let story = Story::of(5);
        assert!(story.entries.is_sorted_by_key(|entry| entry.at));
        assert_eq!(story.without(0).entries, story.entries[1..]);
    }
}
