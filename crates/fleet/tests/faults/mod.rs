//! The faults that the rules must foretell, one for each.

use crate::sim::{DAY, HOUR, MINUTE, at, product};
use holdfast_domain::Seconds;
use holdfast_fleet::{
    Code, Micros, NodeMode, NodeReport, Observations, Presence, Subject, Usage,
    report::{MailReport, OutboxReport},
    rules::Ends,
};

/// A fault. Times in seconds; `since` is how long ago it began.
pub struct Fault {
    pub code: Code,
    pub subject: Subject,
    /// When it begins.
    pub begins: i64,
    /// Between two looks.
    pub step: i64,
    /// What it does to what is observed.
    pub inject: fn(seen: &mut Observations, since: i64),
    /// Nodes it silences.
    pub silences: &'static [&'static str],
    /// Whether what was promised to be foretold has happened, by the observations alone.
    pub failed: fn(seen: &Observations, since: i64) -> bool,
    /// How long after its cure the alert must be over.
    pub cleared_within: i64,
}

pub fn node(seen: &mut Observations) -> &mut NodeReport {
    &mut seen.nodes.iter_mut().find(|node| node.report.node == "us-1").unwrap().report
}

fn report(seen: &Observations) -> &NodeReport {
    &seen.nodes.iter().find(|node| node.report.node == "us-1").unwrap().report
}

/// Adds `rise` per second to a share of the limit.
pub fn rises(usage: &mut Option<Usage>, rise: f64, since: i64) {
    if let Some(usage) = usage {
        usage.used += (rise * since as f64 * usage.limit as f64) as u64;
    }
}

fn is_full(usage: Option<Usage>) -> bool {
    usage.and_then(Usage::share).is_some_and(|share| share >= 1.0)
}

/// The fault that the rule of this code must foretell.
pub fn fault(code: Code) -> Fault {
    let base = |step: i64, inject, failed| Fault {
        code,
        subject: Subject::Node("us-1".to_owned()),
        begins: 2 * DAY + 4 * HOUR,
        step,
        inject,
        silences: &[],
        failed,
        cleared_within: 2 * HOUR,
    };
    let of_product = |fault: Fault| Fault { subject: Subject::Product(product()), ..fault };
    match code {
        // 42 % free, full in two and a half days.
        Code::DiskFull => base(
            MINUTE,
            |seen, since| rises(&mut node(seen).disk, 0.42 / (60.0 * 3_600.0), since),
            |seen, _| is_full(report(seen).disk),
        ),
        Code::MemoryExhausted => base(
            MINUTE,
            |seen, since| rises(&mut node(seen).memory, 0.55 / (8.0 * 3_600.0), since),
            |seen, _| is_full(report(seen).memory),
        ),
        Code::DescriptorsExhausted => base(
            MINUTE,
            |seen, since| rises(&mut node(seen).descriptors, 0.8 / (7.0 * 3_600.0), since),
            |seen, _| is_full(report(seen).descriptors),
        ),
        Code::ConnectionsExhausted => base(
            15,
            |seen, since| rises(&mut node(seen).connections, 0.8 / 4_800.0, since),
            |seen, _| is_full(report(seen).connections),
        ),
        Code::DatabaseConnectionsExhausted => base(
            15,
            |seen, since| {
                let wait = node(seen).database.as_mut().unwrap().pool_wait_p99.as_mut().unwrap();
                wait.0 += since * 3_000_000 / 1_200;
            },
            |seen, _| report(seen).database.as_ref().unwrap().pool_wait_p99 >= Some(Micros::from_millis(3_000)),
        ),
        Code::ReplicationLag => Fault {
            subject: Subject::Region("us".to_owned()),
            ..base(
                15,
                |seen, since| {
                    node(seen).database.as_mut().unwrap().replication_lag.as_mut().unwrap().0 += since * 1_000_000 / 40;
                },
                |seen, _| report(seen).database.as_ref().unwrap().replication_lag >= Some(Micros::from_millis(60_000)),
            )
        },
        // A second an hour behind.
        Code::ClockDrift => base(
            MINUTE,
            |seen, since| {
                node(seen).clock.as_mut().unwrap().to_database.as_mut().unwrap().0 -= since * 1_000_000 / 3_600;
            },
            |seen, _| report(seen).clock.as_ref().unwrap().to_database <= Some(Micros::from_millis(-30_000)),
        ),
        Code::CertificateExpiring => base(
            HOUR,
            |seen, _| node(seen).certificate_expires_at = Some(at(40 * DAY)),
            |_, since| since >= 40 * DAY - (2 * DAY + 4 * HOUR),
        ),
        Code::IssuingKeyExpiring => {
            let keep = |seen: &mut Observations, _| {
                for node in &mut seen.nodes {
                    node.report.keys[0].expires_at = at(35 * DAY);
                }
            };
            let fault = base(HOUR, keep, |_, since| since >= 35 * DAY - (2 * DAY + 4 * HOUR));
            Fault { subject: Subject::Key("issuing".to_owned()), ..fault }
        }
        Code::RootKeyExpiring => {
            let end = |seen: &mut Observations, _| {
                for node in &mut seen.nodes {
                    node.report.keys[1].expires_at = at(200 * DAY);
                }
            };
            let fault = base(HOUR, end, |_, since| since >= 200 * DAY - (2 * DAY + 4 * HOUR));
            Fault { subject: Subject::Key("root".to_owned()), ..fault }
        }
        Code::JobSilent => Fault {
            subject: Subject::Job("prune".to_owned()),
            ..base(
                MINUTE,
                |seen, since| {
                    for node in &mut seen.nodes {
                        let begins = node.received_at.plus(Seconds(-since));
                        let job = &mut node.report.jobs[1];
                        job.last_run = job.last_run.min(Some(begins));
                    }
                },
                |_, since| since >= 4 * HOUR,
            )
        },
        Code::ExpiryCliff => of_product(base(
            HOUR,
            |seen, since| {
                let end = Ends { at: at(40 * DAY), licenses: 2_000 };
                if since >= 0
                    && let Some(ends) = &mut seen.products[0].ends_by_hour
                {
                    ends.push(end);
                }
            },
            |_, since| since >= 40 * DAY - (2 * DAY + 4 * HOUR),
        )),
        Code::ExpirySameMinute => of_product(base(
            HOUR,
            |seen, _| {
                let end = Ends { at: at(40 * DAY + 7 * MINUTE), licenses: 80 };
                seen.products[0].ends_by_minute.as_mut().unwrap().push(end);
            },
            |_, since| since >= 40 * DAY - (2 * DAY + 4 * HOUR),
        )),
        Code::DenialSpike => of_product(base(
            15,
            |seen, since| seen.products[0].denials.as_mut().unwrap().recent = 1 + since as u64 * 19 / 600,
            |seen, _| seen.products[0].denials.is_some_and(|denials| denials.recent >= denials.limit),
        )),
        Code::OutboxBacklog => Fault {
            subject: Subject::Installation,
            ..base(
                MINUTE,
                |seen, since| {
                    for node in &mut seen.nodes {
                        let oldest = Some(node.received_at.plus(Seconds(-since)));
                        node.report.outbox = Some(OutboxReport { size: since as u64 / 10, oldest });
                    }
                },
                |_, since| since >= 3 * DAY,
            )
        },
        Code::MailBacklog => Fault {
            subject: Subject::Installation,
            ..base(
                MINUTE,
                |seen, since| {
                    for node in &mut seen.nodes {
                        let began = Some(node.received_at.plus(Seconds(-since)));
                        node.report.mail = Some(MailReport { size: since as u64 / 10, oldest: began, sent: began });
                    }
                },
                |_, since| since >= 2 * DAY,
            )
        },
        Code::RestoreUnproved => Fault {
            subject: Subject::Installation,
            ..base(
                HOUR,
                |seen, _| {
                    for node in &mut seen.nodes {
                        node.report.restore.as_mut().unwrap().proved_at = Some(at(-4 * DAY));
                    }
                },
                |_, since| since >= 31 * DAY - (2 * DAY + 4 * HOUR),
            )
        },
        Code::NodeUnresponsive => Fault {
            silences: &["us-1"],
            ..base(5, |_, _| (), |seen, _| seen.nodes.iter().any(|node| node.presence == Presence::Dead))
        },
        Code::RegionLost => Fault {
            subject: Subject::Region("eu".to_owned()),
            silences: &["eu-1", "eu-2"],
            ..base(15, |_, _| (), |_, since| since >= 72 * HOUR)
        },
        Code::ContinuityMode => base(
            MINUTE,
            |seen, since| {
                let received = seen.nodes[2].received_at;
                let report = node(seen);
                report.mode = NodeMode::Continuity;
                report.continuity_since = Some(received.plus(Seconds(-since)));
            },
            |_, since| since >= 72 * HOUR,
        ),
    }
}
