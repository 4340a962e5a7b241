//! Notices that the whole process stood still: frozen by its supervisor or its hypervisor, asleep with its machine.
//!
//! Whoever waited for it was served elsewhere meanwhile, and may have gone on from there: given up the seat that the request
//! in our hand is about to claim. So what was accepted before, and what lay in the sockets while nobody looked, is not
//! written any more.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// How often the clocks are looked at.
const TICK: Duration = Duration::from_millis(100);
/// A pause of this length is told from a busy machine. The load balancers give a node up that is silent for about as long.
const STOOD_STILL: Duration = Duration::from_millis(1_500);
/// For this long afterwards whatever comes may have been waiting in a socket.
const SETTLING: Duration = Duration::from_secs(1);

/// Watches the clocks of this process.
pub(crate) struct Awake(Mutex<Seen>);

struct Seen {
    last: Instant,
    /// The monotonic clock stands still while a machine sleeps; this one does not.
    wall: SystemTime,
    /// When the process was last found to have stood still.
    woken: Option<Instant>,
}

impl Seen {
    fn stale_before(&self) -> Option<Instant> {
        self.woken.map(|woken| woken + SETTLING)
    }
}

impl Awake {
    /// Begins to watch, in a thread of its own that ends with the last user of the value.
    pub fn watch() -> Arc<Self> {
        let awake = Arc::new(Self::new(Instant::now(), SystemTime::now()));
        let watched = Arc::downgrade(&awake);
        let spawned = thread::Builder::new().name("awake".into()).spawn(move || {
            while let Some(awake) = watched.upgrade() {
                awake.look(Instant::now(), SystemTime::now());
                drop(awake);
                thread::sleep(TICK);
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "nobody watches whether this process stands still: every pause in its work counts as one");
        }
        awake
    }

    fn new(now: Instant, wall: SystemTime) -> Self {
        Self(Mutex::new(Seen { last: now, wall, woken: None }))
    }

    /// Whoever asked before this moment may have been answered by somebody else; it may lie a little ahead.
    pub fn stale_before(&self) -> Option<Instant> {
        // Whoever comes first after a pause finds it: nobody waits for the thread.
        self.look(Instant::now(), SystemTime::now());
        self.seen().stale_before()
    }

    fn look(&self, now: Instant, wall: SystemTime) {
        let mut seen = self.seen();
        let asleep = wall.duration_since(seen.wall).unwrap_or_default();
        let stood = now.saturating_duration_since(seen.last).max(asleep);
        if stood >= STOOD_STILL {
            tracing::warn!(
                millis = stood.as_millis(),
                "this process stood still: what it was asked for before is refused"
            );
            seen.woken = Some(now);
        }
        (seen.last, seen.wall) = (now, wall);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Awake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Awake")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_makes_stale_what_was_asked_for_before_it_and_right_after() {
        let (start, wall) = (Instant::now(), SystemTime::now());
        let at = |millis| start + Duration::from_millis(millis);
        let stale = |awake: &Awake, since| awake.seen().stale_before().is_some_and(|before| since < before);
        let look = |awake: &Awake, millis, slept| {
            awake.look(at(millis), wall + Duration::from_millis(millis + slept));
        };
        let awake = Awake::new(start, wall);
        for millis in [100, 300, 1_500, 1_600] {
            look(&awake, millis, 0);
        }
        assert!(!stale(&awake, at(1_600)), "a busy machine");
        look(&awake, 4_000, 0);
        assert!(stale(&awake, at(1_600)) && stale(&awake, at(4_000)) && stale(&awake, at(4_900)));
        look(&awake, 4_100, 0);
        assert!(!stale(&awake, at(5_100)), "it goes on");
        // The machine slept, and its monotonic clock with it.
        look(&awake, 5_200, 60_000);
        assert!(stale(&awake, at(5_150)));
        // A clock that was set back is no pause.
        let awake = Awake::new(start, wall);
        awake.look(at(100), wall - Duration::from_hours(1));
        assert!(!stale(&awake, at(50)));
    }
}
