//! The client's one pure decision: (stored state, clock reading, what just happened) → (new state, standing, action).
//!
//! No I/O, no clock, no randomness of its own; the same function runs in the client library, in the server ("explain
//! this device") and in the browser. Two rules carry it: only a verified, signed denial takes rights away before their
//! time, and nothing but a verified lease with a greater `seq` brings them back. It verifies every document itself, the
//! stored ones included, and trusts nothing but the pinned root keys.
//!
//! The caller reads the clock and the store, calls [`decide`], saves the state where [`Decision::save`] asks for it, and
//! carries out [`Decision::action`]. Where a choice was left open, the customer who pays wins:
//!
//! - A mark far in the future (see [`State`]) is dropped, but the clock as it reads now is believed. So a clock that
//!   really stands years ahead ends a lease, and correcting it brings the lease back.
//! - [`Standing::clock_suspect`] stays until a verified server time clears it, but the 72 hours count, and lock after
//!   they have passed, only while the clock is behind.
//! - A newer manifest that revokes the key of the stored lease does not end that lease: the manifest that verified it is
//!   kept beside the new one, and a renewal is due at once.

mod answer;
mod event;
mod merge;
mod outlook;
mod standing;
mod state;
mod stored;
mod time;

pub use event::{
    Action, Bad, Decision, Documents, Effect, Event, Keep, NetworkFault, NotOurs, Notice, Outcome, Request,
};
pub use merge::merge;
pub use outlook::{Coming, Turn};
pub use standing::{InvalidReason, Rule, Standing, Verdict};
pub use state::{State, StateError};
pub use time::{Jitter, Reading};

use crate::keyring::RootKeys;
use holdfast_domain::{Seconds, UnixSeconds};
use stored::Stored;

/// What the application was built with and where it runs.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The product id.
    pub product: &'a str,
    /// This device's hash, see [`crate::device_hash`].
    pub device: &'a str,
    /// The pinned root keys.
    pub roots: &'a RootKeys,
    /// The base addresses the application was built with, the preferred one first. Those of a verified manifest come
    /// before them.
    pub endpoints: &'a [String],
}

/// The mark is saved this often while the program runs.
const SAVE_INTERVAL: Seconds = Seconds::minutes(10);
/// A save that failed is tried again after this time.
const SAVE_RETRY: Seconds = Seconds::HOUR;
/// The manifest is fetched at most this often.
const MANIFEST_INTERVAL: Seconds = Seconds::HOUR;
/// Notices of grace are given in this last part of it only.
const NOTICE_SPAN: Seconds = Seconds::days(7);

/// Decides what follows from an event.
///
/// `reading` is the wall clock and the running time since the previous reading in this process; `jitter` is a fresh
/// random number, which only spreads retries. Never fails: what cannot be used changes nothing.
pub fn decide(setup: Setup<'_>, state: &State, reading: Reading, event: &Event, jitter: Jitter) -> Decision {
    let before = state;
    let mut state = state.clone();
    let mut stored = Stored::load(setup, &state);
    let mut now = time::advance(&mut state, reading, stored.span());
    time::drop_future_dates(&mut state, now, stored.lease.as_ref());

    let mut effects = Vec::new();
    let mut fetch_manifest = false;
    match event {
        Event::Launch => state.save_failed = None,
        Event::Tick | Event::Exit => {}
        Event::Saved => {
            state.saved = Some(now);
            state.save_failed = None;
        }
        Event::SaveFailed => state.save_failed = Some(now),
        Event::Answer { request, nonce, outcome } => {
            let mut answer = answer::Answer { setup, state: &mut state, stored: &mut stored, now, jitter, effects };
            fetch_manifest = answer.take(*request, nonce, outcome);
            effects = answer.effects;
            now = time::effective(&state, reading, now);
        }
    }

    let standing = standing::judge(&state, stored, reading, now);
    let notice = notice(&mut state, &standing, event);
    let action = action(setup, &mut state, &standing, fetch_manifest);
    let save = save(before, &state, event, now);
    Decision { state, standing, action, effects, notice, save }
}

/// A notice of grace: in the last seven days only, and at most one a day.
fn notice(state: &mut State, standing: &Standing, event: &Event) -> Option<Notice> {
    let Verdict::Grace { until } = standing.verdict else { return None };
    let today = standing.time.0.div_euclid(Seconds::DAY.0);
    let left = until.since(standing.time);
    if !matches!(event, Event::Launch | Event::Tick) || left > NOTICE_SPAN || state.notice_day == Some(today) {
        return None;
    }
    state.notice_day = Some(today);
    Some(Notice { until, days_left: time::days_up(left) })
}

/// What the caller does next over the network, if anything.
fn action(setup: Setup<'_>, state: &mut State, standing: &Standing, fetch_manifest: bool) -> Action {
    let now = standing.time;
    let endpoint = || endpoint(setup, state.endpoint, standing);
    if fetch_manifest {
        let Some(endpoint) = endpoint() else { return Action::Nothing };
        state.manifest_asked = Some(now);
        return Action::FetchManifest { endpoint };
    }
    let (due, action) = match (&standing.lease, standing.stored_refusal) {
        (Some(lease), _) => (
            state.next.unwrap_or(lease.ren),
            endpoint().map_or(Action::Nothing, |endpoint| Action::Revalidate { endpoint }),
        ),
        // The lease may be perfectly good: only the manifest that would tell is missing.
        (None, Some(crate::Refusal::KidUnknown)) => (
            state.manifest_asked.map_or(now, |asked| asked.plus(MANIFEST_INTERVAL)).max(state.next.unwrap_or(now)),
            endpoint().map_or(Action::Nothing, |endpoint| Action::FetchManifest { endpoint }),
        ),
        _ => return Action::Nothing,
    };
    if action == Action::Nothing {
        return Action::Nothing;
    }
    if due > now {
        return Action::Wait { until: due, seconds: due.since(now) };
    }
    if matches!(action, Action::FetchManifest { .. }) {
        state.manifest_asked = Some(now);
    }
    action
}

/// The address whose turn it is.
fn endpoint(setup: Setup<'_>, turn: u32, standing: &Standing) -> Option<String> {
    let announced: Vec<&String> = standing
        .manifest
        .iter()
        .flat_map(|manifest| manifest.endpoints.iter().flatten())
        // An announced address never leads down to plain http.
        .filter(|address| address.starts_with("https://"))
        .collect();
    let built_in = setup.endpoints.iter().filter(|address| !announced.contains(address));
    let all: Vec<&String> = announced.iter().copied().chain(built_in).collect();
    let turn = usize::try_from(turn).unwrap_or(0).checked_rem(all.len())?;
    all.get(turn).map(|address| (*address).clone())
}

/// Whether the state is to be written now.
fn save(before: &State, after: &State, event: &Event, now: UnixSeconds) -> bool {
    match event {
        Event::Saved | Event::SaveFailed => false,
        Event::Exit => true,
        _ => {
            if let Some(failed) = after.save_failed {
                return now.since(failed) >= SAVE_RETRY;
            }
            matches!(event, Event::Launch)
                || after.saved.is_none_or(|saved| now.since(saved) >= SAVE_INTERVAL)
                || after.without_clock() != before.without_clock()
        }
    }
}
