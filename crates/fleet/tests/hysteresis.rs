//! Alerts neither flap nor are raised again, whatever happens to what they watch or to whoever watches.

use holdfast_domain::{Seconds, Timestamp};
use holdfast_fleet::{
    Code, Finding, Known, Micros, NodeMode, NodeReport, NodeSeen, Observations, Presence, Severity, State, Subject,
    Transition, Usage, evaluate, known_after,
    report::{ClockReport, DatabaseReport, DatabaseRole, KeyKind, KeyReport, OutboxReport},
    transitions,
};

fn at(t: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + t)
}

fn seen(t: i64, reports: Vec<NodeReport>) -> Observations {
    let node = |report| NodeSeen { report, received_at: at(t), presence: Presence::Alive };
    Observations { nodes: reports.into_iter().map(node).collect(), ..Observations::default() }
}

fn named(node: &str) -> NodeReport {
    NodeReport { node: node.to_owned(), region: "eu".to_owned(), mode: NodeMode::Normal, ..NodeReport::default() }
}

/// A report whose oldest undelivered webhook has waited for so many minutes.
fn waiting(t: i64, minutes: i64) -> Vec<NodeReport> {
    let oldest = Some(at(t).plus(Seconds::minutes(-minutes)));
    vec![NodeReport { outbox: Some(OutboxReport { size: 1, oldest }), ..named("a") }]
}

/// What was announced of the outbox when it has waited for `minutes(t)` minutes at `t`, looked at every minute.
fn announced(until: i64, minutes: impl Fn(i64) -> i64) -> Vec<(i64, &'static str)> {
    let (mut state, mut known, mut announced) = (State::default(), Vec::new(), Vec::new());
    for t in (0..until).step_by(60) {
        let findings = evaluate(&mut state, &seen(t, waiting(t, minutes(t))), at(t));
        announced.extend(transitions(&known, &findings).into_iter().map(|change| match change {
            Transition::Raised(_) => (t / 60, "raised"),
            Transition::Worsened { .. } => (t / 60, "worsened"),
            Transition::Cleared(_) => (t / 60, "cleared"),
        }));
        known = known_after(&findings);
    }
    announced
}

#[test]
fn around_the_threshold_it_is_raised_once() {
    assert_eq!(announced(86_400, |t| 14 + (t / 60) % 5), [(3, "raised")]);
}

#[test]
fn what_is_bad_for_a_moment_is_not_raised() {
    assert_eq!(announced(86_400, |t| if (t / 60) % 10 < 2 { 40 } else { 0 }), []);
}

#[test]
fn it_is_cleared_once_it_has_been_better_for_a_while() {
    // Ten minutes of being better; a relapse begins the wait anew.
    assert_eq!(announced(7_200, |t| if t < 1_800 { 30 } else { 0 }), [(2, "raised"), (40, "cleared")]);
    let relapse = |t: i64| if t < 1_800 || (2_100..2_220).contains(&t) { 30 } else { 0 };
    assert_eq!(announced(7_200, relapse), [(2, "raised"), (47, "cleared")]);
}

#[test]
fn a_little_better_is_not_over() {
    assert_eq!(announced(7_200, |t| if t < 1_800 { 30 } else { 11 }), [(2, "raised")]);
}

#[test]
fn it_worsens_and_eases_without_being_raised_again() {
    let minutes = |t: i64| if (3_600..7_200).contains(&t) { 600 } else { 30 };
    assert_eq!(announced(14_400, minutes), [(2, "raised"), (62, "worsened")]);
}

fn standing(code: Code) -> Known {
    Known { code, subject: Subject::Installation, severity: Severity::Warning, since: at(-500) }
}

#[test]
fn a_new_watcher_clears_nothing_that_it_has_not_seen() {
    let known = [standing(Code::OutboxBacklog)];
    let mut state = State::resume(&known, at(0));
    let findings = evaluate(&mut state, &Observations::default(), at(30));
    assert_eq!(transitions(&known, &findings), []);
    assert_eq!(findings[0].since, at(-500));
    // Once it is seen and fine, it is cleared in the usual time.
    let fine: Vec<usize> = [60, 120, 720].map(|t| evaluate(&mut state, &seen(t, waiting(t, 0)), at(t)).len()).into();
    assert_eq!(fine, [1, 1, 0]);
}

#[test]
fn whoever_takes_over_keeps_what_stands_and_what_it_has_seen_itself() {
    let known = [standing(Code::OutboxBacklog)];
    let mut state = State::default();
    assert!(evaluate(&mut state, &seen(0, waiting(0, 0)), at(0)).is_empty());
    state.adopt(&known, at(30));
    let findings = evaluate(&mut state, &Observations::default(), at(30));
    assert_eq!(transitions(&known, &findings), []);
    // A second time changes nothing: it is held already.
    state.adopt(&known, at(60));
    let fine: Vec<usize> = [60, 120, 720].map(|t| evaluate(&mut state, &seen(t, waiting(t, 0)), at(t)).len()).into();
    assert_eq!(fine, [1, 1, 0]);
}

#[test]
fn what_is_never_measured_again_is_over_after_an_hour() {
    let mut state = State::resume(&[standing(Code::OutboxBacklog)], at(0));
    let left: Vec<usize> =
        [60, 3_600, 3_660].map(|t| evaluate(&mut state, &Observations::default(), at(t)).len()).into();
    assert_eq!(left, [1, 1, 0]);
}

#[test]
fn a_key_that_was_replaced_is_no_worry() {
    let with = |t: i64, kid: &str, days: i64| {
        let key =
            KeyReport { kid: kid.to_owned(), kind: KeyKind::Issuing, expires_at: at(0).plus(Seconds::days(days)) };
        seen(t, vec![NodeReport { keys: vec![key], ..named("a") }])
    };
    let mut state = State::default();
    assert_eq!(evaluate(&mut state, &with(0, "old", 5), at(0))[0].severity, Severity::Critical);
    let left: Vec<usize> = [60, 400].map(|t| evaluate(&mut state, &with(t, "new", 120), at(t)).len()).into();
    assert_eq!(left, [1, 0]);
}

/// Nodes whose clocks are off by so many seconds, after an hour.
fn drains(offsets: &[i64]) -> Vec<Finding> {
    let report = |(i, off): (usize, &i64)| NodeReport {
        clock: Some(ClockReport { to_database: Some(Micros(off * 1_000_000)), ..ClockReport::default() }),
        ..named(&format!("n{i}"))
    };
    let mut state = State::default();
    let mut findings = Vec::new();
    for t in (0..3_600).step_by(60) {
        findings = evaluate(&mut state, &seen(t, offsets.iter().enumerate().map(report).collect()), at(t));
    }
    findings.retain(Finding::drains);
    findings
}

#[test]
fn never_do_more_than_half_of_the_nodes_drain() {
    assert_eq!(drains(&[26]).len(), 0, "the only node");
    assert_eq!(drains(&[26, 0]).len(), 1);
    assert_eq!(drains(&[26, 26]).len(), 1);
    assert_eq!(drains(&[26, 26, 26]).len(), 1);
    assert_eq!(drains(&[26, 26, 26, 0]).len(), 2);
    assert_eq!(drains(&[24, 24, 0]).len(), 0, "not yet");
}

#[test]
fn a_node_that_is_gone_is_not_judged_by_what_it_said() {
    let disk = Some(Usage { used: 99, limit: 100 });
    let mut state = State::default();
    let mut gone = seen(0, vec![NodeReport { disk, ..named("a") }]);
    gone.nodes[0].presence = Presence::Dead;
    for t in (0..1_200).step_by(30) {
        let findings = evaluate(&mut state, &gone, at(t));
        assert!(findings.iter().all(|finding| finding.code != Code::DiskFull), "{findings:?}");
    }
}

#[test]
fn a_node_that_said_goodbye_is_not_missed() {
    let mut state = State::default();
    let mut gone = seen(0, vec![NodeReport { mode: NodeMode::Draining, ..named("a") }]);
    gone.nodes[0].presence = Presence::Dead;
    let missed = |state: &mut State, seen: &Observations| {
        (0..600).step_by(5).flat_map(|t| evaluate(state, seen, at(t))).collect::<Vec<_>>()
    };
    assert_eq!(missed(&mut state, &gone), []);
    gone.nodes[0].report.mode = NodeMode::Normal;
    let codes: std::collections::BTreeSet<_> = missed(&mut state, &gone).iter().map(|finding| finding.code).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), [Code::NodeUnresponsive, Code::RegionLost]);
}

#[test]
fn a_primary_tells_of_its_slowest_standby_and_one_that_cannot_see_it_of_nothing() {
    let story = |role: DatabaseRole, lag: Option<i64>| {
        let mut state = State::default();
        let database =
            DatabaseReport { role, replication_lag: lag.map(Micros::from_millis), ..DatabaseReport::default() };
        let found = (0..600).step_by(5).map(|t| {
            let report = NodeReport { database: Some(database.clone()), ..named("a") };
            evaluate(&mut state, &seen(t, vec![report]), at(t))
        });
        found.flatten().any(|finding| finding.code == Code::ReplicationLag)
    };
    assert!(story(DatabaseRole::Primary, Some(50_000)));
    assert!(!story(DatabaseRole::Primary, Some(500)) && !story(DatabaseRole::Primary, None));
    assert!(!story(DatabaseRole::Single, None));
}

#[test]
fn regions_that_write_to_one_primary_raise_one_alert_about_its_standbys() {
    let found = |role: DatabaseRole| {
        let mut state = State::default();
        let database =
            DatabaseReport { role, replication_lag: Some(Micros::from_millis(50_000)), ..DatabaseReport::default() };
        let reports = ["eu", "us"].map(|region| NodeReport {
            database: Some(database.clone()),
            region: region.to_owned(),
            ..named(region)
        });
        let last = (0..600).step_by(5).map(|t| evaluate(&mut state, &seen(t, reports.to_vec()), at(t))).last().unwrap();
        let lags = last.into_iter().filter(|finding| finding.code == Code::ReplicationLag);
        lags.map(|finding| finding.subject).collect::<Vec<_>>()
    };
    assert_eq!(found(DatabaseRole::Primary), [Subject::Installation]);
    let own = ["eu", "us"].map(|region| Subject::Region(region.to_owned()));
    assert_eq!(found(DatabaseRole::Replica), own, "each has a replica of its own");
}
