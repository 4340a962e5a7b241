//! For every rule a fault that is injected into a noisy, healthy fleet: the alert comes at least the stated lead before the
//! failure, is raised once, and is cleared once it is cured.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a test's numbers"
)]

mod sim;

use holdfast_domain::Seconds;
use holdfast_fleet::{
    Code, Finding, Micros, NodeMode, NodeReport, Observations, Presence, Severity, State, Subject, Transition, Usage,
    evaluate, known_after,
    report::OutboxReport,
    rules::{Ends, Lead},
    transitions,
};
use sim::{DAY, HOUR, MINUTE, World, at, product};

/// A fault. Times in seconds; `since` is how long ago it began.
struct Fault {
    code: Code,
    subject: Subject,
    /// When it begins.
    begins: i64,
    /// Between two looks.
    step: i64,
    /// What it does to what is observed.
    inject: fn(seen: &mut Observations, since: i64),
    /// Nodes it silences.
    silences: &'static [&'static str],
    /// Whether what was promised to be foretold has happened, by the observations alone.
    failed: fn(seen: &Observations, since: i64) -> bool,
    /// How long after its cure the alert must be over.
    cleared_within: i64,
}

/// What came of a fault.
struct Story {
    /// From the begin of the fault to the first alert that someone should act on.
    raised_after: i64,
    /// From that alert to the failure.
    lead: i64,
    first: Finding,
    /// From the first advice to drain to the failure.
    drain_lead: Option<i64>,
    severities: Vec<Severity>,
}

fn play(fault: &Fault, seed: u64) -> Story {
    let (mut world, mut state, mut known) = (World::new(seed), State::default(), Vec::new());
    let mut first: Option<(i64, Finding)> = None;
    let (mut raised, mut severities, mut failed_at, mut drains_at) = (0, Vec::new(), None, None);
    // A step more than three hours before, so that the rules know what is usual.
    let mut t = fault.begins - (DAY / fault.step).min(2_000) * fault.step;
    loop {
        let since = t - fault.begins;
        let ongoing = since >= 0 && failed_at.is_none();
        world.silent =
            if ongoing { fault.silences.iter().map(|node| (*node, fault.begins)).collect() } else { Vec::new() };
        let mut seen = world.observe(t);
        if ongoing {
            (fault.inject)(&mut seen, since);
        }
        let findings = evaluate(&mut state, &seen, at(t));
        let mine = |finding: &&Finding| finding.code == fault.code && finding.subject == fault.subject;
        for change in transitions(&known, &findings) {
            match change {
                Transition::Raised(finding) | Transition::Worsened { finding, .. } if mine(&&finding) => {
                    assert!(since >= 0, "{} before its fault: {}", fault.code, finding.detail);
                    severities.push(finding.severity);
                    raised += usize::from(severities.len() == 1 || finding.since == at(t));
                    if first.is_none() && finding.severity >= Severity::Warning {
                        first = Some((t, finding));
                    }
                }
                _ => {}
            }
        }
        if drains_at.is_none() && findings.iter().filter(mine).any(Finding::drains) {
            drains_at = Some(t);
        }
        if ongoing && (fault.failed)(&seen, since) {
            failed_at = Some(t);
        }
        if let Some(failed_at) = failed_at {
            let (raised_at, first) = first.clone().unwrap_or_else(|| panic!("{} was not foretold at all", fault.code));
            if findings.iter().find(mine).is_none() && t > failed_at {
                assert_eq!(raised, 1, "{} flaps", fault.code);
                return Story {
                    raised_after: raised_at - fault.begins,
                    lead: failed_at - raised_at,
                    first,
                    drain_lead: drains_at.map(|at| failed_at - at),
                    severities,
                };
            }
            let stands = findings.iter().find(mine);
            assert!(t < failed_at + fault.cleared_within, "{} stands although it was cured: {stands:?}", fault.code);
        }
        known = known_after(&findings);
        t += fault.step;
    }
}

fn node(seen: &mut Observations) -> &mut NodeReport {
    &mut seen.nodes.iter_mut().find(|node| node.report.node == "us-1").unwrap().report
}

fn report(seen: &Observations) -> &NodeReport {
    &seen.nodes.iter().find(|node| node.report.node == "us-1").unwrap().report
}

/// Adds `rise` per second to a share of the limit.
fn rises(usage: &mut Option<Usage>, rise: f64, since: i64) {
    if let Some(usage) = usage {
        usage.used += (rise * since as f64 * usage.limit as f64) as u64;
    }
}

fn is_full(usage: Option<Usage>) -> bool {
    usage.and_then(Usage::share).is_some_and(|share| share >= 1.0)
}

fn fault(code: Code) -> Fault {
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
                |_, since| since >= DAY,
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

#[test]
fn every_alert_comes_before_its_failure() {
    let mut late = Vec::new();
    for code in Code::ALL {
        for seed in [1, 2, 3] {
            let Story { raised_after, lead, first, .. } = play(&fault(*code), seed);
            let stated = match code.rule().lead {
                Lead::Before(lead) => lead.0,
                Lead::TwoIntervals => 2 * HOUR,
                // A fact is raised within a minute.
                Lead::Fact => lead + (raised_after - MINUTE).max(0),
            };
            println!(
                "{code} {seed}: after {raised_after} s, {lead} s before, estimate {:?}: {}",
                first.left, first.detail
            );
            if lead < stated {
                late.push(format!("{code} {seed}: {lead} s before the failure instead of {stated} s"));
            }
        }
    }
    assert_eq!(late, Vec::<String>::new());
}

#[test]
fn estimates_are_rather_early_than_late() {
    for code in Code::ALL {
        let Story { lead, first, .. } = play(&fault(*code), 4);
        if let Some(left) = first.left.filter(|_| *code != Code::NodeUnresponsive) {
            let share = left.0 as f64 / lead as f64;
            // Early by what the nightly rotation of logs gives back to the disk.
            assert!((0.6..=1.25).contains(&share), "{code}: estimated {left:?}, was {lead} s");
        }
    }
}

#[test]
fn a_node_drains_itself_before_its_end_and_not_long_before() {
    let expected = [
        (Code::DiskFull, 100 * MINUTE..3 * HOUR),
        (Code::MemoryExhausted, 10 * MINUTE..HOUR),
        (Code::DescriptorsExhausted, 10 * MINUTE..40 * MINUTE),
        (Code::ClockDrift, HOUR..6 * HOUR),
    ];
    for ((code, span), seed) in expected.iter().flat_map(|row| [4, 5, 7].map(|seed| (row, seed))) {
        let lead = play(&fault(*code), seed).drain_lead.unwrap_or_else(|| panic!("{code}: no advice to drain"));
        assert!(span.contains(&lead), "{code}: drained {lead} s before the end");
    }
    for code in [Code::ReplicationLag, Code::ConnectionsExhausted, Code::CertificateExpiring] {
        assert_eq!(play(&fault(code), 5).drain_lead, None, "{code}: draining does not help");
    }
}

#[test]
fn a_node_is_suspected_before_it_is_dead() {
    for seed in 1..=5 {
        let story = play(&fault(Code::NodeUnresponsive), seed);
        assert_eq!(story.severities[0], Severity::Warning);
        assert!(story.raised_after <= 30, "suspected after {} s", story.raised_after);
    }
}

#[test]
fn a_disk_that_fills_in_hours_is_noticed_in_little_more_than_one() {
    let fast = Fault {
        inject: |seen, since| rises(&mut node(seen).disk, 0.42 / (5.0 * 3_600.0), since),
        ..fault(Code::DiskFull)
    };
    let story = play(&fast, 6);
    assert!(story.raised_after <= 70 * MINUTE, "after {} s", story.raised_after);
    assert!(story.drain_lead.is_some_and(|lead| lead >= 2 * HOUR), "{:?}", story.drain_lead);
}

#[test]
fn growing_worse_is_announced() {
    for code in [
        Code::MemoryExhausted,
        Code::ReplicationLag,
        Code::ClockDrift,
        Code::CertificateExpiring,
        Code::ContinuityMode,
        Code::JobSilent,
    ] {
        let severities = play(&fault(code), 7).severities;
        assert_eq!(severities, [Severity::Warning, Severity::Critical], "{code}");
    }
    assert_eq!(play(&fault(Code::ExpiryCliff), 7).severities, Severity::ALL);
}
