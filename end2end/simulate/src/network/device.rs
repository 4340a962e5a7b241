//! A device: an application with the real client decision, a person who wants to work, and a disk.

use super::{
    rules::Mistake,
    scene::{self, PRODUCT},
    story::{Act, TROUBLE},
    wire::{self, Answer, Call},
    world::{self, Shared},
};
use crate::rng::Rng;
use holdfast_lease::{
    Seconds, UnixSeconds,
    client::{Action, Decision, Effect, Event, Jitter, NetworkFault, Outcome, Reading, Request, Setup, State, decide},
};
use std::{rc::Rc, time::Duration};

/// How long a call may take.
const CALL: Seconds = Seconds(40);

/// A running application.
pub struct Device {
    index: usize,
    world: Shared,
    hash: String,
    endpoints: Vec<String>,
    state: State,
    read_at: i64,
    rng: Rng,
    turn: usize,
}

impl Device {
    /// Runs the application of a device for as long as the device is on.
    pub async fn run(index: usize, nodes: usize, world: Shared) -> turmoil::Result {
        let serial = world.borrow_mut().serial();
        let disk = world.borrow().devices.get(index).map(|device| device.disk.clone()).unwrap_or_default();
        // Not everybody prefers the same node.
        let endpoints = (0..nodes).map(|turn| format!("https://node-{}", (turn + index) % nodes)).collect();
        let mut device = Self {
            index,
            world,
            hash: scene::device_hash(index).to_string(),
            endpoints,
            state: disk,
            read_at: world::now(),
            rng: Rng::of(serial, 3),
            turn: index,
        };
        device.live().await
    }

    async fn live(&mut self) -> turmoil::Result {
        let mut decision = self.launch();
        let mut resting_until = 0;
        loop {
            let act = self.world.borrow_mut().devices.get_mut(self.index).and_then(|it| it.acts.pop_front());
            let lease = self.state.lease.clone();
            match (act, &decision.action) {
                (Some(Act::Release), _) if decision.standing.entitled() => {
                    decision = self.release(lease).await;
                    if decision.effects.contains(&Effect::Released) {
                        resting_until = world::now() + self.rng.within(100, 400);
                    }
                    continue;
                }
                (Some(Act::Refresh), _) if lease.is_some() => {
                    let endpoint = self.next_endpoint();
                    decision = self.renew(&endpoint).await;
                    continue;
                }
                (_, Action::Revalidate { endpoint }) => {
                    let endpoint = endpoint.clone();
                    self.tarry(&decision).await;
                    decision = self.renew(&endpoint).await;
                    continue;
                }
                _ => {}
            }
            let until = match decision.action {
                Action::Wait { seconds, .. } => seconds.0,
                _ => 300,
            };
            let wants = !decision.standing.entitled() && world::now() >= resting_until;
            // A person who cannot work tries again soon, and less often where the answer was a "no".
            let soon = match (wants, &decision.standing.denial) {
                (true, None) => self.rng.within(10, 40),
                (true, Some(_)) => self.rng.within(40, 120),
                (false, _) => 300,
            };
            self.pause(until.min(soon)).await;
            let rung = self.world.borrow().devices.get(self.index).is_some_and(|device| !device.acts.is_empty());
            decision = if wants && !rung { self.activate().await } else { self.decide(&Event::Tick) };
        }
    }

    /// Waits until shortly before the end of the lease, where the story says so.
    async fn tarry(&self, decision: &Decision) {
        let late = self.world.borrow_mut().devices.get_mut(self.index).and_then(|device| device.late.take());
        if let (Some(before), Some(lease)) = (late, &decision.standing.lease) {
            let calm = scene::START + TROUBLE;
            let left = (lease.exp.0 - before).min(calm) - world::now();
            if (0..3_000).contains(&left) {
                tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
            }
        }
    }

    async fn pause(&self, seconds: i64) {
        let bell = self.world.borrow().devices.get(self.index).map(|device| Rc::clone(&device.bell));
        let span = Duration::from_secs(u64::try_from(seconds.max(1)).unwrap_or(1));
        if let Some(bell) = bell {
            let _ = tokio::time::timeout(span, bell.notified()).await;
        }
    }

    /// The launch check: local, and never a "no" for a device whose lease is alive.
    fn launch(&mut self) -> Decision {
        let at = world::now();
        let alive = self.world.borrow().holds(self.index, at);
        let decision = self.decide(&Event::Launch);
        let mut world = self.world.borrow_mut();
        world.counts.launches += u64::from(alive);
        if alive && !decision.standing.entitled() {
            let seen = format!("device {}: {:?}", self.index, decision.standing.verdict);
            world.broken("no launch fails while the lease is alive", at, seen);
        }
        drop(world);
        decision
    }

    /// One step of the client, and what it means for the disk.
    fn decide(&mut self, event: &Event) -> Decision {
        let at = world::now();
        let world = self.world.borrow();
        let setup =
            Setup { product: PRODUCT, device: &self.hash, roots: &world.keys.roots, endpoints: &self.endpoints };
        let reading = Reading { wall: UnixSeconds(at), elapsed: Seconds(at - self.read_at) };
        let decision = decide(setup, &self.state, reading, event, Jitter(self.rng.bits32()));
        drop(world);
        self.read_at = at;
        self.state = decision.state.clone();
        let mut world = self.world.borrow_mut();
        let writes = decision.save && !world.rules.makes(Mistake::NoDisk);
        if writes && let Some(device) = world.devices.get_mut(self.index) {
            device.disk = decision.state.clone();
        }
        let standing = &decision.standing;
        let denied = standing.denial.as_ref().is_some_and(|denial| denial.eff <= standing.time);
        world.stored(self.index, standing.lease.as_ref(), denied, at);
        decision
    }

    fn next_endpoint(&mut self) -> String {
        self.turn += 1;
        let turn = self.turn.checked_rem(self.endpoints.len()).unwrap_or(0);
        self.endpoints.get(turn).cloned().unwrap_or_default()
    }

    async fn call(&mut self, endpoint: &str, request: Request, make: impl FnOnce(String) -> Call) -> Decision {
        let nonce = format!("n{}", self.rng.bits());
        let host = endpoint.trim_start_matches("https://").to_owned();
        let answer: Option<Answer> = wire::ask(&host, &make(nonce.clone()), CALL).await;
        let outcome = answer.map_or(Outcome::Network { fault: NetworkFault::Timeout }, |answer| answer.0);
        self.decide(&Event::Answer { request, nonce, outcome })
    }

    async fn renew(&mut self, endpoint: &str) -> Decision {
        let lease = self.state.lease.clone().unwrap_or_default();
        self.call(endpoint, Request::Renew, |nonce| Call::Renew(lease, nonce)).await
    }

    async fn activate(&mut self) -> Decision {
        let endpoint = self.next_endpoint();
        let license = self.world.borrow().licenses.get(self.index).copied();
        let license = license.unwrap_or_else(|| scene::license_id(0));
        let index = self.index;
        self.call(&endpoint, Request::Activate, |nonce| Call::Activate(index, license, nonce)).await
    }

    async fn release(&mut self, lease: Option<String>) -> Decision {
        let endpoint = self.next_endpoint();
        if let Some(device) = self.world.borrow_mut().devices.get_mut(self.index) {
            device.gave_up = device.lease.as_ref().map(|lease| lease.seq);
        }
        self.call(&endpoint, Request::Release, |_| Call::Release(lease.unwrap_or_default())).await
    }
}
