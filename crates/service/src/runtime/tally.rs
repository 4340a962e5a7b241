//! How many leases this node has renewed, by vendor and day: counted in memory, added to the database once a minute.
//!
//! A renewal waits for no write and leaves none of its own, so it is counted where it is granted. What a node that is killed
//! has not added yet, a minute of it at most, is missing from the curve on the overview, and from nothing else.

use crate::{Result, Service};
use holdfast_domain::{Timestamp, VendorId};
use holdfast_store::{
    StoreError, WriteOptions,
    activity::{self, day_of},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is not in the database yet: by vendor and the day's beginning.
type Counts = BTreeMap<(VendorId, Timestamp), i64>;

/// Renewals that are to be added.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Counts>);

impl Tally {
    /// Counts a renewal.
    pub fn renewed(&self, vendor: VendorId, at: Timestamp) {
        *self.lock().entry((vendor, day_of(at))).or_default() += 1;
    }

    fn take(&self) -> Counts {
        std::mem::take(&mut self.lock())
    }

    fn give_back(&self, counts: Counts) {
        let mut waiting = self.lock();
        for (of, number) in counts {
            *waiting.entry(of).or_default() += number;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Numbers in a map are whole after every single operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Adds what was counted since. What could not be written waits for the next time; what may or may not have been is
    /// given up, so that nothing is counted twice.
    pub(super) async fn write_tally(&self) -> Result<()> {
        let counts = self.state().tally.take();
        if counts.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = counts.iter().map(|((vendor, day), number)| (*vendor, *day, *number)).collect();
        // By itself, so that what it waits for, another node at the same, holds up nobody else.
        let written = self.store().write::<(), StoreError, _>(WriteOptions::alone(), move |tx| {
            let rows = rows.clone();
            Box::pin(async move { activity::add_renewals(tx, &rows).await })
        });
        let written = written.await;
        if written.as_ref().is_err_and(|error| !matches!(error, StoreError::OutcomeUnknown(_))) {
            self.state().tally.give_back(counts);
        }
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_are_counted_by_vendor_and_day_and_what_was_not_written_waits() {
        let (tally, vendors) = (Tally::default(), [1, 2].map(|byte| VendorId::from_bytes([byte; 16])));
        let at = |seconds: i64| Timestamp::from_seconds(86_400 * 20_000 + seconds);
        for seconds in [0, 86_399, 86_400] {
            tally.renewed(vendors[0], at(seconds));
        }
        tally.renewed(vendors[1], at(5));
        let taken = tally.take();
        let (today, tomorrow) = (at(0), at(86_400));
        let counted = [((vendors[0], today), 2), ((vendors[0], tomorrow), 1), ((vendors[1], today), 1)];
        assert_eq!(taken, Counts::from(counted));
        assert!(tally.take().is_empty());
        tally.renewed(vendors[1], at(6));
        tally.give_back(taken);
        assert_eq!(tally.take().values().copied().collect::<Vec<_>>(), [2, 1, 2]);
    }
}
