//! Customers with the real client library, and the vendor's own program: what they ask for becomes history.

use crate::history::{Act, Device, License, Micros, Operation, Outcome};
use crate::options::Failure;
use holdfast_sdk::{
    CallError, Device as DeviceInfo, Durability, Effect, Keep, Licensing, MemoryStorage, RelayRequest, Report, Slot,
    Standing, Storage,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;

/// The guarded value; one that a thread died with is whole all the same, since every change is a single step.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the vendor's program reads in turn; the first stands for one license.
const READS: [&str; 6] =
    ["", "/licenses?limit=50", "/seats?limit=50", "/customers?limit=50", "/events?limit=50", "/nodes"];

/// What everybody who asks needs to know, and what they did.
pub struct World {
    pub product: String,
    pub plan: String,
    pub root: String,
    pub authority: Vec<u8>,
    /// Where applications may ask.
    endpoints: Mutex<Vec<String>>,
    token: String,
    agent: Agent,
    began: Instant,
    operations: Mutex<Vec<Operation>>,
    licenses: Mutex<Vec<Licensed>>,
    devices: Mutex<BTreeMap<String, Device>>,
    revoked: Mutex<BTreeMap<License, Micros>>,
    reads: AtomicUsize,
}

/// A license that was issued.
#[derive(Clone, Debug)]
struct Licensed {
    id: String,
    key: String,
    seats: usize,
}

impl World {
    /// A vendor's product of that code and a plan, made through the edges.
    pub fn new(
        endpoints: Vec<String>,
        authority: &[u8],
        agent: Agent,
        token: String,
        root: String,
        code: &str,
    ) -> Result<Self, Failure> {
        let mut world = Self {
            product: String::new(),
            plan: String::new(),
            root,
            authority: authority.to_owned(),
            endpoints: Mutex::new(endpoints),
            token,
            agent,
            began: Instant::now(),
            operations: Mutex::default(),
            licenses: Mutex::default(),
            devices: Mutex::default(),
            revoked: Mutex::default(),
            reads: AtomicUsize::new(0),
        };
        let id = |made: &Value| made["id"].as_str().map(str::to_owned).ok_or_else(|| format!("no id in {made}"));
        let product = world.post("/products", &json!({"name": "Example Studio", "code": code}))?;
        world.product = id(&product)?;
        let terms = json!({"model": "perpetual", "seats": 3, "entitlements": {"projects": 25}});
        let body = json!({"product": world.product, "name": "Professional", "code": "pro", "terms": terms});
        world.plan = id(&world.post("/plans", &body)?)?;
        Ok(world)
    }

    /// The same vendor with another product, of which nothing has happened yet.
    pub fn another(&self, code: &str) -> Result<Self, Failure> {
        Self::new(self.endpoints(), &self.authority, self.agent.clone(), self.token.clone(), self.root.clone(), code)
    }

    /// Where applications may ask.
    pub fn endpoints(&self) -> Vec<String> {
        lock(&self.endpoints).clone()
    }

    /// Lets everybody who comes from now on know of another endpoint.
    pub fn add_endpoint(&self, endpoint: String) {
        lock(&self.endpoints).push(endpoint);
    }

    /// The time.
    pub fn now(&self) -> Micros {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    /// What was done so far.
    pub fn operations(&self) -> MutexGuard<'_, Vec<Operation>> {
        lock(&self.operations)
    }

    /// How many seats each license has.
    pub fn seats(&self) -> BTreeMap<License, usize> {
        (0..).zip(lock(&self.licenses).iter().map(|license| license.seats)).collect()
    }

    /// When each license that was revoked began to be.
    pub fn revoked(&self) -> BTreeMap<License, Micros> {
        lock(&self.revoked).clone()
    }

    /// The device behind a hash, in hexadecimal.
    pub fn device_of(&self, hash: &str) -> Option<Device> {
        lock(&self.devices).get(hash).copied()
    }

    /// A call of the management API that changes something, at the first edge that answers.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        // The same for every attempt: whichever node the second one meets, it is done once.
        let key = format!("rehearsal-{}", jiff::Timestamp::now().as_nanosecond());
        let mut last: Failure = "no endpoint".into();
        for endpoint in &self.endpoints() {
            let sent = self
                .agent
                .post(format!("{endpoint}/v1{path}"))
                .header("Authorization", format!("Bearer {}", self.token))
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", &key)
                .send(body.to_string());
            match sent {
                Ok(mut answer) => {
                    let status = answer.status();
                    let text = answer.body_mut().read_to_string()?;
                    if status.is_success() {
                        return Ok(serde_json::from_str(&text)?);
                    }
                    last = format!("POST {path}: {status}: {text}").into();
                }
                Err(error) => last = format!("POST {path}: {error}").into(),
            }
        }
        Err(last)
    }

    /// Issues a license with so many seats.
    pub fn issue(&self, seats: usize) -> Result<License, Failure> {
        let number = lock(&self.licenses).len();
        let key = format!("REHEARSAL-{number:05}-{:016x}", self.now());
        let issued = self.post("/licenses", &json!({"plan": self.plan, "seats": seats, "key": key}))?;
        let id = issued["id"].as_str().ok_or_else(|| format!("no license in {issued}"))?.to_owned();
        let mut licenses = lock(&self.licenses);
        licenses.push(Licensed { id, key, seats });
        Ok(License::try_from(licenses.len() - 1)?)
    }

    /// Revokes a license; returns when the answer was there.
    pub fn revoke(&self, license: License) -> Result<Instant, Failure> {
        let id = self.license(license)?.id;
        lock(&self.revoked).insert(license, self.now());
        self.post(&format!("/licenses/{id}/revoke"), &json!({"reason": "rehearsal"}))?;
        Ok(Instant::now())
    }

    fn license(&self, license: License) -> Result<Licensed, Failure> {
        let licenses = lock(&self.licenses);
        Ok(usize::try_from(license).ok().and_then(|at| licenses.get(at)).ok_or("no such license")?.clone())
    }

    fn record(&self, operation: Operation) {
        lock(&self.operations).push(operation);
    }

    /// The vendor's program looks a license up or goes through a list, at the first edge that answers.
    pub fn read(&self) -> Result<(), Failure> {
        let turn = self.reads.fetch_add(1, Ordering::Relaxed);
        let count = lock(&self.licenses).len();
        let id = self.license(License::try_from(turn % count.max(1))?)?.id;
        // What the console's screens begin with.
        let path = match turn % READS.len() {
            0 => format!("/licenses/{id}"),
            at => READS[at].to_owned(),
        };
        let kind = path.split(['?', '_']).next().unwrap_or_default();
        let begun = self.now();
        let (mut lost_tries, mut outcome) = (0, Outcome::Failed("no endpoint".to_owned()));
        let endpoints = self.endpoints();
        for offset in 0..endpoints.len() {
            let endpoint = &endpoints[(turn + offset) % endpoints.len()];
            let token = format!("Bearer {}", self.token);
            outcome = match self.agent.get(format!("{endpoint}/v1{path}")).header("Authorization", token).call() {
                Ok(answer) if answer.status() == 200 => Outcome::Done,
                Ok(answer) => Outcome::Failed(format!("{kind}: status {}", answer.status().as_u16())),
                Err(error) => Outcome::Failed(format!("{kind}: {error}")),
            };
            if outcome == Outcome::Done {
                break;
            }
            lost_tries += 1;
        }
        self.record(Operation { act: Act::Read, device: 0, license: 0, begun, ended: self.now(), outcome, lost_tries });
        Ok(())
    }
}

/// A storage that several starts of an application share.
#[derive(Clone)]
struct Shared(Arc<MemoryStorage>);

impl Storage for Shared {
    fn read(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        self.0.read(slot)
    }

    fn write(&self, slot: Slot, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.0.write(slot, bytes, durability)
    }

    fn lock(&self, patience: Duration) -> io::Result<Box<dyn Send>> {
        self.0.lock(patience)
    }
}

/// A device with an application on it.
pub struct Customer {
    pub device: Device,
    pub license: License,
    key: String,
    endpoints: Vec<String>,
    storage: Shared,
    licensing: Licensing,
    lost_tries: Arc<AtomicU32>,
}

impl Customer {
    /// A new device for a license. It knows every endpoint.
    pub fn new(world: &World, license: License) -> Result<Self, Failure> {
        Self::reaching(world, license, world.endpoints())
    }

    /// A new device for a license that knows these endpoints and no others.
    pub fn reaching(world: &World, license: License, mut endpoints: Vec<String>) -> Result<Self, Failure> {
        let key = world.license(license)?.key;
        let storage = Shared(Arc::new(MemoryStorage::new()));
        let lost_tries = Arc::new(AtomicU32::new(0));
        let device = {
            let mut devices = lock(&world.devices);
            let device = Device::try_from(devices.len())?;
            devices.insert(holdfast_lease::device_hash(&world.product, &fingerprint(device)), device);
            device
        };
        // Everybody begins with another edge.
        let count = endpoints.len().max(1);
        endpoints.rotate_left(usize::try_from(device)? % count);
        let licensing = application(world, device, &endpoints, &storage, Some(&lost_tries))?;
        Ok(Self { device, license, key, endpoints, storage, licensing, lost_tries })
    }

    /// Enters the license key.
    pub fn activate(&self, world: &World) -> Outcome {
        self.perform(world, Act::Activate, || self.licensing.activate(&self.key))
    }

    /// Renews the lease.
    pub fn renew(&self, world: &World) -> Outcome {
        self.perform(world, Act::Renew, || self.licensing.refresh())
    }

    /// Gives the seat up.
    pub fn release(&self, world: &World) -> Outcome {
        self.perform(world, Act::Release, || self.licensing.release())
    }

    /// Starts the application anew.
    pub fn launch(&self, world: &World) -> Result<(), Failure> {
        let again = application(world, self.device, &self.endpoints, &self.storage, None)?;
        let begun = world.now();
        let standing = again.check_on_launch();
        let outcome =
            if standing.entitled() { Outcome::Done } else { Outcome::NotEntitled(format!("{:?}", standing.verdict)) };
        world.record(self.operation(Act::Launch, begun, world.now(), outcome));
        Ok(())
    }

    /// Whether the device has been given a seat that it has not given up.
    pub fn has_lease(&self) -> bool {
        self.licensing.state().lease.is_some()
    }

    /// By how many seconds the clock that signed this device's lease is ahead of ours.
    pub fn signed_ahead(&self) -> i64 {
        self.licensing.state().lease.map_or(0, |lease| lease.iat.0 - jiff::Timestamp::now().as_second())
    }

    fn operation(&self, act: Act, begun: Micros, ended: Micros, outcome: Outcome) -> Operation {
        let lost_tries = self.lost_tries.load(Ordering::Relaxed);
        Operation { act, device: self.device, license: self.license, begun, ended, outcome, lost_tries }
    }

    fn perform(&self, world: &World, act: Act, ask: impl FnOnce() -> Result<Standing, CallError>) -> Outcome {
        self.lost_tries.store(0, Ordering::Relaxed);
        let begun = world.now();
        let result = ask();
        let ended = world.now();
        let outcome = match result {
            Ok(standing) if act == Act::Renew && !standing.entitled() => {
                Outcome::Denied(format!("{:?}", standing.verdict))
            }
            Ok(_) => Outcome::Done,
            Err(error) => outcome_of(&error),
        };
        world.record(self.operation(act, begun, ended, outcome.clone()));
        outcome
    }
}

fn outcome_of(error: &CallError) -> Outcome {
    match error {
        CallError::SeatLimitReached { .. } => Outcome::SeatLimit,
        CallError::LicenseNotFound => Outcome::Denied("license_not_found".to_owned()),
        CallError::Denied(standing) => Outcome::Denied(format!("{:?}", standing.verdict)),
        CallError::Refused { status, code, .. } => {
            Outcome::Denied(format!("{status} {}", code.as_deref().unwrap_or("no code")))
        }
        other => Outcome::Failed(other.to_string()),
    }
}

fn fingerprint(device: Device) -> Vec<u8> {
    format!("rehearsal device {device}").into_bytes()
}

fn application(
    world: &World,
    device: Device,
    endpoints: &[String],
    storage: &Shared,
    lost_tries: Option<&Arc<AtomicU32>>,
) -> Result<Licensing, Failure> {
    let lost_tries = lost_tries.cloned();
    let builder = Licensing::builder(&world.product, [&world.root])
        .endpoints(endpoints)
        .custom_storage(storage.clone())
        .device(DeviceInfo::fingerprint(fingerprint(device)).name(format!("Device {device}")))
        .certificate_authority(world.authority.clone())
        .log(move |report| {
            // Also where a load balancer answered instead of a node that had the request already, and where another server
            // was quicker than one that has it still.
            let lost = match report {
                Report::Effect(Effect::Kept(keep)) => !matches!(keep, Keep::Refused { .. }),
                Report::NoAnswer(_) | Report::Slow(_) => true,
                _ => false,
            };
            if let (true, Some(lost_tries)) = (lost, &lost_tries) {
                lost_tries.fetch_add(1, Ordering::Relaxed);
            }
        })
        .background(false);
    Ok(builder.build()?)
}

/// What the node of one machine said to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Renewed,
    Denied,
    Nothing,
}

impl Customer {
    /// Renews the lease at that node and no other: the request is carried there and the answer back, as for a device
    /// without a network.
    pub fn renew_at(&self, world: &World, node: &str) -> Result<Said, Failure> {
        let request = RelayRequest::parse(&self.licensing.offline_request()?).ok_or("an unreadable request")?;
        let sent = world
            .agent
            .post(format!("{node}{}", request.path()))
            .header("Content-Type", "application/json")
            .send(request.body.to_string())
            .and_then(|mut answer| answer.body_mut().read_to_string());
        let Ok(body) = sent else { return Ok(Said::Nothing) };
        Ok(match self.licensing.apply_offline(&body) {
            Ok(standing) if standing.entitled() => Said::Renewed,
            Err(CallError::Denied(_)) => Said::Denied,
            _ => Said::Nothing,
        })
    }
}

/// How long after `since` a node denies this device, up to `limit`.
pub fn denied_after(
    world: &World,
    node: &str,
    customer: &Customer,
    since: impl FnOnce() -> Instant,
    limit: Duration,
) -> Result<Duration, Failure> {
    let first = customer.renew_at(world, node)?;
    // Before anything can be wrong with it, and whatever came of it: others wait for this.
    let since = since();
    if first != Said::Renewed {
        return Err("a device to be revoked could not renew before".into());
    }
    while since.elapsed() < limit {
        if customer.renew_at(world, node)? == Said::Denied {
            return Ok(since.elapsed());
        }
    }
    Ok(limit)
}
