//! A fleet of three nodes in two regions under an accelerated clock, healthy but noisy as a real one is: daily load, log
//! rotation, nightly backups, memory that saw-tooths and warms up, jittering clocks and lags, deploys, a switch-over of
//! the database. Everything follows from a seed.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers of a simulation"
)]

use holdfast_domain::{ProductId, Seconds, Timestamp};
use holdfast_fleet::{
    Detector, Micros, NodeMode, NodeReport, NodeSeen, Observations, ProductSeen, Tuning, Usage,
    report::{
        ClockReport, DatabaseReport, DatabaseRole, JobReport, KeyKind, KeyReport, MailReport, OutboxReport,
        RestoreReport,
    },
    rules::{Denials, Ends},
};
use std::f64::consts::TAU;

/// A Monday, midnight UTC.
pub const START: i64 = 1_800_230_400;
pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;
/// Seconds between heartbeats.
const BEAT: f64 = 5.0;

pub fn product() -> ProductId {
    ProductId::from_bytes([7; 16])
}

/// The moment `t` seconds after the start.
pub fn at(t: i64) -> Timestamp {
    Timestamp::from_seconds(START + t)
}

fn at_fraction(t: f64) -> Timestamp {
    Timestamp::from_micros(START * 1_000_000 + (t * 1e6) as i64)
}

/// The generator `SplitMix64`.
pub struct Rng(u64);

impl Rng {
    /// Seeds next to each other must not give the same numbers one step later, so the seed is mixed first.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal, mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (limit, mut product, mut n) = ((-mean).exp(), self.uniform(), 0);
        while product > limit {
            product *= self.uniform();
            n += 1;
        }
        n
    }
}

/// How busy the vendor's customers are at `t`, 0 to 1: little at night and at the weekend.
fn busy(t: i64) -> f64 {
    let hour = (t % DAY) as f64 / HOUR as f64;
    let weekend = if t / DAY % 7 >= 5 { 0.4 } else { 1.0 };
    weekend * (0.5 - 0.5 * (TAU * (hour - 2.0) / 24.0).cos())
}

struct Node {
    name: &'static str,
    region: &'static str,
    index: i64,
    detector: Option<Detector>,
    next_beat: f64,
    started: i64,
    offset: f64,
    last: Option<(f64, NodeReport)>,
    up: bool,
}

impl Node {
    /// Deployed on Tuesday and Thursday, one node after the other: seconds into the deploy, where there is one.
    fn deploy(&self, t: i64) -> Option<i64> {
        let day = t / DAY % 7;
        let into = t % DAY - 10 * HOUR - self.index * 3 * MINUTE;
        (matches!(day, 1 | 3) && (0..MINUTE).contains(&into)).then_some(into)
    }
}

pub struct World {
    pub rng: Rng,
    nodes: Vec<Node>,
    /// Ends of licenses by hour.
    ends: Vec<Ends>,
    /// Nodes of which nothing is heard from a moment on.
    pub silent: Vec<(&'static str, i64)>,
    /// Denials in each of the last ten minutes.
    denials: [u64; 10],
    denials_at: i64,
    webhook_down: i64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let places = [("eu-1", "eu"), ("eu-2", "eu"), ("us-1", "us")];
        let node = |(index, (name, region)): (usize, (&'static str, &'static str))| Node {
            name,
            region,
            index: index as i64,
            detector: None,
            next_beat: index as f64,
            started: -10 * DAY,
            offset: 0.0,
            last: None,
            up: true,
        };
        let ends = (0..60 * 24).map(|hour| Ends { at: at(hour * HOUR), licenses: rng.poisson(0.6) }).collect();
        let webhook_down = (rng.uniform() * 6.0 * DAY as f64) as i64;
        let nodes = places.into_iter().enumerate().map(node).collect();
        Self { rng, nodes, ends, silent: Vec::new(), denials: [0; 10], denials_at: 0, webhook_down }
    }

    /// What is observed at `t`, which must not go back.
    pub fn observe(&mut self, t: i64) -> Observations {
        for i in 0..self.nodes.len() {
            self.beat(i, t);
        }
        let seen = self.nodes.iter().filter_map(|node| {
            let (received, report) = node.last.clone()?;
            let presence = node.detector.as_ref()?.presence(at(t));
            Some(NodeSeen { report, received_at: at_fraction(received), presence })
        });
        Observations { nodes: seen.collect(), products: vec![self.product(t)], ..Observations::default() }
    }

    /// The heartbeats of node `i` up to `t`. Only the last report counts, so only that one is made.
    fn beat(&mut self, i: usize, t: i64) {
        let Self { rng, nodes, silent, .. } = self;
        let node = &mut nodes[i];
        // After a long jump of the clock there is no need to play every heartbeat of it.
        if t as f64 - node.next_beat > 600.0 {
            node.next_beat = t as f64 - 600.0;
        }
        let mut last = None;
        while node.next_beat <= t as f64 {
            let now = node.next_beat;
            node.next_beat += BEAT * (1.0 + 0.05 * rng.normal()).max(0.2);
            // Now and then it is held up: a pause of the disk, a lost packet.
            if rng.uniform() < 0.000_5 {
                node.next_beat += rng.uniform() * 3.0;
            }
            let gone = silent.iter().any(|(name, from)| *name == node.name && now >= *from as f64);
            if gone || node.deploy(now as i64).is_some_and(|into| (10..35).contains(&into)) {
                node.up = false;
                continue;
            }
            let first = Detector::new(at_fraction(now), BEAT, Tuning::default());
            let detector = node.detector.get_or_insert(first);
            if node.up {
                detector.heartbeat(at_fraction(now));
            } else {
                detector.restarted(at_fraction(now));
                (node.up, node.started) = (true, now as i64);
            }
            node.offset = 0.98 * node.offset + 0.004 * rng.normal();
            last = Some(now);
        }
        if let Some(now) = last {
            let report = self.report(i, now as i64);
            self.nodes[i].last = Some((now, report));
        }
    }

    fn report(&mut self, i: usize, t: i64) -> NodeReport {
        let Self { rng, nodes, webhook_down, .. } = self;
        let node = &nodes[i];
        let (busy, shift) = (busy(t), node.index * 97);
        let share = |share: f64, limit: u64| Some(Usage { used: (share.max(0.0) * limit as f64) as u64, limit });
        let of_day = t % DAY;

        // Logs are rotated at midnight; a backup is written at two, looked at, and moved away.
        let backup = match of_day - 2 * HOUR - shift {
            into @ 0..600 => 0.08 * into as f64 / 600.0,
            600..1_800 => 0.08,
            _ => 0.0,
        };
        let logs = 0.03 * of_day as f64 / DAY as f64;
        let disk = 0.55 + 0.003 * t as f64 / DAY as f64 + logs + backup + 0.000_5 * rng.normal();

        let period = 400 + 23 * node.index;
        let saw = 0.15 * ((t + shift) % period) as f64 / period as f64;
        let warm = (-((t - node.started) as f64) / 2_400.0).exp();
        let memory = 0.3 + 0.1 * busy + saw - 0.2 * warm + 0.01 * rng.normal();

        let connections = (0.08 + 0.4 * busy) * (1.0 + 0.03 * rng.normal());
        let switch_over = (3 * DAY + 14 * HOUR..3 * DAY + 14 * HOUR + 25).contains(&(t % (7 * DAY)));
        let deploying = node.deploy(t);
        let wait = if switch_over {
            1.2
        } else if deploying.is_some() {
            0.4
        } else {
            0.004 * rng.normal().abs().exp()
        };
        let nightly = if (0..600).contains(&(of_day - 3 * HOUR)) { 8.0 } else { 0.0 };
        let checkpoint = if t % 300 < 20 { 0.9 } else { 0.0 };
        let lag = 0.03 * rng.normal().abs().exp() + checkpoint + nightly * rng.uniform();
        let step = if (t / HOUR).rem_euclid(53) == 7 { 0.15 } else { 0.0 };

        let job = |name: &str, every: i64| JobReport {
            name: name.to_owned(),
            last_run: Some(at((t - shift).div_euclid(every) * every + shift)),
            known_since: Some(at(-100 * DAY)),
            every: Seconds(every),
        };
        let waiting = (*webhook_down..*webhook_down + 11 * MINUTE).contains(&t);
        let oldest = if waiting { *webhook_down } else { t - (rng.uniform() * 90.0) as i64 };
        // Certificates live 90 days and are renewed 30 days before their end, issuing keys 120 and are replaced likewise.
        let renewed = |life: i64, phase: i64| {
            at((t + phase).div_euclid((life - 30) * DAY) * (life - 30) * DAY - phase + life * DAY)
        };
        NodeReport {
            node: node.name.to_owned(),
            region: node.region.to_owned(),
            version: "0.1.0".to_owned(),
            mode: match deploying {
                Some(_) if t < node.started || node.started < t - MINUTE => NodeMode::Draining,
                _ if switch_over => NodeMode::Continuity,
                _ => NodeMode::Normal,
            },
            started_at: Some(at(node.started)),
            continuity_since: switch_over.then(|| at(t - t % 60)),
            requests: share(0.05 + 0.2 * busy, 4_096),
            connections: share(connections, 10_000),
            database: Some(DatabaseReport {
                role: if node.region == "eu" { DatabaseRole::Primary } else { DatabaseRole::Replica },
                replication_lag: Some(Micros((lag * 1e6) as i64)),
                pool: share(0.2 + 0.5 * busy, 20),
                pool_wait_p99: Some(Micros((wait * 1e6) as i64)),
            }),
            clock: Some(ClockReport {
                to_database: Some(Micros(((node.offset + step) * 1e6) as i64)),
                ..ClockReport::default()
            }),
            disk: share(disk, 100_000_000_000),
            memory: share(memory, 2_000_000_000),
            descriptors: share(0.05 + connections * 0.5, 20_000),
            certificate_expires_at: Some(renewed(90, 57 * DAY)),
            keys: vec![
                KeyReport { kid: "issuing".to_owned(), kind: KeyKind::Issuing, expires_at: renewed(120, 86 * DAY) },
                KeyReport { kid: "root".to_owned(), kind: KeyKind::Root, expires_at: at(36_000 * DAY) },
            ],
            jobs: vec![job("touches", 30), job("prune", HOUR), job("rotate_keys", DAY)],
            outbox: Some(OutboxReport { size: 3, oldest: Some(at(oldest)) }),
            // One recipient's server is away for a day at a time; to others mail leaves.
            mail: Some(MailReport { size: 1, oldest: Some(at(t - t.rem_euclid(DAY))), sent: Some(at(oldest)) }),
            restore: Some(RestoreReport {
                proved_at: Some(at((t - 3 * DAY).div_euclid(7 * DAY) * 7 * DAY + 3 * DAY)),
                installed_at: at(-400 * DAY),
            }),
            ..NodeReport::default()
        }
    }

    fn product(&mut self, t: i64) -> ProductSeen {
        while self.denials_at + MINUTE <= t {
            self.denials_at += MINUTE;
            self.denials.rotate_right(1);
            self.denials[0] = self.rng.poisson(0.2);
            self.denials_at = self.denials_at.max(t - 20 * MINUTE);
        }
        // The ends are looked up every ten minutes only.
        let horizon = at(t)..at(t + 45 * DAY);
        let ends = || self.ends.iter().copied().filter(|end| horizon.contains(&end.at)).collect();
        let now_and_then = t % (10 * MINUTE) == 0;
        ProductSeen {
            product: product(),
            active_licenses: 5_000,
            ends_by_hour: now_and_then.then(ends),
            ends_by_minute: now_and_then.then(|| vec![Ends { at: at(t + 9 * DAY), licenses: 3 }]),
            denials: Some(Denials { recent: self.denials.iter().sum(), limit: 20, tripped: false }),
        }
    }
}
