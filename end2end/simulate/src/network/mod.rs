//! Random histories of nodes, clients and a database on a failing network, and a checker that knows what must hold.
//!
//! The network is simulated ([`turmoil`]): one thread, virtual time, seeded delays, so a history can be repeated from its
//! seed. The rules that are played by are the real ones: [`holdfast_domain::decide()`], [`holdfast_domain::continuity`],
//! the signed documents and the client decision of [`holdfast_lease`].

mod database;
mod device;
mod node;
pub mod play;
mod renew;
pub mod rules;
mod scene;
mod shrink;
pub mod story;
mod wire;
pub mod world;

pub use play::{Outcome, play};
pub use rules::Rules;
pub use scene::START;
pub use shrink::shrink;
pub use story::Story;

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use world::Counts;

/// A story that breaks a rule, as short as it could be made.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What is told.
    pub story: Story,
    /// How it ends.
    pub outcome: Outcome,
    /// How many entries it had at first.
    pub entries: usize,
}

/// What came of many histories.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many were played.
    pub histories: u64,
    /// What was counted in all of them.
    pub counts: Counts,
    /// The counterexample with the smallest seed of those found.
    pub counterexample: Option<Counterexample>,
}

/// Plays `count` histories from the seed `first` on, on `threads` threads, until one breaks a rule.
pub fn histories(first: u64, count: u64, threads: usize, rules: Rules) -> Result<Report, String> {
    let (next, found) = (AtomicU64::new(0), AtomicBool::new(false));
    let report = Mutex::new(Ok(Report::default()));
    let work = || {
        while !found.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let story = Story::of(first + index);
            let played = play(&story, rules);
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            let (Ok(sum), Ok(outcome)) = (&mut *report, &played) else {
                if let Err(error) = played {
                    *report = Err(error);
                }
                found.store(true, Ordering::Relaxed);
                return;
            };
            sum.histories += 1;
            sum.counts.add(outcome.counts);
            if outcome.violation.is_some() {
                found.store(true, Ordering::Relaxed);
                let smaller = sum.counterexample.as_ref().is_none_or(|known| story.seed < known.story.seed);
                if smaller {
                    let entries = story.entries.len();
                    sum.counterexample = Some(Counterexample { story, outcome: outcome.clone(), entries });
                }
            }
        }
    };
    std::thread::scope(|scope| {
        (0..threads.max(1)).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    if let Some(found) = report.counterexample.take() {
        let (story, outcome) = shrink(&found.story, &found.outcome, rules)?;
        report.counterexample = Some(Counterexample { story, outcome, entries: found.entries });
    }
    Ok(report)
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(broken) = &self.outcome.violation else { return Ok(()) };
        let at = broken.at - scene::START;
        writeln!(f, "Broken at {at} s: {}. {}", broken.rule, broken.seen)?;
        writeln!(f, "Seed {}; {} of {} entries are needed:", self.story.seed, self.story.entries.len(), self.entries)?;
        write!(f, "{}", self.story)?;
        writeln!(f, "What was seen, at the end:")?;
        let lines = &self.outcome.log[self.outcome.log.len().saturating_sub(24)..];
        lines.iter().try_for_each(|(at, line)| writeln!(f, "  {:>5} s  {line}", at - scene::START))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { leases, carried_on, denials, reclaimed, waited, launches, starved } = self.counts;
        writeln!(
            f,
            "{} histories: {leases} leases signed on the database's word, {carried_on} carried on without it",
            self.histories
        )?;
        writeln!(f, "{denials} denials, {launches} launches with a lease that was alive")?;
        writeln!(f, "{reclaimed} floating seats taken back, {waited} claims that had to wait for one")?;
        writeln!(f, "{starved} histories that ended with a floating seat that nobody could have")?;
        match &self.counterexample {
            Some(found) => write!(f, "{found}"),
            None => writeln!(f, "no rule was broken"),
        }
    }
}

#[cfg(test)]
mod tests;
