//! What the screens show of the nodes, from what they say of themselves.

use std::collections::BTreeMap;

use holdfast_domain::{NodeId, Timestamp};
use holdfast_fleet::{NodeMode, Presence, Subject, Usage, rules::RULES};
use holdfast_service::admin::{
    fleet::{NodeState, NodeView, Wanted},
    look::FleetView as Seen,
};

use super::{
    model::{Badge, FleetView, Foretold, Group, Measured, NodeDetail, NodeRow, RegionView},
    words,
};
use crate::{
    pages::serve::number,
    ui::{Tone, When},
};

/// Whether a node takes on work.
fn serves(node: &NodeView) -> bool {
    node.state == NodeState::Running
        && !matches!(node.presence, Some(Presence::Suspected | Presence::Dead))
        && matches!(node.report.mode, NodeMode::Normal | NodeMode::Continuity)
}

fn count(nodes: usize) -> u32 {
    u32::try_from(nodes).unwrap_or(u32::MAX)
}

fn about(seen: &Seen, subject: &Subject, now: Timestamp) -> Vec<Foretold> {
    let looked = seen.looked_at.unwrap_or(now);
    let mut found: Vec<_> = seen.findings.iter().filter(|finding| finding.subject == *subject).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found.into_iter().map(|finding| words::foretold(finding, looked, now)).collect()
}

fn row(seen: &Seen, node: &NodeView, now: Timestamp) -> NodeRow {
    let report = &node.report;
    let running = node.state == NodeState::Running;
    let there = running && !matches!(node.presence, Some(Presence::Suspected | Presence::Dead));
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| words::NOTHING.to_owned());
    let mut steps = Vec::new();
    if running && node.late {
        steps.push("gone");
    }
    if running {
        steps.push(if node.wanted == Wanted::Drain { "resume" } else { "drain" });
    }
    let clock = report.clock.as_ref().and_then(|clock| clock.to_database);
    NodeRow {
        id: node.id.to_string(),
        name: node.name.clone(),
        version: node.version.clone(),
        signs: words::signs(node, seen.told_at.is_some()),
        heard: When::new(node.last_seen, now),
        mode: there.then(|| words::mode(report.mode)),
        drained: running && node.wanted == Wanted::Drain,
        load: or_nothing(report.requests.filter(|_| running).map(|load| words::used(load, number))),
        errors: words::errors(report),
        p99: words::p99(report.latency.as_ref()),
        database: words::database(report.database.as_ref()),
        clock: or_nothing(clock.map(words::offset)),
        foretold: if running { about(seen, &Subject::Node(node.name.clone()), now) } else { Vec::new() },
        steps: steps.into_iter().map(str::to_owned).collect(),
    }
}

/// Whether a region can be reached: the best of its nodes decides, as for the alert that it is lost.
fn standing(nodes: &[&NodeView], away: bool) -> Badge {
    let running = || nodes.iter().filter(|node| node.state == NodeState::Running);
    if running().next().is_none() {
        return Badge::new(Tone::None, "No node runs");
    }
    match running().filter_map(|node| node.presence).min() {
        Some(Presence::Alive) => Badge::new(Tone::Good, "Reachable"),
        Some(Presence::Suspected) => Badge::new(Tone::Warn, "Suspected"),
        Some(Presence::Dead) => Badge::new(Tone::Bad, "Lost"),
        None if away => Badge::new(Tone::None, "Not known"),
        None => Badge::new(Tone::None, "Not heard yet"),
    }
}

fn region(seen: &Seen, name: &str, nodes: &[&NodeView], now: Timestamp) -> RegionView {
    let running = || nodes.iter().filter(|node| node.state == NodeState::Running).map(|node| &node.report);
    let since = running().filter_map(|report| report.continuity_since).min();
    let until = running().filter_map(|report| report.continuity_until).max();
    let lag = running().filter_map(|report| report.database.as_ref()?.replication_lag).max();
    let mut endpoints: Vec<String> = Vec::new();
    for endpoint in running().flat_map(|report| &report.endpoints) {
        if !endpoints.contains(endpoint) {
            endpoints.push(endpoint.clone());
        }
    }
    RegionView {
        name: name.to_owned(),
        standing: standing(nodes, seen.told_at.is_some()),
        lag: lag.map(words::lag),
        continuity: since.zip(until).map(|(since, until)| (When::new(since, now), When::new(until, now))),
        endpoints,
        foretold: about(seen, &Subject::Region(name.to_owned()), now),
        nodes: nodes.iter().map(|node| row(seen, node, now)).collect(),
    }
}

/// All nodes by region.
pub fn fleet(seen: &Seen, may_write: bool, now: Timestamp) -> FleetView {
    let mut regions: BTreeMap<&str, Vec<&NodeView>> = BTreeMap::new();
    for node in &seen.nodes {
        regions.entry(&node.region).or_default().push(node);
    }
    FleetView {
        regions: regions.into_iter().map(|(name, nodes)| region(seen, name, &nodes, now)).collect(),
        serving: count(seen.nodes.iter().filter(|node| serves(node)).count()),
        running: count(seen.nodes.iter().filter(|node| node.state == NodeState::Running).count()),
        told: seen.told_at.map(|at| When::new(at, now)),
        rules: count(RULES.len()),
        looked: seen.looked_at.map(|at| When::new(at, now)),
        may_write,
    }
}

/// Everything about the node `id`.
pub fn node(seen: &Seen, id: NodeId, may_write: bool, now: Timestamp) -> Option<NodeDetail> {
    let node = seen.nodes.iter().find(|node| node.id == id)?;
    let others = seen.nodes.iter().filter(|other| other.id != id && serves(other)).count();
    Some(NodeDetail {
        row: row(seen, node, now),
        region: node.region.clone(),
        groups: groups(node, now),
        others: count(others),
        if_it_stops: if_it_stops(node, others),
        timeline: Vec::new(),
        told: seen.told_at.map(|at| When::new(at, now)),
        may_write,
    })
}

fn if_it_stops(node: &NodeView, others: usize) -> String {
    if node.state != NodeState::Running {
        return "It has stopped already. Nothing waits for it.".to_owned();
    }
    let load = match others {
        0 => "No other node serves: applications go on with the leases they have for as long as their plans say, \
              activations and the console wait until a node is back."
            .to_owned(),
        1 => "The other node that serves carries its load; applications try it by themselves.".to_owned(),
        _ => format!("The {others} other nodes that serve carry its load; applications try them by themselves."),
    };
    format!(
        "{load} Stopped in order, it leaves nothing behind. Killed, floating seats that it may have renewed are not given \
         to other devices until it is back, is declared gone, or their last leases have ended."
    )
}

fn plain(name: &str, value: impl Into<String>) -> Measured {
    Measured { name: name.to_owned(), value: value.into(), percent: None, when: None }
}

fn at(name: &str, at: Timestamp, now: Timestamp) -> Measured {
    let when = When::new(at, now);
    Measured { value: when.relative.clone(), when: Some(when), ..plain(name, "") }
}

fn usage(name: &str, usage: Option<Usage>, unit: impl Fn(u64) -> String) -> Option<Measured> {
    let usage = usage?;
    Some(Measured { percent: words::percent(usage), ..plain(name, words::used(usage, unit)) })
}

fn groups(node: &NodeView, now: Timestamp) -> Vec<Group> {
    let report = &node.report;
    let database = report.database.as_ref();
    let clock = report.clock.as_ref();
    let peers = clock.into_iter().flat_map(|clock| &clock.to_peers);
    let group = |name: &str, facts: Vec<Option<Measured>>| Group {
        name: name.to_owned(),
        facts: facts.into_iter().flatten().collect(),
    };
    let mut groups = vec![
        group(
            "Process",
            vec![
                Some(plain("Version", node.version.clone())),
                Some(at("Started", node.started_at, now)),
                Some(at("Last heard of", node.last_seen, now)),
                Some(at("All it signed is stored up to", node.settled_at, now)),
                report.continuity_since.map(|since| at("Without its database since", since, now)),
                report.continuity_until.map(|until| at("Goes on without it until", until, now)),
            ],
        ),
        group(
            "Answers",
            vec![
                usage("Requests at work", report.requests, number),
                report.latency.as_ref().map(|latency| plain("Answers since its start", number(latency.count()))),
                Some(plain("Failures among them", words::errors(report))),
                report
                    .latency
                    .as_ref()
                    .and_then(|latency| latency.quantile(0.5))
                    .map(|half| plain("Half were given within", words::length(half))),
                Some(plain("99 of 100 within", words::p99(report.latency.as_ref()))),
            ],
        ),
        group(
            "Capacity",
            vec![
                usage("Disk", report.disk, words::bytes),
                usage("Memory", report.memory, words::bytes),
                usage("Connections", report.connections, number),
                usage("File descriptors", report.descriptors, number),
            ],
        ),
        group(
            "Database",
            vec![
                Some(plain("Role", words::database(database))),
                usage("Connections to it", database.and_then(|database| database.pool), number),
                database
                    .and_then(|database| database.pool_wait_p99)
                    .map(|wait| plain("Longest wait for one, 99 of 100", words::lag(wait))),
                report.change_feed_age.map(|age| plain("Age of what it knows of changes", words::lag(age))),
                report.outbox.map(|outbox| plain("Deliveries waiting", number(outbox.size))),
                report.mail.map(|mail| plain("Mails waiting", number(mail.size))),
            ],
        ),
        group(
            "Clock, keys and certificate",
            std::iter::once(
                clock.and_then(|clock| clock.to_database).map(|off| plain("Ahead of the database", words::offset(off))),
            )
            .chain(peers.map(|peer| Some(plain(&format!("Ahead of {}", peer.node), words::offset(peer.offset)))))
            .chain(report.keys.iter().map(|key| Some(at(&format!("Key {} signs until", key.kid), key.expires_at, now))))
            .chain(std::iter::once(report.certificate_expires_at.map(|end| at("Certificate ends", end, now))))
            .collect(),
        ),
        group("Jobs", report.jobs.iter().map(|job| Some(self::job(job, now))).collect()),
    ];
    groups.retain(|group| !group.facts.is_empty());
    groups
}

fn job(job: &holdfast_fleet::report::JobReport, now: Timestamp) -> Measured {
    match job.last_run {
        Some(last) => at(&job.name, last, now),
        None if job.known_since.is_some_and(|since| now.since(since) < job.every) => plain(&job.name, "not due yet"),
        None => plain(&job.name, "never ran"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::Seconds;
    use holdfast_fleet::{Code, Finding, NodeReport, Severity};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn view(n: u8, region: &str, presence: Option<Presence>, mode: NodeMode) -> NodeView {
        NodeView {
            id: NodeId::from_bytes([n; 16]),
            name: format!("{region}-{n}"),
            region: region.to_owned(),
            version: "1.0".to_owned(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            late: presence == Some(Presence::Dead),
            presence,
            started_at: NOW,
            last_seen: NOW,
            settled_at: NOW,
            report: NodeReport { mode, ..NodeReport::default() },
        }
    }

    fn seen(nodes: Vec<NodeView>) -> Seen {
        Seen { nodes, told_at: None, looked_at: Some(NOW), findings: Vec::new() }
    }

    #[test]
    fn a_region_stands_as_the_best_of_its_nodes() {
        use Presence::{Alive, Dead, Suspected};
        let words = |presences: &[Option<Presence>]| {
            let nodes: Vec<NodeView> = presences.iter().map(|p| view(1, "eu", *p, NodeMode::Normal)).collect();
            fleet(&seen(nodes), true, NOW).regions[0].standing.word.clone()
        };
        assert_eq!(words(&[Some(Dead), Some(Alive)]), "Reachable");
        assert_eq!(words(&[Some(Dead), Some(Suspected)]), "Suspected");
        assert_eq!(words(&[Some(Dead), Some(Dead)]), "Lost");
        assert_eq!(words(&[None]), "Not heard yet");
    }

    #[test]
    fn what_is_foretold_of_a_node_stands_beside_it_the_worst_first() {
        let mut seen = seen(vec![view(1, "eu", Some(Presence::Alive), NodeMode::Normal)]);
        let finding = |code, severity, left: i64| Finding {
            code,
            subject: Subject::Node("eu-1".to_owned()),
            severity,
            since: NOW,
            left: Some(Seconds(left)),
            drain_in: Some(Seconds(3 * 3_600)),
            detail: "it fills".to_owned(),
        };
        seen.findings = vec![
            finding(Code::MemoryExhausted, Severity::Warning, 0),
            finding(Code::DiskFull, Severity::Critical, 19 * 3_600),
        ];
        let later = NOW.plus(Seconds(5));
        let found = &fleet(&seen, true, later).regions[0].nodes[0].foretold;
        assert_eq!((found[0].what.as_str(), found[1].what.as_str()), ("Disk full", "Out of memory"));
        assert_eq!(found[0].fails.as_ref().unwrap().relative, "in 18 h");
        assert_eq!(found[1].fails, None, "it is so already");
        assert!(found[0].drains.is_some());
    }

    #[test]
    fn a_node_that_is_not_there_has_no_mode_and_is_no_help_to_the_others() {
        let nodes = vec![
            view(1, "eu", Some(Presence::Alive), NodeMode::Normal),
            view(2, "eu", Some(Presence::Dead), NodeMode::Normal),
            view(3, "eu", Some(Presence::Alive), NodeMode::Draining),
        ];
        let seen = seen(nodes);
        let shown = fleet(&seen, true, NOW);
        assert_eq!((shown.serving, shown.running), (1, 3));
        let dead = &shown.regions[0].nodes[1];
        assert_eq!((dead.mode.as_ref(), dead.signs.word.as_str()), (None, "Gone"));
        assert_eq!(dead.steps, ["gone", "drain"]);
        let one = node(&seen, NodeId::from_bytes([1; 16]), true, NOW).unwrap();
        assert_eq!(one.others, 0);
        assert!(one.if_it_stops.starts_with("No other node serves"), "{}", one.if_it_stops);
        assert_eq!(node(&seen, NodeId::from_bytes([9; 16]), true, NOW), None);
    }
}
