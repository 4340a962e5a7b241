//! Watches over all nodes: what will fail next, told to the log and to `/metrics`.

use super::report::Reporter;
use holdfast_domain::{NodeId, Timestamp};
use holdfast_fleet::{
    Detector, Finding, Known, Micros, NodeSeen, Observations, Presence, ProductSeen, State, Subject, Transition,
    Tuning, evaluate, known_after,
    report::{DenialsReport, PeerOffset},
    transitions,
};
use holdfast_service::{
    Service,
    admin::look::Look,
    runtime::{Duty, sign_of_life},
};
use holdfast_store::nodes::{NodeRow, NodeState};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often to look.
const EVERY: Duration = Duration::from_secs(5);
/// How long the database may take for one step of it.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take to look up, now and then, when all licenses end.
const LOOK_UP: Duration = Duration::from_secs(10);

/// What is remembered from look to look.
#[derive(Default)]
struct Watch {
    rules: State,
    heard: BTreeMap<NodeId, Heard>,
    known: Vec<Known>,
}

/// The signs of life of a node.
struct Heard {
    detector: Detector,
    seen_at: Timestamp,
    started_at: Timestamp,
}

/// Looks until `stop` is cancelled.
pub(super) async fn run(service: Service, reporter: Reporter, stop: CancellationToken) {
    let mut watch = Watch::default();
    let mut announcer = None;
    while timeout(EVERY, stop.cancelled()).await.is_err() {
        // Without the database nothing is heard of the others, which says nothing about them.
        let told = service.fleet().await.ok();
        let rows = told.as_deref().unwrap_or_default();
        let own = service.node().map(|(id, _)| id);
        let expected = sign_of_life(service.store().db().dialect()).max(EVERY).as_secs_f64();
        let now = service.now();
        let heard = watch.hear(rows, own, expected, now);
        let presences = heard.iter().map(|(id, seen)| (*id, seen.presence)).collect();
        let mut nodes: Vec<_> = heard.into_iter().map(|(_, seen)| seen).collect();
        let to_peers = peers(reporter.health.clock_offset(), &nodes);
        reporter.measured.note(|facts| facts.to_peers = to_peers);
        nodes.push(NodeSeen { report: reporter.report(), received_at: now, presence: Presence::Alive });
        announcer = watch.duty(&service, announcer).await;
        let products = if announcer.is_some() { products(&service, now).await } else { Vec::new() };
        let bound = service.settings().continuity.longest;
        let mut seen = Observations { nodes, products, continuity_bound: bound };
        seen.count_denials();
        let findings = evaluate(&mut watch.rules, &seen, now);
        watch.tell(&findings);
        reporter.health.set_near_its_end(is_due(&findings, &reporter.serve.node_name));
        let before = service.last_look();
        let (rows, told_at) = told.map_or((Arc::clone(&before.rows), before.told_at), |rows| (Arc::new(rows), now));
        service.looked(Look { at: now, rows, told_at, presences, findings: findings.clone() });
        let Some(duty) = announcer else { continue };
        match timeout(PATIENCE, service.announce(duty, &findings)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "what stands cannot be written down now"),
            Err(_) => tracing::debug!("what stands could not be written down in time"),
        }
    }
    if announcer.is_some() {
        let _ = timeout(PATIENCE, service.stop_announcing()).await;
    }
}

/// What the database says of the products.
async fn products(service: &Service, now: Timestamp) -> Vec<ProductSeen> {
    let mut seen = timeout(LOOK_UP, service.product_observations(now)).await.unwrap_or_default();
    let tripped = match timeout(PATIENCE, service.breakers_tripped()).await {
        Ok(Ok(tripped)) => tripped,
        _ => Vec::new(),
    };
    for DenialsReport { product, denials } in tripped {
        match seen.iter_mut().find(|seen| seen.product == product) {
            Some(seen) => seen.denials = Some(denials),
            None => seen.push(ProductSeen { denials: Some(denials), ..ProductSeen::new(product) }),
        }
    }
    seen
}

/// How many of the others' clocks are told of at most.
const PEERS: usize = 16;

/// How far this node's clock is ahead of those of the others that are alive, those first that are the furthest away. Each
/// says how far it is ahead of the database's, and so does this one.
fn peers(own: Option<Micros>, others: &[NodeSeen]) -> Vec<PeerOffset> {
    let Some(own) = own else { return Vec::new() };
    let alive = others.iter().filter(|node| node.presence == Presence::Alive);
    let mut peers: Vec<PeerOffset> = alive
        .filter_map(|node| {
            let theirs = node.report.clock.as_ref()?.to_database?;
            Some(PeerOffset { node: node.report.node.clone(), offset: Micros(own.0.saturating_sub(theirs.0)) })
        })
        .collect();
    peers.sort_by_key(|peer| std::cmp::Reverse(peer.offset.0.unsigned_abs()));
    peers.truncate(PEERS);
    peers
}

/// Whether the node of that name should leave the work to others by now.
fn is_due(findings: &[Finding], name: &str) -> bool {
    let own = Subject::Node(name.to_owned());
    findings.iter().any(|finding| finding.subject == own && finding.drains())
}

impl Watch {
    /// What is known of the nodes but the own one, which knows itself better.
    fn hear(
        &mut self,
        rows: &[NodeRow],
        own: Option<NodeId>,
        expected: f64,
        now: Timestamp,
    ) -> Vec<(NodeId, NodeSeen)> {
        self.heard.retain(|id, _| rows.iter().any(|row| row.id == *id && row.state == NodeState::Running));
        let others = rows.iter().filter(|row| row.state == NodeState::Running && Some(row.id) != own);
        let mut seen = Vec::new();
        for row in others {
            let heard = self.heard.entry(row.id).or_insert_with(|| Heard {
                detector: Detector::new(now, expected, Tuning::default()),
                seen_at: row.seen_at,
                started_at: row.started_at,
            });
            if heard.started_at != row.started_at {
                heard.detector.restarted(now);
                (heard.started_at, heard.seen_at) = (row.started_at, row.seen_at);
            } else if heard.seen_at != row.seen_at {
                heard.detector.heartbeat(now);
                heard.seen_at = row.seen_at;
            }
            let said = NodeSeen {
                report: serde_json::from_str(&row.report).unwrap_or_default(),
                received_at: heard.detector.last(),
                presence: heard.detector.presence(now),
            };
            seen.push((row.id, said));
        }
        seen
    }

    /// Whether this node is the one that announces. When it begins to, it takes over what stands.
    async fn duty(&mut self, service: &Service, announcer: Option<Duty>) -> Option<Duty> {
        let duty = match timeout(PATIENCE, service.announcer(announcer)).await {
            Ok(Ok(duty)) => duty?,
            // Without the database nobody announces; the log and the metrics tell all the same.
            _ => return None,
        };
        if announcer.is_none() {
            match timeout(PATIENCE, service.announced()).await {
                Ok(Ok(known)) => self.rules.adopt(&known, service.now()),
                _ => return None,
            }
        }
        Some(duty)
    }

    /// Tells what has changed since the last time.
    fn tell(&mut self, findings: &[Finding]) {
        for transition in transitions(&self.known, findings) {
            match transition {
                Transition::Raised(finding) | Transition::Worsened { finding, .. } => {
                    let (rule, severity) = (finding.code.as_str(), finding.severity.as_str());
                    let left = finding.left.map(|left| left.0);
                    let (subject, cure) = (finding.subject.to_string(), finding.cure());
                    tracing::warn!(rule, severity, subject, left, cure, "alert: {}", finding.detail);
                }
                Transition::Cleared(known) => {
                    tracing::info!(rule = known.code.as_str(), subject = known.subject.to_string(), "alert: cleared");
                }
            }
        }
        for known in &self.known {
            gauge("holdfast_alert", known).set(0.0);
        }
        self.known = known_after(findings);
        for (known, finding) in self.known.iter().zip(findings) {
            gauge("holdfast_alert", known).set(1.0);
            let left =
                finding.left.map_or(f64::INFINITY, |left| Duration::from_secs(left.0.unsigned_abs()).as_secs_f64());
            let labels = [("rule", known.code.as_str().to_owned()), ("subject", known.subject.to_string())];
            metrics::gauge!("holdfast_alert_seconds_left", &labels).set(left);
        }
    }
}

fn gauge(name: &'static str, known: &Known) -> metrics::Gauge {
    let labels = [
        ("rule", known.code.as_str().to_owned()),
        ("severity", known.severity.as_str().to_owned()),
        ("subject", known.subject.to_string()),
    ];
    metrics::gauge!(name, &labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{health::Health, lifecycle::probe};
    use holdfast_domain::{Clock, Seconds};
    use holdfast_fleet::{NodeReport, report::ClockReport};
    use holdfast_service::{
        Parts, Settings,
        system::{OsEntropy, SystemClock},
    };
    use holdfast_store::nodes::Wanted;
    use holdfast_testkit::TestDb;
    use std::sync::Arc;

    fn row(n: u8, seen: i64) -> NodeRow {
        NodeRow {
            id: NodeId::from_bytes([n; 16]),
            name: format!("node-{n}"),
            region: "eu".to_owned(),
            version: "1.0".to_owned(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            started_at: Timestamp::from_seconds(0),
            seen_at: Timestamp::from_seconds(seen),
            settled_at: Timestamp::from_seconds(seen),
            lost_from: Timestamp::default(),
            lost_until: Timestamp::default(),
            report: format!(r#"{{"node":"node-{n}","region":"eu"}}"#),
        }
    }

    #[test]
    fn a_node_drains_itself_when_its_time_has_come_and_only_itself() {
        let finding = |name: &str, drain_in: Option<i64>| Finding {
            code: holdfast_fleet::Code::DiskFull,
            subject: Subject::Node(name.to_owned()),
            severity: holdfast_fleet::Severity::Critical,
            since: Timestamp::from_seconds(0),
            left: Some(holdfast_domain::Seconds(3_600)),
            drain_in: drain_in.map(holdfast_domain::Seconds),
            detail: String::new(),
        };
        assert!(is_due(&[finding("a", Some(0))], "a"));
        assert!(!is_due(&[finding("a", Some(1)), finding("b", Some(0)), finding("a", None)], "a"));
    }

    /// A clock that is so many seconds ahead.
    struct Ahead(i64);

    impl Clock for Ahead {
        fn now(&self) -> Timestamp {
            SystemClock.now().plus(Seconds(self.0))
        }
    }

    #[test]
    fn how_far_others_clocks_are_off_is_known_by_what_each_says_of_the_databases() {
        holdfast_testkit::db::run(async {
            let db = TestDb::postgres().await;
            let measured = async |ahead: i64| {
                let service = Service::new(Parts {
                    store: db.another_node().await,
                    clock: Arc::new(Ahead(ahead)),
                    entropy: Arc::new(OsEntropy),
                    vault: None,
                    settings: Settings::default(),
                });
                let health = Health::default();
                assert!(probe::look(&service, &health).await);
                health.clock_offset()
            };
            let seen = |to_database: Option<Micros>, presence: Presence| NodeSeen {
                report: NodeReport {
                    node: "other".to_owned(),
                    clock: Some(ClockReport { to_database, to_peers: Vec::new() }),
                    ..NodeReport::default()
                },
                received_at: Timestamp::default(),
                presence,
            };
            let (own, theirs) = (measured(2).await, measured(-5).await);
            let told = peers(own, &[seen(theirs, Presence::Alive)]);
            assert_eq!((told.len(), told[0].node.as_str()), (1, "other"));
            assert!((told[0].offset.as_seconds() - 7.0).abs() < 0.5, "{told:?}");
            assert!(peers(own, &[seen(theirs, Presence::Suspected), seen(None, Presence::Alive)]).is_empty());
            assert!(peers(None, &[seen(theirs, Presence::Alive)]).is_empty());
            let many: Vec<NodeSeen> = (0..40).map(|n| seen(Some(Micros(n)), Presence::Alive)).collect();
            let told = peers(Some(Micros(1)), &many);
            assert_eq!((told.len(), told[0].offset), (PEERS, Micros(-38)), "those that are the furthest away");
        });
    }

    #[test]
    fn a_node_that_falls_silent_is_suspected_then_dead_and_alive_when_it_is_heard_again() {
        let mut watch = Watch::default();
        let at = Timestamp::from_seconds;
        let mut look = |seen: i64, now: i64| {
            let rows = [row(1, now), row(2, seen)];
            let heard = watch.hear(&rows, Some(rows[0].id), 5.0, at(now));
            assert_eq!(heard.len(), 1, "the own one is not judged by hearsay");
            (heard[0].1.presence, heard[0].1.report.node.clone())
        };
        for now in (0..100).step_by(5) {
            assert_eq!(look(now, now), (Presence::Alive, "node-2".to_owned()));
        }
        let silent: Vec<Presence> = (100..160).step_by(5).map(|now| look(95, now).0).collect();
        assert!(silent.is_sorted() && silent.contains(&Presence::Suspected), "{silent:?}");
        assert_eq!(silent.last(), Some(&Presence::Dead));
        assert_eq!(look(160, 160).0, Presence::Alive);
        let mut stopped = row(2, 165);
        stopped.state = NodeState::Stopped;
        assert!(watch.hear(&[stopped], None, 5.0, at(165)).is_empty());
    }
}
