//! A background job that does not run any more.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, Steps, View, words},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
    report::JobReport,
};
use holdfast_domain::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// The intervals after which what a job looks after is no longer looked after.
const FAILS_AFTER: f64 = 4.0;
/// The shortest interval that is judged, in seconds: a job that runs every second may pause while another node takes it
/// over.
const SHORTEST: f64 = 120.0;

/// A background job does not run.
pub(super) const RULE: Rule = Rule {
    code: Code::JobSilent,
    watches: "when each background job last ended well, against how often it should run (at least 2 min)",
    failure: "the job was missed 4 times in a row: what it looks after is not looked after",
    levels: &[(Warning, "almost 2 intervals since the last run"), (Critical, "3 intervals since the last run")],
    lead: Lead::TwoIntervals,
    cure: "Search the logs of all nodes for the job's name: it fails, or nobody holds its lease. Mend what it says; if it \
           says nothing, restart the node that holds the lease, and another one takes the job over.",
    confirm: Seconds(0),
    settle: Seconds(0),
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    // Any node may have run it: the latest run counts.
    let mut jobs: BTreeMap<&str, (Timestamp, &JobReport)> = BTreeMap::new();
    for job in view.fresh().flat_map(|node| &node.report.jobs) {
        let Some(at) = job.last_run.max(job.known_since) else { continue };
        let known = jobs.entry(&job.name).or_insert((at, job));
        if at > known.0 {
            *known = (at, job);
        }
    }
    jobs.into_values().map(|(at, job)| of_job(view.now, at, job)).collect()
}

fn of_job(now: Timestamp, at: Timestamp, job: &JobReport) -> Measure {
    let every = number::signed(job.every.0).max(SHORTEST);
    let silent = number::between(at, now);
    let judged = Steps { warning: 1.9, critical: 3.0 }.level(silent / every, 0.4);
    let left = FAILS_AFTER.mul_add(every, -silent).max(0.0);
    Measure::new(Subject::Job(job.name.clone()), judged, Some(left), || {
        let due = words(number::signed(job.every.0));
        match job.last_run {
            Some(_) => format!("last ended well {} ago, should run every {due}", words(silent)),
            None => format!("has never ended well in {}, should run every {due}", words(silent)),
        }
    })
}
