//! The steady load: customers come and go on licenses with too few seats, others renew and start their applications, and a
//! program of the vendor reads.

use crate::customers::{Customer, World, lock};
use crate::history::{License, Outcome};
use crate::machines::wait;
use crate::options::Failure;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Licenses that more devices want than they have seats for.
const CONTESTED: usize = 24;
/// Seats on each of them.
const SEATS: usize = 3;
/// Devices that only renew.
pub const STEADY: usize = 24;
/// How often a device comes or goes. Customers do not wait for each other: where no server answers, more and more of them
/// wait, up to so many.
const CLAIM_EVERY: Duration = Duration::from_millis(100);
const WAITING: usize = 60;
/// How many threads renew, and how often each does.
const RENEWERS: u64 = 4;
const RENEW_EVERY: Duration = Duration::from_millis(200);
const READ_EVERY: Duration = Duration::from_millis(200);

/// Who is there.
pub struct Crowd {
    contested: Vec<(License, Mutex<Vec<Customer>>)>,
    pub steady: Vec<Mutex<Customer>>,
    next: AtomicUsize,
    /// How many claims are under way.
    claiming: AtomicUsize,
    stop: AtomicBool,
}

/// The load while it runs. Stops when dropped.
pub struct Load {
    pub crowd: Arc<Crowd>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Issues the licenses, activates the steady customers, and begins.
    pub fn begin(world: &Arc<World>) -> Result<Self, Failure> {
        let contested =
            (0..CONTESTED).map(|_| Ok((world.issue(SEATS)?, Mutex::default()))).collect::<Result<Vec<_>, Failure>>()?;
        let steady = (0..STEADY).map(|_| Customer::new(world, world.issue(1)?)).collect::<Result<Vec<_>, Failure>>()?;
        let mut load = Self::of(world, contested, steady)?;
        load.threads.push(repeat(world, &load.crowd, CLAIM_EVERY, 0, begin_claim)?);
        for seed in 0..RENEWERS {
            load.threads.push(repeat(world, &load.crowd, RENEW_EVERY, seed, renew)?);
        }
        load.threads.push(repeat(world, &load.crowd, READ_EVERY, 0, |world, _, _| world.read())?);
        Ok(load)
    }

    /// So many customers who only renew, and know these endpoints and no others.
    pub fn of_renewals(world: &Arc<World>, count: usize, endpoints: &[String]) -> Result<Self, Failure> {
        let reaching = |_| Customer::reaching(world, world.issue(1)?, endpoints.to_vec());
        let mut load = Self::of(world, Vec::new(), (0..count).map(reaching).collect::<Result<Vec<_>, Failure>>()?)?;
        load.threads.push(repeat(world, &load.crowd, RENEW_EVERY, 0, renew)?);
        Ok(load)
    }

    /// Activates the steady customers. Begins nothing.
    fn of(
        world: &World,
        contested: Vec<(License, Mutex<Vec<Customer>>)>,
        steady: Vec<Customer>,
    ) -> Result<Self, Failure> {
        for customer in &steady {
            let outcome = customer.activate(world);
            if outcome != Outcome::Done {
                return Err(format!("a customer could not activate before anything was broken: {outcome:?}").into());
            }
        }
        let crowd = Crowd {
            contested,
            steady: steady.into_iter().map(Mutex::new).collect(),
            next: AtomicUsize::new(0),
            claiming: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        };
        Ok(Self { crowd: Arc::new(crowd), threads: Vec::new() })
    }

    /// Ends the load and waits for the last answers.
    pub fn end(mut self) -> Result<(), Failure> {
        self.crowd.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a thread of the load died")?;
        }
        wait("the last claims", Duration::from_mins(1), || {
            Ok((self.crowd.claiming.load(Ordering::Acquire) == 0).then_some(()))
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.crowd.stop.store(true, Ordering::Release);
    }
}

/// Does something again and again, at a steady pace; where one takes longer than that, the next begins at once.
fn repeat(
    world: &Arc<World>,
    crowd: &Arc<Crowd>,
    every: Duration,
    seed: u64,
    act: impl Fn(&Arc<World>, &Arc<Crowd>, &mut Dice) -> Result<(), Failure> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let (world, crowd) = (world.clone(), crowd.clone());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1));
    let run = move || {
        let mut due = Instant::now() + every.mul_f64(dice.share());
        while !crowd.stop.load(Ordering::Acquire) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due = (due + every).max(Instant::now());
            if let Err(error) = act(&world, &crowd, &mut dice) {
                eprintln!("the load: {error}");
            }
        }
    };
    Ok(thread::Builder::new().name("load".into()).spawn(run)?)
}

/// Random enough for who comes next, and the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    #[allow(clippy::cast_precision_loss)]
    fn share(&mut self) -> f64 {
        (self.roll() % 1_000) as f64 / 1_000.0
    }
}

/// Somebody comes or goes, in a thread of their own.
fn begin_claim(world: &Arc<World>, crowd: &Arc<Crowd>, dice: &mut Dice) -> Result<(), Failure> {
    if crowd.claiming.load(Ordering::Acquire) >= WAITING {
        return Ok(());
    }
    let (world, own, mut dice) = (world.clone(), crowd.clone(), Dice(dice.roll() | 1));
    crowd.claiming.fetch_add(1, Ordering::AcqRel);
    let spawned = thread::Builder::new().name("claim".into()).spawn(move || {
        if let Err(error) = claim(&world, &own, &mut dice) {
            eprintln!("the load: {error}");
        }
        own.claiming.fetch_sub(1, Ordering::AcqRel);
    });
    if spawned.is_err() {
        crowd.claiming.fetch_sub(1, Ordering::AcqRel);
    }
    spawned.map(|_| ()).map_err(Failure::from)
}

fn claim(world: &World, crowd: &Crowd, dice: &mut Dice) -> Result<(), Failure> {
    let (license, holders) = &crowd.contested[dice.below(crowd.contested.len())];
    // Taken out while it acts, so that a device does one thing at a time.
    let known = {
        let mut holders = lock(holders);
        let full = holders.len() >= SEATS;
        let wanted = if full { dice.below(3) > 0 } else { !holders.is_empty() && dice.below(6) == 0 };
        let at = dice.below(holders.len());
        if wanted { Some((holders.swap_remove(at), full)) } else { None }
    };
    // Whoever got no answer comes again: a device that gave up for good might keep a seat that nobody knows of.
    let comes_again = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_));
    match known {
        Some((customer, true)) if customer.has_lease() => {
            if comes_again(&customer.release(world)) {
                lock(holders).push(customer);
            }
        }
        known => {
            // Entering the key once more leads to the same seat.
            let customer = known.map_or_else(|| Customer::new(world, *license), |(customer, _)| Ok(customer))?;
            let had_lease = customer.has_lease();
            let outcome = customer.activate(world);
            if outcome == Outcome::Done {
                customer.launch(world)?;
            }
            if had_lease || outcome == Outcome::Done || comes_again(&outcome) {
                lock(holders).push(customer);
            }
        }
    }
    Ok(())
}

fn renew(world: &Arc<World>, crowd: &Arc<Crowd>, _: &mut Dice) -> Result<(), Failure> {
    let at = crowd.next.fetch_add(1, Ordering::Relaxed) % crowd.steady.len();
    // Somebody else may be at it, for long where no server answers.
    if let Ok(customer) = crowd.steady[at].try_lock() {
        customer.renew(world);
        customer.launch(world)?;
    }
    Ok(())
}
