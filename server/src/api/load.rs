//! Turns the less important work away first when there is more than the node can do.

use super::request::Class;
use holdfast_fleet::Histogram;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The places for requests at work. Each class may fill them only up to its share, so that a flood on the console leaves
/// room for activations, and a flood of activations leaves room for renewals.
#[derive(Clone)]
pub struct Load {
    working: Arc<AtomicUsize>,
    places: usize,
    answers: Arc<Mutex<(Histogram, Histogram)>>,
}

/// A place taken; given back when dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Load {
    /// Room for `places` requests at the same time.
    pub fn new(places: usize) -> Self {
        Self { working: Arc::default(), places, answers: Arc::default() }
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

    /// Takes a place for a request of `class`; `None` where none is left for it.
    pub fn enter(&self, class: Class) -> Option<Place> {
        let before = self.working.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.working));
        let limit = (self.places * class.share()).div_ceil(100);
        if class == Class::Health || before < limit {
            return Some(place);
        }
        metrics::counter!("holdfast_http_shed_total", "class" => format!("{class:?}").to_lowercase()).increment(1);
        None
    }

    /// How many requests are being worked on.
    pub fn working(&self) -> usize {
        self.working.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_turned_away_first_and_renewals_last() {
        let load = Load::new(10);
        let mut held: Vec<_> = (0..5).map(|_| load.enter(Class::Console).unwrap()).collect();
        assert!(load.enter(Class::Console).is_none());
        held.extend((0..3).map(|_| load.enter(Class::Activate).unwrap()));
        assert!(load.enter(Class::Activate).is_none());
        held.extend((0..2).map(|_| load.enter(Class::Renew).unwrap()));
        assert!(load.enter(Class::Renew).is_none());
        assert!(load.enter(Class::Health).is_some());
        assert_eq!(load.working(), 10);
        held.clear();
        assert_eq!(load.working(), 0);
        assert!(load.enter(Class::Console).is_some());
    }
}
