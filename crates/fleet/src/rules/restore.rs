//! The age of the last backup that was proved by restoring it.

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
};
use holdfast_domain::Seconds;

const DAY: f64 = 86_400.0;
/// The age in days at which nobody may rely on the backups any more.
const TOO_OLD: f64 = 35.0;

/// It is long ago that a backup was proved by restoring it.
pub(super) const RULE: Rule = Rule {
    code: Code::RestoreUnproved,
    watches: "the age of the last backup that was restored and looked at; of the installation, where none ever was",
    failure: "for 35 d nobody has proved that a backup can be restored: count on none",
    levels: &[(Warning, "28 d"), (Critical, "35 d")],
    lead: Lead::Before(Seconds::days(7)),
    cure: "Prove the newest backup: `holdfast restore --prove FILE`, or `restore.sh prove` of `deploy/backup` for PostgreSQL. \
           Better: let a job do so every night.",
    confirm: Seconds(0),
    settle: Seconds(0),
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    let proofs = view.fresh().filter_map(|node| node.report.restore);
    let Some(proof) = proofs.max_by_key(|proof| proof.proved_at) else { return Vec::new() };
    let age = number::between(proof.proved_at.unwrap_or(proof.installed_at), view.now).max(0.0);
    // An hour before the lead that is promised, for the time until it is evaluated.
    let judged = Steps { warning: 28.0f64.mul_add(DAY, -3_600.0), critical: TOO_OLD * DAY }.level(age, DAY);
    let left = Some(TOO_OLD.mul_add(DAY, -age).max(0.0));
    vec![Measure::new(Subject::Installation, judged, left, || match proof.proved_at {
        Some(_) => format!("the last restore was proved {} ago", words(age)),
        None => format!("no restore was ever proved, {} after the installation", words(age)),
    })]
}
