//! What renewals and denials leave to be written: the newest of each seat, in a bounded map that is flushed in batches.
//!
//! Neither waits for a write. Losing a touch costs a "last seen" date; the sequence numbers of later documents grow
//! without it, because they are never below the current second.

use holdfast_domain::{SeatId, Timestamp, VendorId};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What is to be remembered of a seat's newest lease, and of the number of its newest denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// The seat.
    pub seat: SeatId,
    /// Whose it is.
    pub vendor: VendorId,
    /// The newest denial's sequence number; 0 without one.
    pub denial_seq: i64,
    /// The newest lease's sequence number; 0 where there are denials only, and then so is everything that follows.
    pub seq: i64,
    /// When it was signed.
    pub seen_at: Timestamp,
    /// Its `soft` end.
    pub lease_ends_at: Timestamp,
    /// Its hard stop: until then the seat may be in use, whatever the server says.
    pub hard_stop_at: Timestamp,
    /// The application's version, where it was said.
    pub app_version: Option<String>,
    /// The platform, where it was said.
    pub platform: Option<String>,
    /// How many leases in a row were granted without the database.
    pub continuity: i64,
}

impl Touch {
    /// The number that a denial has taken.
    pub fn denial(seat: SeatId, vendor: VendorId, seq: i64) -> Self {
        let never = Timestamp::default();
        Self {
            seat,
            vendor,
            denial_seq: seq,
            seq: 0,
            seen_at: never,
            lease_ends_at: never,
            hard_stop_at: never,
            app_version: None,
            platform: None,
            continuity: 0,
        }
    }

    /// The newer of two touches of one seat, with what only the older one says.
    fn newer(self, other: Self) -> Self {
        let is_newer = (other.seq, other.seen_at) > (self.seq, self.seen_at);
        let (newer, older) = if is_newer { (other, self) } else { (self, other) };
        Self {
            denial_seq: newer.denial_seq.max(older.denial_seq),
            app_version: newer.app_version.or(older.app_version),
            platform: newer.platform.or(older.platform),
            ..newer
        }
    }
}

/// A bounded set of touches, the newest per seat.
pub(crate) struct Touches {
    pending: Mutex<Pending>,
    limit: usize,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Pending {
    waiting: HashMap<SeatId, Touch>,
    /// How many were taken out and are being written.
    taken: usize,
}

impl Touches {
    /// Room for `limit` seats.
    pub fn new(limit: usize) -> Self {
        Self { pending: Mutex::default(), limit, dropped: AtomicU64::new(0) }
    }

    /// Remembers `touch`, unless a newer one of the same seat is known. A seat for which there is no room is dropped and
    /// counted: false.
    pub fn put(&self, touch: Touch) -> bool {
        let kept = self.lock().put(touch, self.limit);
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// Takes up to `most` touches out, to be written; [`Self::written`] must follow.
    pub fn take(&self, most: usize) -> Vec<Touch> {
        let mut pending = self.lock();
        let waiting = &mut pending.waiting;
        let touches: Vec<Touch> = if waiting.len() <= most {
            std::mem::take(waiting).into_values().collect()
        } else {
            let seats: Vec<SeatId> = waiting.keys().take(most).copied().collect();
            seats.iter().filter_map(|seat| waiting.remove(seat)).collect()
        };
        pending.taken += touches.len();
        touches
    }

    /// Of as many as were taken out, all are written but `left`, which wait again.
    pub fn written(&self, taken: usize, left: Vec<Touch>) {
        let mut pending = self.lock();
        pending.taken = pending.taken.saturating_sub(taken);
        for touch in left {
            if !pending.put(touch, self.limit) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether none waits or is being written: everything that was signed is in the database.
    pub fn is_settled(&self) -> bool {
        let pending = self.lock();
        pending.waiting.is_empty() && pending.taken == 0
    }

    /// How many were dropped for want of room since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        // The map is valid after every single operation, so a panic elsewhere leaves nothing half done.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn put(&mut self, touch: Touch, limit: usize) -> bool {
        let full = self.waiting.len() >= limit;
        match self.waiting.entry(touch.seat) {
            Entry::Occupied(mut known) => {
                let newest = known.get().clone().newer(touch);
                known.insert(newest);
            }
            Entry::Vacant(_) if full => return false,
            Entry::Vacant(free) => {
                free.insert(touch);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(seat: u8, seq: i64) -> Touch {
        let at = Timestamp::from_seconds(seq);
        Touch {
            seat: SeatId::from_bytes([seat; 16]),
            vendor: VendorId::from_bytes([9; 16]),
            denial_seq: 0,
            seq,
            seen_at: at,
            lease_ends_at: at,
            hard_stop_at: at,
            app_version: None,
            platform: None,
            continuity: 0,
        }
    }

    #[test]
    fn the_newest_touch_of_a_seat_wins_in_any_order() {
        let touches = Touches::new(10);
        for seq in [3, 5, 4] {
            touches.put(touch(1, seq));
        }
        touches.put(Touch { app_version: Some("1.2".to_owned()), ..touch(1, 2) });
        assert_eq!(touches.take(10), [Touch { app_version: Some("1.2".to_owned()), ..touch(1, 5) }]);
        assert_eq!(touches.len(), 0);
    }

    #[test]
    fn a_denial_adds_its_number_and_leaves_the_lease_alone() {
        let touches = Touches::new(10);
        let denial = |seq: i64| Touch::denial(touch(1, 0).seat, touch(1, 0).vendor, seq);
        touches.put(denial(7));
        touches.put(touch(1, 5));
        touches.put(denial(8));
        touches.put(denial(6));
        assert_eq!(touches.take(10), [Touch { denial_seq: 8, ..touch(1, 5) }]);
    }

    #[test]
    fn the_map_is_bounded_and_counts_what_it_drops() {
        let touches = Touches::new(2);
        assert_eq!(
            (0..5).map(|seat| touches.put(touch(seat, 1))).collect::<Vec<_>>(),
            [true, true, false, false, false]
        );
        touches.put(touch(0, 2));
        assert_eq!((touches.len(), touches.dropped()), (2, 3));
        assert!(touches.take(10).contains(&touch(0, 2)), "a known seat is still brought up to date");
    }

    #[test]
    fn what_could_not_be_written_comes_back_without_hiding_what_is_newer() {
        let touches = Touches::new(10);
        (0..4).for_each(|seat| assert!(touches.put(touch(seat, 1))));
        let batch = touches.take(3);
        assert_eq!((batch.len(), touches.len()), (3, 1));
        assert!(!touches.is_settled());
        let seat = batch[0].seat;
        touches.put(Touch { seq: 9, ..batch[0].clone() });
        touches.written(3, batch);
        assert_eq!(touches.len(), 4);
        assert_eq!(touches.take(10).iter().find(|t| t.seat == seat).map(|t| t.seq), Some(9));
        assert!(!touches.is_settled(), "taken out is not written");
        touches.written(4, Vec::new());
        assert!(touches.is_settled());
    }
}
