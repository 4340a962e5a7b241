//! A replica that falls behind.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, Quantity, Steps, View, words, worse},
};
use crate::finding::{
    Severity::{Critical, Warning},
    Subject,
};
use holdfast_domain::Seconds;
use std::collections::BTreeSet;

/// The lag in seconds at which a replica is of no use: its region reads what is a minute old, and promoting it would lose a
/// minute of acknowledged writes.
const LIMIT: f64 = 60.0;

/// A replica falls behind.
pub(super) const RULE: Rule = Rule {
    code: Code::ReplicationLag,
    watches: "how far the replica that a region's nodes use, or the slowest standby of their primary, lies behind, and its pace \
              over 20 minutes",
    failure: "the replica is 60 s behind: its region works with old data, and promoting it would lose a minute of writes",
    levels: &[
        (Warning, "60 s within 12 min at the present pace, or 45 s behind"),
        (Critical, "60 s within 3 min at the present pace, or 60 s behind"),
    ],
    lead: Lead::Before(Seconds::minutes(10)),
    cure: "Look at the replica (`pg_stat_wal_receiver`, `pg_stat_replication` on the primary): network, disk, a long query \
           that holds up replay. End the query or move the load; if it goes on growing, rebuild the replica with \
           `patronictl reinit`.",
    confirm: Seconds::minutes(2),
    settle: Seconds::minutes(10),
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    let regions: BTreeSet<_> = view.fresh().map(|node| node.report.region.as_str()).collect();
    let regions = regions.into_iter().map(|region| Subject::Region(region.to_owned()));
    regions.chain([Subject::Installation]).filter_map(|subject| lag_of(view, subject)).collect()
}

/// Of a region whose nodes use a replica, or of the standbys of the primary.
fn lag_of(view: &View<'_>, subject: Subject) -> Option<Measure> {
    let series = view.series(Quantity::Lag, &subject)?;
    let (at, lag) = series.latest()?;
    if view.now.since(at) > Seconds::minutes(5) {
        return None;
    }
    let left = series.time_to(LIMIT);
    let judged = worse(
        Steps { warning: 750.0, critical: 180.0 }.left(left, 1.5),
        Steps { warning: 45.0, critical: LIMIT }.level(lag, 5.0),
    );
    Some(Measure::new(subject, judged, left, || match left {
        Some(left) if left > 0.0 => format!("replica {lag:.1} s behind, 60 s in {} at the present pace", words(left)),
        _ => format!("replica {lag:.1} s behind"),
    }))
}
