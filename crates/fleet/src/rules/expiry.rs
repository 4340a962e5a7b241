//! Certificates and keys that end at a date that is known.

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
    report::KeyKind,
};
use holdfast_domain::{Seconds, Timestamp};
use std::collections::BTreeMap;

const DAY: f64 = 86_400.0;
/// A date is exact; what a rule says comes an hour before the lead that is promised, for the time it takes to confirm.
const EARLY: f64 = 3_600.0;

/// A certificate ends.
pub(super) const CERTIFICATE: Rule = Rule {
    code: Code::CertificateExpiring,
    watches: "the end of the certificate under which clients reach the node",
    failure: "clients refuse the connection",
    levels: &[(Warning, "21 d left"), (Critical, "7 d left")],
    lead: Lead::Before(Seconds::days(21)),
    cure: "Renewal by itself should have happened 30 d before the end: look at the log of what renews it (`certbot renew \
           --dry-run`, the proxy's own), renew it, and make the proxy load it.",
    confirm: Seconds(0),
    settle: Seconds::minutes(5),
    measure: |view| {
        let nodes = view.fresh().filter_map(|node| {
            let end = node.report.certificate_expires_at?;
            Some(ends(view, Subject::Node(node.report.node.clone()), end, 21.0, 7.0, "certificate"))
        });
        nodes.collect()
    },
};

/// An issuing key ends without a successor.
pub(super) const ISSUING_KEY: Rule = Rule {
    code: Code::IssuingKeyExpiring,
    watches: "the end of issuing keys in use; they are replaced 30 d before",
    failure: "nothing can be signed for the product: no activations, no renewals",
    levels: &[(Warning, "21 d left"), (Critical, "7 d left")],
    lead: Lead::Before(Seconds::days(21)),
    cure: "Rotate it: `holdfast keys rotate`, or the product's page, tab Keys. Then find out why it was not rotated by \
           itself: the job's last run, and whether a node with the master key is there.",
    confirm: Seconds(0),
    settle: Seconds::minutes(5),
    measure: |view| keys(view, KeyKind::Issuing, 21.0, 7.0, "issuing key"),
};

/// A root key ends.
pub(super) const ROOT_KEY: Rule = Rule {
    code: Code::RootKeyExpiring,
    watches: "the end of root keys, which applications have pinned",
    failure: "no key manifest can be signed; applications learn of no new issuing keys",
    levels: &[(Warning, "180 d left"), (Critical, "60 d left")],
    lead: Lead::Before(Seconds::days(180)),
    cure: "Make the next root key (`holdfast keys root`) and release a version of each application that pins both; the old \
           one may end once enough installations were updated.",
    confirm: Seconds(0),
    settle: Seconds::minutes(5),
    measure: |view| keys(view, KeyKind::Root, 180.0, 60.0, "root key"),
};

fn keys(view: &View<'_>, kind: KeyKind, warning: f64, critical: f64, noun: &str) -> Vec<Measure> {
    // Every node reports the same keys; the newest report counts, and reports of one moment by the latest date.
    let mut ends_at: BTreeMap<&str, (Timestamp, Timestamp)> = BTreeMap::new();
    for node in view.fresh() {
        for key in node.report.keys.iter().filter(|key| key.kind == kind) {
            let known = ends_at.entry(&key.kid).or_insert((node.received_at, key.expires_at));
            *known = (*known).max((node.received_at, key.expires_at));
        }
    }
    ends_at
        .into_iter()
        .map(|(kid, (_, end))| ends(view, Subject::Key(kid.to_owned()), end, warning, critical, noun))
        .collect()
}

fn ends(view: &View<'_>, subject: Subject, end: Timestamp, warning: f64, critical: f64, noun: &str) -> Measure {
    let left = number::between(view.now, end);
    let steps = Steps { warning: warning.mul_add(DAY, EARLY), critical: critical.mul_add(DAY, EARLY) };
    Measure::new(subject, steps.left(Some(left), 1.02), Some(left.max(0.0)), || {
        if left > 0.0 { format!("{noun} ends in {}", words(left)) } else { format!("{noun} ended {} ago", words(left)) }
    })
}
