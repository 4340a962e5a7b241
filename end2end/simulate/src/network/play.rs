//! Plays a story: builds the network, lets things happen at their time, and looks at the world after every second.

use super::{
    device::Device,
    node::Node,
    rules::Rules,
    scene::{self, Keys},
    story::{Act, CALM, End, Happening, Sale, Story, TROUBLE},
    wire::{self, PORT, Query},
    world::{Counts, Shared, Violation, World},
};
use holdfast_domain::{LicenseStatus, Timestamp};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};
use turmoil::{Builder, Sim, net::UdpSocket};

/// How a history ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first rule that was broken, if one was.
    pub violation: Option<Violation>,
    /// What happened, second by second.
    pub log: Vec<(i64, String)>,
    /// What was counted.
    pub counts: Counts,
}

/// Something that the stage does at a second.
#[derive(Clone, Copy, Debug)]
enum Cue {
    Begin(Happening),
    End(Happening),
    RefreshAll,
}

/// How long one step of the network is, in seconds.
const TICK: u64 = 2;

/// Plays a story to its end, or until a rule is broken. An error is one of the simulation's, not of what it simulates.
pub fn play(story: &Story, rules: Rules) -> Result<Outcome, String> {
    let keys = Rc::new(Keys::new().ok_or("the keys could not be made")?);
    let world: Shared = Rc::new(RefCell::new(World::new(story, rules, keys)));
    let mut sim = build(story, &world);
    let mut stage = Stage { world: Rc::clone(&world), cuts: BTreeMap::new(), waiting: Vec::new() };
    let mut cues = cues(story);
    let end = u64::try_from(TROUBLE + CALM).unwrap_or(0);
    for second in (0..end).step_by(usize::try_from(TICK).unwrap_or(1)) {
        let at = i64::try_from(second).unwrap_or(0);
        stage.seize(&mut cues, at);
        while let Some((_, cue)) = cues.pop_if(|(due, _)| *due <= at) {
            stage.act(&mut sim, cue, at);
        }
        sim.step().map_err(|error| format!("seed {}, second {at}: {error}", story.seed))?;
        let mut world = world.borrow_mut();
        world.check(scene::START + at);
        if world.violation.is_some() {
            break;
        }
    }
    drop(sim);
    let mut world = world.borrow_mut();
    if world.violation.is_none() {
        world.check_end(scene::START + TROUBLE + CALM);
    }
    let log = std::mem::take(&mut world.log);
    Ok(Outcome { violation: world.violation.clone(), log, counts: world.counts })
}

/// The cues of a story, the last one first.
fn cues(story: &Story) -> Vec<(i64, Cue)> {
    let mut cues: Vec<(i64, Cue)> = Vec::new();
    for entry in &story.entries {
        cues.push((entry.at, Cue::Begin(entry.what)));
        if let Some(span) = span(entry.what).filter(|_| moment(entry.what).is_none()) {
            cues.push(((entry.at + span).min(TROUBLE), Cue::End(entry.what)));
        }
    }
    cues.push((TROUBLE + CALM / 3, Cue::RefreshAll));
    cues.push((TROUBLE + CALM / 2, Cue::RefreshAll));
    cues.sort_by_key(|(at, _)| *at);
    cues.reverse();
    cues
}

/// How long a happening lasts, where it has an end.
const fn span(what: Happening) -> Option<i64> {
    match what {
        Happening::Cut(_, _, span)
        | Happening::DatabaseGone(span)
        | Happening::DatabaseReadOnly(span)
        | Happening::Crash(_, span)
        | Happening::CrashOnceSigned(_, span)
        | Happening::CutOnceSigned(_, span)
        | Happening::Stop(_, span)
        | Happening::Freeze(_, span)
        | Happening::Gone(_, span)
        | Happening::Off(_, span)
        | Happening::OffOnceRenewed(_, span) => Some(span),
        Happening::Clock(..) | Happening::RenewsLate(..) | Happening::Person(..) | Happening::Vendor(..) => None,
    }
}

/// What a happening that waits for its moment becomes, and whose next lease it waits for.
const fn moment(what: Happening) -> Option<(Happening, Whose)> {
    match what {
        Happening::CrashOnceSigned(node, span) => Some((Happening::Crash(node, span), Whose::Node(node))),
        Happening::CutOnceSigned(node, span) => {
            Some((Happening::Cut(End::Node(node), End::Database, span), Whose::Node(node)))
        }
        Happening::OffOnceRenewed(device, span) => Some((Happening::Off(device, span), Whose::Device(device))),
        _ => None,
    }
}

/// Whose lease.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Node(usize),
    Device(usize),
}

fn build(story: &Story, world: &Shared) -> Sim<'static> {
    let mut sim = Builder::new()
        .rng_seed(story.seed)
        .tick_duration(Duration::from_secs(TICK))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_secs(2))
        .simulation_duration(Duration::from_secs(1_000_000))
        .udp_capacity(4_096)
        .build();
    let shared = Rc::clone(world);
    sim.host("database", move || database(Rc::clone(&shared)));
    for index in 0..story.cast.nodes {
        let shared = Rc::clone(world);
        sim.host(format!("node-{index}"), move || Node::run(index, Rc::clone(&shared)));
    }
    let nodes = story.cast.nodes;
    for index in 0..story.cast.devices() {
        let shared = Rc::clone(world);
        sim.host(format!("device-{index}"), move || Device::run(index, nodes, Rc::clone(&shared)));
    }
    sim
}

/// The database's process: its rows are in the world, so they outlive it.
async fn database(world: Shared) -> turmoil::Result {
    let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
    loop {
        let Some((query, from)) = wire::listen::<Query>(&socket).await else { continue };
        let rows = {
            let mut world = world.borrow_mut();
            if world.database.gone {
                continue;
            }
            let (at, known) = (super::world::now(), world.database.reclaimed.len());
            let rows = world.database.run(query, at);
            let news = world.database.reclaimed.get(known..).map(<[_]>::to_vec).unwrap_or_default();
            for (_, seat) in news {
                world.note(at, format!("the database takes the seat of device {} back", seat.to_bytes()[15]));
            }
            world.check(at);
            rows
        };
        wire::answer(&socket, from, &rows).await;
    }
}

/// Where things are made to happen.
struct Stage {
    world: Shared,
    /// How many faults keep two ends apart at the moment.
    cuts: BTreeMap<(String, String), u32>,
    /// What waits for its moment, and since when.
    waiting: Vec<(i64, Happening, Whose)>,
}

fn host(end: End) -> String {
    match end {
        End::Database => "database".to_owned(),
        End::Node(index) => format!("node-{index}"),
        End::Device(index) => format!("device-{index}"),
    }
}

impl Stage {
    /// Lets happen what has waited for this moment.
    fn seize(&mut self, cues: &mut Vec<(i64, Cue)>, at: i64) {
        let world = self.world.borrow();
        let came = |since: i64, whose: Whose| {
            let newest = match whose {
                Whose::Node(node) => world.last_signed.get(&node).copied(),
                Whose::Device(device) => world.devices.get(device).and_then(|device| device.renewed),
            };
            newest.is_some_and(|newest| newest >= scene::START + since)
        };
        let (now, later) = self.waiting.iter().partition(|(since, _, whose)| came(*since, *whose));
        drop(world);
        self.waiting = later;
        let now: Vec<(i64, Happening, Whose)> = now;
        for (_, what, _) in now.into_iter().filter(|_| at < TROUBLE) {
            if let Some(span) = span(what) {
                cues.push(((at + span).min(TROUBLE), Cue::End(what)));
            }
            cues.push((at, Cue::Begin(what)));
        }
        cues.sort_by_key(|(due, _)| std::cmp::Reverse(*due));
    }

    fn act(&mut self, sim: &mut Sim<'static>, cue: Cue, at: i64) {
        match cue {
            Cue::Begin(what) => {
                self.world.borrow_mut().note(scene::START + at, format!("— {what}"));
                self.begin(sim, what, at);
            }
            Cue::End(what) => self.end(sim, what),
            Cue::RefreshAll => {
                let count = self.world.borrow().devices.len();
                (0..count).for_each(|device| self.person(device, Act::Refresh));
            }
        }
    }

    fn begin(&mut self, sim: &mut Sim<'static>, what: Happening, at: i64) {
        match what {
            Happening::Cut(a, b, _) => {
                let count = self.cuts.entry((host(a), host(b))).or_insert(0);
                *count += 1;
                sim.partition(host(a), host(b));
            }
            Happening::DatabaseGone(_) => self.world.borrow_mut().database.gone = true,
            Happening::DatabaseReadOnly(_) => self.world.borrow_mut().database.read_only = true,
            Happening::Crash(node, _) => sim.crash(format!("node-{node}")),
            Happening::Stop(node, _) => {
                if let Some(bell) = self.world.borrow().stops.get(&node) {
                    bell.notify_waiters();
                }
            }
            Happening::Freeze(node, _) => *self.world.borrow_mut().frozen.entry(node).or_insert(0) += 1,
            Happening::Clock(node, by) => {
                let mut world = self.world.borrow_mut();
                let guard = world.rules.clock_guard.0;
                let offset = world.offsets.entry(node).or_insert(0);
                *offset = (*offset + by).clamp(-guard, guard);
            }
            Happening::Gone(node, _) => {
                sim.crash(format!("node-{node}"));
                let mut world = self.world.borrow_mut();
                let now = Timestamp::from_seconds(scene::START + at + world.rules.clock_guard.0);
                world.database.declare_gone(node, now);
                if world.rules.gone_for_good {
                    world.disks.remove(&node);
                }
            }
            Happening::Off(device, _) => sim.crash(format!("device-{device}")),
            Happening::CrashOnceSigned(..) | Happening::CutOnceSigned(..) | Happening::OffOnceRenewed(..) => {
                if let Some((what, whose)) = moment(what) {
                    self.waiting.push((at, what, whose));
                }
            }
            Happening::RenewsLate(device, before) => {
                if let Some(device) = self.world.borrow_mut().devices.get_mut(device) {
                    device.late = Some(before);
                }
            }
            Happening::Person(device, act) => self.person(device, act),
            Happening::Vendor(license, sale) => self.vendor(license, sale, at),
        }
    }

    fn end(&mut self, sim: &mut Sim<'static>, what: Happening) {
        match what {
            Happening::Cut(a, b, _) => {
                let count = self.cuts.entry((host(a), host(b))).or_insert(1);
                *count = count.saturating_sub(1);
                if *count == 0 {
                    sim.repair(host(a), host(b));
                }
            }
            Happening::DatabaseGone(_) => self.world.borrow_mut().database.gone = false,
            Happening::DatabaseReadOnly(_) => self.world.borrow_mut().database.read_only = false,
            Happening::Freeze(node, _) => {
                if let Some(count) = self.world.borrow_mut().frozen.get_mut(&node) {
                    *count = count.saturating_sub(1);
                }
            }
            Happening::Crash(node, _) | Happening::Stop(node, _) | Happening::Gone(node, _) => {
                Self::start(sim, &format!("node-{node}"));
            }
            Happening::Off(device, _) => Self::start(sim, &format!("device-{device}")),
            _ => {}
        }
    }

    /// Starts what does not run. Of two crashes that overlap, the first one's end starts it.
    fn start(sim: &mut Sim<'static>, host: &str) {
        if !sim.is_host_running(host) {
            sim.bounce(host);
        }
    }

    fn person(&self, device: usize, act: Act) {
        if let Some(device) = self.world.borrow_mut().devices.get_mut(device) {
            device.acts.push_back(act);
            device.bell.notify_one();
        }
    }

    fn vendor(&self, license: usize, sale: Sale, at: i64) {
        let mut world = self.world.borrow_mut();
        let id = scene::license_id(license);
        let status = match sale {
            Sale::Suspend => LicenseStatus::Suspended,
            Sale::Revoke => LicenseStatus::Revoked,
            Sale::Resume | Sale::Reinstate => LicenseStatus::Active,
        };
        world.database.set_status(id, status, scene::START + at);
    }
}
