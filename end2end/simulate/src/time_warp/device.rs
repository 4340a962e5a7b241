//! One device through days and weeks, from one moment that matters to the next.

use super::{
    client::{Client, Decision, Event, Lease, Time, Verdict},
    habits::Habit,
    plans::{Plan, Server, end_of},
};
use crate::rng::Rng;

const DAY: i64 = 86_400;

/// What a node answers where it can neither renew nor carry on: come back in half an hour.
const PATIENCE: i64 = 1_800;

/// What answers, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Everything is well.
    Up,
    /// Nothing answers.
    Gone,
    /// Nodes answer, and last knew the database then.
    Continuity(Time),
}

/// Why a device has no rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its lease lasted into the outage, and the outage lasted longer.
    Outage,
    /// It had not been on the network for more than two weeks when the outage began: its grace ran already.
    LongAway,
    /// Its lease had run out before the outage.
    RanOutBefore,
    /// Its license or trial ended, and what comes after it could not be fetched.
    LicenseEnded,
    /// Its lease is alive; its clock says otherwise.
    Clock,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] = [Self::Outage, Self::LongAway, Self::RanOutBefore, Self::LicenseEnded, Self::Clock];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outage => "by the outage",
            Self::LongAway => "away for over two weeks before",
            Self::RanOutBefore => "run out before",
            Self::LicenseEnded => "license or trial ended",
            Self::Clock => "by its clock",
        }
    }
}

/// What was seen on a device for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// No rights.
    Lockout(Cause),
    /// The fallback only.
    Limited,
    /// A notice of grace.
    Notice,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its plan.
    pub plan: Plan,
    /// Its habits.
    pub habit: Habit,
    /// What it has stored.
    pub client: Client,
    /// Until when it has lived.
    pub now: Time,
    /// Whether it has nothing more to ask for: its trial is over.
    pub finished: bool,
    rng: Rng,
    end: Option<Time>,
    session: Option<(Time, Time)>,
    last: Decision,
    seen: [bool; 3],
    /// Attempts to renew.
    pub attempts: u64,
    /// When it got its first lease since this was emptied.
    pub first_renewed: Option<Time>,
}

/// Parts of a thousand of each plan.
const SHARES: [i64; 6] = [450, 200, 100, 100, 70, 80];

impl Device {
    /// The device of a seed, activated some time before `start`, the beginning of the outage; `None` where it would not be.
    pub fn new(seed: u64, index: u64, start: Time, server: &mut Server) -> Option<Self> {
        let mut rng = Rng::of(seed, index);
        let mut share = rng.within(0, 1_000);
        let plan = Plan::ALL.into_iter().zip(SHARES).find(|(_, part)| {
            share -= part;
            share < 0
        });
        let plan = plan.map_or(Plan::Perpetual, |(plan, _)| plan);
        let habit = Habit::of(plan, start.div_euclid(DAY), &mut rng);
        // Long enough for absences to matter. Floating seats know nothing of last week.
        let warm = if plan == Plan::Floating { 3 * DAY } else { 45 * DAY };
        // Whoever is not there before the outage is no customer yet.
        let (begins, _) = habit.session(start - warm - rng.within(0, DAY)).filter(|(begins, _)| *begins < start)?;
        let end = match plan {
            Plan::Trial => Some(start + rng.within(-4 * DAY, 30 * DAY)).filter(|end| *end > begins).or(Some(start)),
            _ => end_of(plan, begins, &mut rng),
        };
        let lease = server.renew(plan, end, 0, begins, &mut rng)?;
        let last =
            Decision { verdict: Verdict::Licensed, time: begins, due: lease.ren, notice: false, wake: lease.ren };
        let client = Client::activated(lease, habit.wall(begins, begins));
        let mut device = Self {
            plan,
            habit,
            client,
            now: begins,
            finished: false,
            rng,
            end,
            session: None,
            last,
            seen: [false; 3],
            attempts: 0,
            first_renewed: None,
        };
        device.session = device.habit.session(begins);
        device.decide(Event::Launch, 0);
        Some(device)
    }

    /// Lives on until `until`, with `service` answering. What is seen for the first time goes to `see`, as far as it is
    /// seen after `outage`.
    pub fn live(
        &mut self,
        until: Time,
        service: Service,
        outage: Time,
        server: &mut Server,
        see: &mut impl FnMut(Time, Sight),
    ) {
        while self.now < until && !self.finished {
            let Some((_, ends)) = self.session else {
                match self.habit.session(self.now) {
                    Some((begins, _)) if begins >= until => self.now = until,
                    Some(session) => {
                        self.now = self.now.max(session.0);
                        self.session = Some(session);
                        self.decide(Event::Launch, 0);
                        // A floating seat that was given back is asked for by the start of the program itself.
                        if !self.last.verdict.entitled() && service == Service::Up {
                            self.attempt(service, 0, server);
                        }
                        self.look(outage, see);
                    }
                    None => self.finished = true,
                }
                continue;
            };
            let attempt = self.now + (self.last.due - self.last.time).max(0);
            let wake = self.now.saturating_add((self.last.wake - self.last.time).max(1));
            let next = attempt.min(wake).min(ends).min(until);
            let elapsed = next - self.now;
            self.now = next;
            if next == attempt && next < ends && next < until {
                self.attempt(service, elapsed, server);
            } else {
                self.decide(Event::Tick, elapsed);
            }
            self.look(outage, see);
            if next == ends {
                self.session = None;
            }
        }
    }

    /// Until when it is in use, if it is at the moment it has lived to.
    pub fn in_use_until(&self) -> Option<Time> {
        self.session.map(|(_, ends)| ends)
    }

    /// Whether it should have renewed by now, or tried and failed.
    pub fn is_overdue(&self) -> bool {
        !self.finished && (self.client.failures > 0 || self.now >= self.client.lease.ren)
    }

    /// Its lease.
    pub const fn lease(&self) -> Lease {
        self.client.lease
    }

    fn decide(&mut self, event: Event, elapsed: i64) {
        let began = self.session.map_or(self.now, |(began, _)| began);
        let wall = self.habit.wall(self.now, began);
        self.last = self.client.decide(wall, elapsed, event, self.rng.bits32());
    }

    fn attempt(&mut self, service: Service, elapsed: i64, server: &mut Server) {
        self.attempts += 1;
        let (now, lease) = (self.now, self.client.lease);
        let event = match service {
            Service::Gone => Event::Failed(None),
            Service::Up => {
                // The next year is paid for a day before the old one ends.
                if self.plan == Plan::Subscription
                    && let Some(end) = self.end.filter(|end| now >= *end - DAY)
                {
                    self.end = Some((end + 365 * DAY).max(now + 300 * DAY));
                }
                let Some(lease) = server.renew(self.plan, self.end, lease.seq, now, &mut self.rng) else {
                    self.finished = true;
                    return;
                };
                Event::Renewed(lease)
            }
            Service::Continuity(known) => server
                .carry_on(self.plan, &lease, known, now, &mut self.rng)
                .map_or(Event::Failed(Some(PATIENCE)), Event::Renewed),
        };
        self.decide(event, elapsed);
        if matches!(event, Event::Renewed(_)) {
            self.first_renewed.get_or_insert(now);
        }
    }

    fn look(&mut self, outage: Time, see: &mut impl FnMut(Time, Sight)) {
        if self.now < outage || self.finished {
            return;
        }
        let sight = match self.last.verdict {
            verdict if verdict.entitled() && self.last.notice => Sight::Notice,
            verdict if verdict.entitled() => return,
            Verdict::Limited => Sight::Limited,
            _ => Sight::Lockout(self.cause(outage)),
        };
        let slot = match sight {
            Sight::Lockout(_) => 0,
            Sight::Limited => 1,
            Sight::Notice => 2,
        };
        if !std::mem::replace(&mut self.seen[slot], true) {
            see(self.now, sight);
        }
    }

    fn cause(&self, outage: Time) -> Cause {
        let Lease { iat, soft, exp, lic, .. } = self.client.lease;
        match () {
            () if exp < outage => Cause::RanOutBefore,
            // A clock that is a little ahead only ends a lease a little early.
            () if self.now + (26 * 3_600).min((exp - iat) / 10) <= exp => Cause::Clock,
            () if lic.is_some_and(|end| end <= exp) => Cause::LicenseEnded,
            () if soft < outage && self.plan != Plan::Floating => Cause::LongAway,
            () => Cause::Outage,
        }
    }
}
