//! What the rules remember, and the hysteresis that keeps an alert from flapping.

use super::{
    code::{Code, RULES, Rule},
    measure::{Measure, Quantity, View, is_fresh},
    observe::{NodeSeen, Observations},
};
use crate::{
    finding::{Finding, Known, Severity, Subject},
    number,
    presence::Presence,
    report::{DatabaseRole, Micros, NodeMode, Usage},
    series::Series,
};
use holdfast_domain::{Seconds, Timestamp};
use std::collections::BTreeMap;

/// How long an alert stands after the last measure of its subject.
const FORGET: Seconds = Seconds::HOUR;

/// The longest wait for a connection to the database, in seconds, after which a call fails (`acquire_timeout`).
const POOL_TIMEOUT: f64 = 3.0;

/// What the rules remember: the last values of what they watch, and which alerts stand.
///
/// It grows with nodes and regions, not with time. Every node may keep one of its own, so that whoever takes over the
/// announcing has the same memory; a process that starts anew takes over what stands with [`State::resume`].
#[derive(Clone, Debug, Default)]
pub struct State {
    series: BTreeMap<(Quantity, Subject), Series>,
    held: BTreeMap<(Code, Subject), Held>,
}

/// An alert that stands, or is about to.
#[derive(Clone, Debug)]
struct Held {
    severity: Option<Severity>,
    since: Timestamp,
    /// Since when it has been worse than that, and the mildest it was meanwhile.
    rising: Option<(Timestamp, Severity)>,
    /// Since when it has been better than that, and the worst it was meanwhile.
    falling: Option<(Timestamp, Option<Severity>)>,
    /// Since when draining has been due.
    due: Option<Timestamp>,
    /// When it was last measured, and how.
    at: Timestamp,
    last: Measure,
}

impl State {
    /// A memory that knows which alerts stood at `now`, and nothing else. They stand until they are measured again and are
    /// better, or for an hour without a measure: a process that starts anew clears nothing because it has seen nothing.
    pub fn resume(known: &[Known], now: Timestamp) -> Self {
        let mut state = Self::default();
        state.adopt(known, now);
        state
    }

    /// Takes over the alerts that somebody else has announced and that are not held here, as [`State::resume`] does: for
    /// whoever announces from `now` on.
    pub fn adopt(&mut self, known: &[Known], now: Timestamp) {
        for alert in known {
            let last = Measure {
                subject: alert.subject.clone(),
                up: Some(alert.severity),
                down: Some(alert.severity),
                left: None,
                drain: None,
                detail: "known from before; not measured again yet".to_owned(),
            };
            let held = Held {
                severity: Some(alert.severity),
                since: alert.since,
                rising: None,
                falling: None,
                due: None,
                at: now,
                last,
            };
            let own = self.held.entry((alert.code, alert.subject.clone())).or_insert_with(|| held.clone());
            if own.severity.is_none() {
                *own = held;
            }
        }
    }

    fn push(&mut self, quantity: Quantity, subject: &Subject, at: Timestamp, value: Option<f64>) {
        let Some(value) = value else { return };
        let series = self.series.entry((quantity, subject.clone())).or_insert_with(|| Series::new(quantity.shape()));
        series.push(at, value);
    }

    fn remember(&mut self, seen: &Observations, now: Timestamp) {
        let mut lags: BTreeMap<Subject, (Timestamp, f64)> = BTreeMap::new();
        for node in seen.nodes.iter().filter(|node| is_fresh(node, now)) {
            let subject = Subject::Node(node.report.node.clone());
            let share = |usage: Option<Usage>| usage.and_then(Usage::share);
            let at = node.received_at;
            self.push(Quantity::Disk, &subject, at, share(node.report.disk));
            self.push(Quantity::DiskSoon, &subject, at, share(node.report.disk));
            self.push(Quantity::Memory, &subject, at, share(node.report.memory));
            self.push(Quantity::Descriptors, &subject, at, share(node.report.descriptors));
            self.push(Quantity::Connections, &subject, at, share(node.report.connections));
            let database = node.report.database.as_ref();
            let wait = database.and_then(|database| database.pool_wait_p99);
            self.push(Quantity::PoolWait, &subject, at, wait.map(|wait| wait.as_seconds() / POOL_TIMEOUT));
            self.push(Quantity::ClockOffset, &subject, at, super::clock::offset(&node.report).map(f64::abs));
            let lag = database.and_then(|database| match database.role {
                // Nothing follows it, so nothing is behind.
                DatabaseRole::Single => Some(0.0),
                // A primary that cannot see its standbys knows nothing of them.
                DatabaseRole::Primary | DatabaseRole::Replica | DatabaseRole::Unknown => {
                    database.replication_lag.map(Micros::as_seconds)
                }
            });
            // What a primary says of its standbys is the same wherever it is asked from.
            let of = match database.map(|database| database.role) {
                Some(DatabaseRole::Replica) => Subject::Region(node.report.region.clone()),
                _ => Subject::Installation,
            };
            if let Some(lag) = lag {
                let worst = lags.entry(of).or_insert((at, lag));
                *worst = (worst.0.max(at), worst.1.max(lag));
            }
        }
        for (of, (at, lag)) in lags {
            self.push(Quantity::Lag, &of, at, Some(lag));
        }
        for product in &seen.products {
            let share = product.denials.map(|d| number::count(d.recent) / number::count(d.limit.max(1)));
            self.push(Quantity::Denials, &Subject::Product(product.product), now, share);
        }
        self.series.retain(|_, series| series.latest().is_some_and(|(at, _)| now.since(at) <= Seconds::DAY));
    }

    /// Nodes report the keys in use that end first: an alert about a key that no report names any more is settled, because
    /// the key was replaced.
    fn clear_replaced(&mut self, rule: &Rule, seen: &Observations, now: Timestamp) {
        if !seen.nodes.iter().any(|node| is_fresh(node, now) && !node.report.keys.is_empty()) {
            return;
        }
        for ((_, subject), held) in
            self.held.iter_mut().filter(|((code, _), held)| *code == rule.code && held.at != now)
        {
            held.step(rule, Measure::new(subject.clone(), (None, None), None, String::new), now);
        }
    }

    fn judge(&mut self, rule: &Rule, measure: Measure, now: Timestamp) {
        let key = (rule.code, measure.subject.clone());
        if measure.down.is_none() && !self.held.contains_key(&key) {
            return;
        }
        let held = self.held.entry(key).or_insert_with(|| Held {
            severity: None,
            since: now,
            rising: None,
            falling: None,
            due: None,
            at: now,
            last: measure.clone(),
        });
        held.step(rule, measure, now);
    }
}

impl Held {
    fn step(&mut self, rule: &Rule, measure: Measure, now: Timestamp) {
        self.rising = measure
            .up
            .filter(|up| Some(*up) > self.severity)
            .map(|up| self.rising.map_or((now, up), |(since, mildest)| (since, mildest.min(up))));
        self.falling = (measure.down < self.severity)
            .then(|| self.falling.map_or((now, measure.down), |(since, worst)| (since, worst.max(measure.down))));
        if let Some((_, severity)) = self.rising.filter(|(since, _)| now.since(*since) >= rule.confirm) {
            if self.severity.is_none() {
                self.since = now;
            }
            (self.severity, self.rising) = (Some(severity), None);
        } else if let Some((_, severity)) = self.falling.filter(|(since, _)| now.since(*since) >= rule.settle) {
            (self.severity, self.falling) = (severity, None);
        }
        self.due = match (measure.drain, self.due) {
            // An estimate that swings a little does not begin the wait anew.
            (Some(drain), Some(since)) if drain.due_in <= drain.patience => Some(since),
            (Some(drain), _) if drain.due_in <= 0.0 => Some(now),
            _ => None,
        };
        self.at = now;
        // While it is settling there may be nothing to say any more; what was said last is better than nothing.
        let detail = if measure.detail.is_empty() { std::mem::take(&mut self.last.detail) } else { measure.detail };
        self.last = Measure { detail, ..measure };
    }

    fn finding(&self, code: Code, now: Timestamp) -> Option<Finding> {
        let severity = self.severity?;
        let passed = number::between(self.at, now);
        let left = |span: Option<f64>| span.map(|span| number::seconds((span - passed).max(0.0)));
        Some(Finding {
            code,
            subject: self.last.subject.clone(),
            severity,
            since: self.since,
            left: left(self.last.left),
            drain_in: left(self.last.drain.map(|drain| {
                let due = |since| (drain.patience - number::between(since, self.at)).max(0.0);
                self.due.map_or(drain.due_in + drain.patience, due)
            })),
            detail: self.last.detail.clone(),
        })
    }
}

/// Every alert that stands at `now`, by code and subject.
///
/// `state` is what was remembered so far and is brought up to date; `seen` what is observed at `now`. Call it every few
/// seconds up to every minute; the order of calls must be that of time. A node is advised to drain itself only where
/// at least half of the nodes that serve go on serving: a fault that all of them have must not end them all.
pub fn evaluate(state: &mut State, seen: &Observations, now: Timestamp) -> Vec<Finding> {
    state.remember(seen, now);
    for rule in RULES {
        let measures = (rule.measure)(&View { series: &state.series, seen, now });
        for measure in measures {
            state.judge(rule, measure, now);
        }
        if matches!(rule.code, Code::IssuingKeyExpiring | Code::RootKeyExpiring) {
            state.clear_replaced(rule, seen, now);
        }
    }
    state.held.retain(|_, held| {
        if held.at != now {
            // Not measured now, so neither of them went on without a break.
            (held.rising, held.falling) = (None, None);
        }
        let idle = held.severity.is_none() && held.rising.is_none();
        !idle && now.since(held.at) <= FORGET
    });
    let mut findings: Vec<Finding> =
        state.held.iter().filter_map(|((code, _), held)| held.finding(*code, now)).collect();
    spare(&mut findings, seen);
    findings
}

/// Takes the advice to drain back where too few nodes would go on serving. Those that end first may drain first.
fn spare(findings: &mut [Finding], seen: &Observations) {
    let serves = |node: &&NodeSeen| {
        node.presence == Presence::Alive && matches!(node.report.mode, NodeMode::Normal | NodeMode::Continuity)
    };
    let serving: Vec<_> = seen.nodes.iter().filter(serves).map(|node| node.report.node.as_str()).collect();
    let may_go = serving.len() / 2;
    let mut leaving: Vec<(Option<Seconds>, String)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.drains()) {
        if let Subject::Node(name) = &finding.subject
            && serving.contains(&name.as_str())
            && !leaving.iter().any(|(_, other)| other == name)
        {
            leaving.push((finding.left, name.clone()));
        }
    }
    leaving.sort();
    let stay: Vec<_> = leaving.into_iter().skip(may_go).map(|(_, name)| name).collect();
    for finding in findings.iter_mut().filter(|finding| finding.drains()) {
        if matches!(&finding.subject, Subject::Node(name) if stay.contains(name)) {
            finding.drain_in = None;
            finding.detail.push_str("; it does not drain itself, because too few other nodes serve");
        }
    }
}
