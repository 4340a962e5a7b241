//! Turns the less important work away first when there is more than the node can do.

use super::request::Class;
use holdfast_domain::Seconds;
use holdfast_fleet::{Histogram, Pace};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long somebody who waits before a screen is sent away for.
const AT_ONCE: Seconds = Seconds(1);

/// The places for requests at work. Each class may fill them only up to its share, so that a flood on the console leaves
/// room for activations, and a flood of activations leaves room for renewals.
#[derive(Clone)]
pub struct Load {
    work: Arc<Work>,
    places: usize,
    answers: Arc<Mutex<(Histogram, Histogram)>>,
    began: Instant,
    pace: Arc<Mutex<Pace>>,
}

#[derive(Default)]
struct Work {
    /// Requests at work.
    now: AtomicUsize,
    /// Requests done.
    done: AtomicU64,
}

/// A place taken; given back when dropped.
pub struct Place(Arc<Work>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Load {
    /// Room for `places` requests at the same time.
    pub fn new(places: usize) -> Self {
        let rate = u64::try_from(places).unwrap_or(u64::MAX);
        let pace = Arc::new(Mutex::new(Pace::new(rate)));
        Self { work: Arc::default(), places, answers: Arc::default(), began: Instant::now(), pace }
    }

    /// How many requests may be at work.
    pub const fn places(&self) -> usize {
        self.places
    }

    /// Notes an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.0.record(took);
        if status >= 500 {
            answers.1.record(took);
        }
    }

    /// How long all answers took since the start, and those that were failures of the server.
    pub fn answers(&self) -> (Histogram, Histogram) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a place for a request of `class`.
    ///
    /// # Errors
    /// Where none is left for it: after how long it should be asked for again. A device that renews by itself gets a time of
    /// its own, when there is room for it; somebody who waits before a screen may try again at once.
    pub fn enter(&self, class: Class) -> Result<Place, Seconds> {
        let limit = (self.places * class.share()).div_ceil(100);
        let mut before = self.work.now.load(Ordering::Relaxed);
        while class == Class::Health || before < limit {
            let taken = self.work.now.compare_exchange_weak(before, before + 1, Ordering::Relaxed, Ordering::Relaxed);
            match taken {
                Ok(_) => return Ok(Place(Arc::clone(&self.work))),
                Err(now) => before = now,
            }
        }
        metrics::counter!("holdfast_http_shed_total", "class" => format!("{class:?}").to_lowercase()).increment(1);
        if class != Class::Renew {
            return Err(AT_ONCE);
        }
        let done = self.work.done.load(Ordering::Relaxed);
        Err(self.pace.lock().unwrap_or_else(PoisonError::into_inner).place(self.began.elapsed(), done))
    }

    /// How many requests are being worked on.
    pub fn working(&self) -> usize {
        self.work.now.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_turned_away_first_and_renewals_last() {
        let load = Load::new(10);
        let mut held: Vec<_> = (0..5).map(|_| load.enter(Class::Console).unwrap()).collect();
        assert!(load.enter(Class::Console).is_err());
        held.extend((0..3).map(|_| load.enter(Class::Activate).unwrap()));
        assert!(load.enter(Class::Activate).is_err());
        held.extend((0..2).map(|_| load.enter(Class::Renew).unwrap()));
        assert!(load.enter(Class::Renew).is_err());
        assert!(load.enter(Class::Health).is_ok());
        assert_eq!(load.working(), 10);
        held.clear();
        assert_eq!(load.working(), 0);
        assert!(load.enter(Class::Console).is_ok());
    }

    #[test]
    fn devices_are_given_times_of_their_own_and_people_are_not_kept_waiting() {
        let load = Load::new(2);
        let held = [load.enter(Class::Renew).unwrap(), load.enter(Class::Renew).unwrap()];
        let waits: Vec<_> = (0..20).map(|_| load.enter(Class::Renew).err().unwrap().0).collect();
        assert!(waits.first() == Some(&30) && waits.last() > Some(&35), "{waits:?}");
        assert_eq!(load.enter(Class::Activate).err(), Some(AT_ONCE));
        assert_eq!(load.enter(Class::Console).err(), Some(AT_ONCE));
        drop(held);
        assert!(load.enter(Class::Renew).is_ok());
    }
}
