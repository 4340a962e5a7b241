//! Effective time: it can be slowed, but neither stopped nor turned back.

use super::State;
use crate::claims::Lease;
use holdfast_domain::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

/// A clock that is behind by no more than this means nothing: a second operating system, a time zone.
const TOLERATED: Seconds = Seconds::hours(26);
/// For this much running time a suspicious clock changes nothing.
pub(super) const SUSPECT_SPAN: Seconds = Seconds::hours(72);
/// A mark beyond the newest server time by the lease's span and this is not believed.
const FUTURE_SPAN: Seconds = Seconds::days(30);
/// The longest a retry is ever put off: a `Retry-After` of a day with its jitter.
const LONGEST_RETRY: Seconds = Seconds::hours(30);
/// The retries after failures in a row; the last one from then on.
const RETRIES: [Seconds; 5] =
    [Seconds(30), Seconds::minutes(2), Seconds::minutes(10), Seconds::HOUR, Seconds::hours(6)];

/// What the clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The wall clock.
    pub wall: UnixSeconds,
    /// Running time by a monotonic clock since the previous reading that went into this state in this process; 0 for
    /// the first one. A negative value counts as 0.
    pub elapsed: Seconds,
}

/// A random number that spreads retries: a fraction of 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Jitter(pub u32);

impl Jitter {
    fn of(self, span: Seconds) -> Seconds {
        let part = (i128::from(span.0) * i128::from(self.0)) >> 32;
        Seconds(i64::try_from(part).unwrap_or(span.0))
    }

    /// Full jitter: anything from one second up to the span.
    fn full(self, span: Seconds) -> Seconds {
        Seconds(self.of(span).0.max(1))
    }

    /// The span and up to a quarter more.
    fn more(self, span: Seconds) -> Seconds {
        Seconds(span.0.saturating_add(self.of(Seconds(span.0 / 4)).0))
    }
}

/// The mark and the server time as they stand now, the running time included.
fn reference(state: &State) -> Option<UnixSeconds> {
    let marked = state.wall.map(|wall| wall.plus(state.wall_run));
    let served = state.server.map(|server| server.plus(state.server_run));
    marked.max(served)
}

/// Takes a reading in: counts running time, drops a mark that lies absurdly far in the future, finds a clock that was
/// set back, raises the mark. Returns the effective time.
pub(super) fn advance(state: &mut State, reading: Reading, lease_span: Seconds) -> UnixSeconds {
    let elapsed = Seconds(reading.elapsed.0.max(0));
    let add = |run: &mut Seconds| run.0 = run.0.max(0).saturating_add(elapsed.0);
    add(&mut state.wall_run);
    add(&mut state.server_run);

    if let (Some(wall), Some(server)) = (state.wall, state.server) {
        let limit = Seconds(lease_span.0.saturating_add(FUTURE_SPAN.0));
        // Only what the clock said can be absurd; the running time since then is our own.
        if wall.since(server) > limit {
            state.wall = None;
        }
    }
    let reference = reference(state);
    if reference.is_some_and(|reference| is_behind(reading.wall, reference)) {
        if state.suspect {
            add(&mut state.suspect_run);
        }
        state.suspect = true;
    }
    let now = reference.map_or(reading.wall, |reference| reference.max(reading.wall));
    if state.wall.is_none_or(|wall| reading.wall > wall.plus(state.wall_run)) {
        state.wall = Some(reading.wall);
        state.wall_run = Seconds(0);
    }
    now
}

fn is_behind(wall: UnixSeconds, reference: UnixSeconds) -> bool {
    reference.since(wall) > TOLERATED
}

/// Whether a clock that is behind has been used for so long that time-limited rights end.
pub(super) fn is_overdrawn(state: &State, reading: Reading) -> bool {
    state.suspect
        && state.suspect_run >= SUSPECT_SPAN
        && reference(state).is_some_and(|reference| is_behind(reading.wall, reference))
}

/// The effective time after a document brought a newer server time.
pub(super) fn effective(state: &State, reading: Reading, now: UnixSeconds) -> UnixSeconds {
    reference(state).map_or(now, |reference| reference.max(reading.wall)).max(now)
}

/// Takes the time of a verified and accepted document in, which clears any suspicion. That it was accepted makes it
/// newer than the one it follows; one that was kept back, and so proves nothing about now, does not come here. Of the
/// server times themselves the newest stays: two nodes may differ by a little.
pub(super) fn observe(state: &mut State, issued: UnixSeconds) {
    state.suspect = false;
    state.suspect_run = Seconds(0);
    if state.server.is_none_or(|server| issued > server) {
        state.server = Some(issued);
        state.server_run = Seconds(0);
    }
}

/// Dates noted while the clock stood in the future would block everything until they come: drop them.
pub(super) fn drop_future_dates(state: &mut State, now: UnixSeconds, lease: Option<&Lease>) {
    let latest = lease.map_or(now, |lease| lease.ren).max(now.plus(LONGEST_RETRY));
    if state.next.is_some_and(|next| next > latest) {
        state.next = Some(now);
    }
    for date in [&mut state.manifest_asked, &mut state.saved, &mut state.save_failed] {
        *date = date.filter(|date| *date <= now);
    }
}

/// Moves the retry clock: 30 seconds, 2 and 10 minutes, an hour, then six hours, each with full jitter; or what the
/// server asked for, between 30 seconds and a day. The next endpoint has its turn.
pub(super) fn retry(state: &mut State, now: UnixSeconds, asked: Option<Seconds>, jitter: Jitter) {
    let step = usize::try_from(state.failures).unwrap_or(usize::MAX).min(RETRIES.len() - 1);
    let delay = match asked {
        Some(asked) => jitter.more(Seconds(asked.0.clamp(30, Seconds::DAY.0))),
        None => jitter.full(RETRIES[step]),
    };
    state.failures = state.failures.saturating_add(1);
    state.next = Some(now.plus(delay));
    state.endpoint = state.endpoint.wrapping_add(1);
}

/// The next attempt after a denial: what was paused may come back, so keep asking, slowly.
pub(super) fn ask_again_later(state: &mut State, now: UnixSeconds, jitter: Jitter) {
    state.next = Some(now.plus(jitter.full(RETRIES[RETRIES.len() - 1])));
}

/// Whole days, rounded up; never negative.
pub(super) fn days_up(span: Seconds) -> i64 {
    span.0.max(0).saturating_add(Seconds::DAY.0 - 1) / Seconds::DAY.0
}
