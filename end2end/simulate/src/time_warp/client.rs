//! The client decision without signatures: what [`holdfast_lease::client::decide`] does with the lease, the clocks and the
//! retries, for a million devices.
//!
//! The real function verifies every stored document at every step, which is right for an application and too slow here.
//! A test plays the same random events through both and compares what they say.

use holdfast_domain::{Grant, decide::Mode};

/// Seconds since the Unix epoch.
pub type Time = i64;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// A clock that is behind by no more than this means nothing.
const TOLERATED: i64 = 26 * HOUR;
/// For this much running time a suspicious clock changes nothing.
const SUSPECT_SPAN: i64 = 72 * HOUR;
/// A mark beyond the newest server time by the lease's span and this is not believed.
const FUTURE_SPAN: i64 = 30 * DAY;
/// The longest a retry is ever put off.
const LONGEST_RETRY: i64 = 30 * HOUR;
/// A `Retry-After` beyond this is ignored.
const HUGE_RETRY: i64 = 31 * DAY;
/// The shortest time between a lease and the next call.
const SHORTEST_PAUSE: i64 = 30;
/// Notices of grace are given in this last part of it only.
const NOTICE_SPAN: i64 = 7 * DAY;
const RETRIES: [i64; 5] = [30, 120, 600, HOUR, 6 * HOUR];

/// The times of a lease, and what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Full, trial or limited.
    pub mode: Mode,
    /// Whether something remains after its end.
    pub fallback: bool,
    /// Signed at.
    pub iat: Time,
    /// Do not renew before.
    pub ren: Time,
    /// End of the lease proper.
    pub soft: Time,
    /// The hard stop.
    pub exp: Time,
    /// End of the license.
    pub lic: Option<Time>,
    /// Its number.
    pub seq: i64,
    /// How many in a row were granted without the database.
    pub cont: i64,
}

impl Lease {
    /// The lease that a decision grants.
    pub fn of(grant: &Grant, presented: i64, cont: i64) -> Self {
        Self {
            mode: grant.mode,
            fallback: grant.fallback.is_some(),
            iat: grant.issued.0,
            ren: grant.renew.0,
            soft: grant.soft.0,
            exp: grant.exp.0,
            lic: grant.license_end.map(|end| end.0),
            seq: presented.saturating_add(1).max(grant.issued.0),
            cont,
        }
    }
}

/// What the application may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Full rights.
    Licensed,
    /// Full rights, on trial.
    Trial,
    /// Full rights, although the server could not be reached for long.
    Grace,
    /// The plan's fallback.
    Limited,
    /// No rights.
    Expired,
    /// The lease begins later.
    NotYetValid,
}

impl Verdict {
    /// Whether the application may run with full rights.
    pub const fn entitled(self) -> bool {
        matches!(self, Self::Licensed | Self::Trial | Self::Grace)
    }
}

/// What just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The program started.
    Launch,
    /// Time passed.
    Tick,
    /// A renewal brought a lease.
    Renewed(Lease),
    /// A renewal brought nothing; the server asked for so many seconds of patience, or said nothing.
    Failed(Option<i64>),
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the application may do.
    pub verdict: Verdict,
    /// The effective time.
    pub time: Time,
    /// When the next renewal is due, in effective time.
    pub due: Time,
    /// A notice of grace is shown.
    pub notice: bool,
    /// When the verdict changes or a notice is due if nothing happens, in effective time.
    pub wake: Time,
}

/// A device's stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its lease.
    pub lease: Lease,
    wall: Option<Time>,
    wall_run: i64,
    server: Option<Time>,
    server_run: i64,
    suspect: bool,
    suspect_run: i64,
    /// Failed renewals in a row.
    pub failures: u32,
    /// The next attempt, in effective time.
    pub next: Option<Time>,
    notice_day: Option<i64>,
}

impl Client {
    /// A client that has just got its first lease, with its clock at `wall`.
    pub fn activated(lease: Lease, wall: Time) -> Self {
        let now = wall.max(lease.iat);
        Self {
            lease,
            wall: Some(wall),
            wall_run: 0,
            server: Some(lease.iat),
            server_run: 0,
            suspect: false,
            suspect_run: 0,
            failures: 0,
            next: Some(lease.ren.max(now.min(wall) + SHORTEST_PAUSE)),
            notice_day: None,
        }
    }

    fn reference(&self) -> Option<Time> {
        let marked = self.wall.map(|wall| wall + self.wall_run);
        marked.max(self.server.map(|server| server + self.server_run))
    }

    fn is_behind(&self, wall: Time) -> bool {
        self.reference().is_some_and(|reference| reference - wall > TOLERATED)
    }

    /// Takes a reading of the wall clock and the running time since the last one in, and decides.
    pub fn decide(&mut self, wall: Time, elapsed: i64, event: Event, jitter: u32) -> Decision {
        let mut now = self.advance(wall, elapsed.max(0));
        match event {
            Event::Launch | Event::Tick => {}
            Event::Renewed(lease) => {
                self.renewed(lease, now, jitter);
                now = self.reference().map_or(now, |reference| reference.max(wall)).max(now);
            }
            Event::Failed(asked) => self.failed(now, asked, jitter),
        }
        let overdrawn = self.suspect && self.suspect_run >= SUSPECT_SPAN && self.is_behind(wall);
        let verdict = self.lease.verdict(if overdrawn { now.max(self.lease.exp + 1) } else { now });
        let launching = matches!(event, Event::Launch | Event::Tick);
        let notice = launching && verdict == Verdict::Grace && self.notice(now);
        Decision { verdict, time: now, due: self.next.unwrap_or(self.lease.ren), notice, wake: self.wake(now) }
    }

    fn advance(&mut self, wall: Time, elapsed: i64) -> Time {
        self.wall_run = self.wall_run.max(0) + elapsed;
        self.server_run = self.server_run.max(0) + elapsed;
        if let (Some(marked), Some(server)) = (self.wall, self.server)
            && marked - server > (self.lease.exp - self.lease.iat).max(0) + FUTURE_SPAN
        {
            self.wall = None;
        }
        let reference = self.reference();
        if self.is_behind(wall) {
            if self.suspect {
                self.suspect_run = self.suspect_run.max(0) + elapsed;
            }
            self.suspect = true;
        }
        let now = reference.map_or(wall, |reference| reference.max(wall));
        if self.wall.is_none_or(|marked| wall > marked + self.wall_run) {
            self.wall = Some(wall);
            self.wall_run = 0;
        }
        // Dates noted while the clock stood in the future would block everything until they come.
        if self.next.is_some_and(|next| next > self.lease.ren.max(now + LONGEST_RETRY)) {
            self.next = Some(now);
        }
        now
    }

    fn renewed(&mut self, lease: Lease, now: Time, jitter: u32) {
        if lease.seq <= self.lease.seq || lease.iat < self.lease.iat {
            return self.failed(now, None, jitter);
        }
        self.lease = lease;
        self.suspect = false;
        self.suspect_run = 0;
        if self.server.is_none_or(|server| lease.iat > server) {
            self.server = Some(lease.iat);
            self.server_run = 0;
        }
        self.failures = 0;
        self.next = Some(lease.ren.max(now + SHORTEST_PAUSE));
        self.notice_day = None;
    }

    fn failed(&mut self, now: Time, asked: Option<i64>, jitter: u32) {
        let of = |span: i64| i64::try_from((i128::from(span) * i128::from(jitter)) >> 32).unwrap_or(span);
        let step = usize::try_from(self.failures).unwrap_or(usize::MAX).min(RETRIES.len() - 1);
        let delay = match asked.filter(|asked| (0..=HUGE_RETRY).contains(asked)) {
            Some(asked) => {
                let asked = asked.clamp(30, DAY);
                asked + of(asked / 4)
            }
            None => of(RETRIES[step]).max(1),
        };
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now + delay);
    }

    fn notice(&mut self, now: Time) -> bool {
        let today = now.div_euclid(DAY);
        if self.lease.exp - now > NOTICE_SPAN || self.notice_day == Some(today) {
            return false;
        }
        self.notice_day = Some(today);
        true
    }

    /// The next moment after `now` at which there is something to see without any answer.
    fn wake(&self, now: Time) -> Time {
        let Lease { soft, exp, .. } = self.lease;
        let tomorrow = (now.div_euclid(DAY) + 1) * DAY;
        let notice = (exp - NOTICE_SPAN).max(soft + 1);
        let in_grace = if now >= notice { tomorrow } else { notice };
        [soft + 1, exp + 1, in_grace].into_iter().filter(|at| *at > now).min().unwrap_or(Time::MAX)
    }
}

impl Lease {
    fn verdict(&self, now: Time) -> Verdict {
        match self.mode {
            _ if now < self.iat => Verdict::NotYetValid,
            _ if now > self.exp && self.fallback => Verdict::Limited,
            _ if now > self.exp => Verdict::Expired,
            Mode::Limited => Verdict::Limited,
            _ if now > self.soft => Verdict::Grace,
            Mode::Licensed => Verdict::Licensed,
            Mode::Trial => Verdict::Trial,
        }
    }
}

#[cfg(test)]
mod tests;
