//! The denial breaker: a mistake of ours or of a vendor's must not lock everybody out at once.
//!
//! Where more seats of a product are denied within ten minutes than is usual, this node denies nothing more of it and answers
//! retryably; it writes that down, so that every node does the same, and a person has to look (architecture, "Denial
//! breaker"). What a device does again counts once; a denial that takes nobody's seat away counts once for its license, so
//! that nobody can trip the breaker by asking for devices that do not exist.

use super::{activate::DenialOf, hot::HotProduct};
use crate::{Call, Error, ErrorCode, Result, Service, admin::act::job};
use holdfast_domain::{ProductId, SeatId, Seconds, Timestamp};
use holdfast_fleet::{Denials, report::DenialsReport};
use holdfast_store::{
    Scope, WriteOptions,
    breakers::{self, BreakerRow},
    changes::ChangeKind,
};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The time over which denials are counted.
const WINDOW: Seconds = Seconds::minutes(10);
/// So many are always allowed.
const LEAST: u64 = 20;
/// So many times the usual number are.
const TIMES_USUAL: f64 = 5.0;
/// One in so many seats that are taken may be denied.
const SHARE: u64 = 50;
/// How many windows must have passed before it is known what is usual.
const LEARNT: u32 = 6;
/// Over how many windows the usual number is averaged: a day.
const AVERAGED: u32 = 144;
/// How many taken seats are counted at most: what is allowed stays below a number that fits into memory.
const SEATS: u32 = 500_000;
/// For how long a count of seats is used.
const SEATS_KNOWN: Seconds = Seconds::minutes(10);
/// When a device that would have been denied is to come back.
const COME_BACK: Seconds = Seconds::minutes(10);

/// What a node has denied lately.
#[derive(Default)]
pub(crate) struct Breaker(Mutex<HashMap<ProductId, Count>>);

/// What it has denied of a product.
struct Count {
    scope: Scope,
    hits: HashMap<SeatId, Timestamp>,
    swept_at: Timestamp,
    /// The window that is being counted for the average, and how many were hit in it.
    window_began: Timestamp,
    in_window: u32,
    /// How many are hit in a window on average, over so many windows.
    usual: f64,
    windows: u32,
    /// How many seats are taken, and since when that is known.
    seats: Option<(u64, Timestamp)>,
    /// It has tripped here, and that is yet to be written down.
    tripped: Option<BreakerRow>,
}

impl Count {
    fn new(scope: Scope, now: Timestamp) -> Self {
        Self {
            scope,
            hits: HashMap::new(),
            swept_at: now,
            window_began: now,
            in_window: 0,
            usual: 0.0,
            windows: 0,
            seats: None,
            tripped: None,
        }
    }

    /// How many may be hit within a window.
    fn allowed(&self) -> u64 {
        let of_seats = self.seats.map(|(seats, _)| seats / SHARE);
        // Before it is known what is usual, the share of the seats alone decides.
        let usual = (self.windows >= LEARNT).then(|| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates, and is not negative"
            )]
            let allowed = (TIMES_USUAL * self.usual).ceil() as u64;
            allowed
        });
        let both = usual.unwrap_or(u64::MAX).min(of_seats.unwrap_or(0));
        both.max(LEAST)
    }

    /// Forgets what is longer ago than the window, and learns from the windows that have passed.
    fn sweep(&mut self, now: Timestamp) {
        self.hits.retain(|_, at| now.since(*at) < WINDOW);
        self.swept_at = now;
        let passed = (now.since(self.window_began).0 / WINDOW.0).clamp(0, i64::from(AVERAGED) * 14);
        for _ in 0..passed {
            self.windows = (self.windows + 1).min(AVERAGED);
            self.usual += (f64::from(self.in_window) - self.usual) / f64::from(self.windows);
            self.in_window = 0;
        }
        if passed > 0 {
            self.window_began = now;
        }
    }

    fn denials(&self) -> Denials {
        Denials { recent: self.hits.len() as u64, limit: self.allowed(), tripped: self.tripped.is_some() }
    }
}

impl Breaker {
    fn counts(&self) -> MutexGuard<'_, HashMap<ProductId, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `hit` may be denied something at `now`. Counts it.
    ///
    /// `row` is what is written down of the product's breaker.
    fn admits(
        &self,
        (product, scope): (ProductId, Scope),
        row: Option<&BreakerRow>,
        hit: SeatId,
        now: Timestamp,
    ) -> bool {
        if row.is_some_and(BreakerRow::is_tripped) {
            return false;
        }
        let passes = row.and_then(|row| row.passes_until).is_some_and(|until| now < until);
        let mut counts = self.counts();
        let count = counts.entry(product).or_insert_with(|| Count::new(scope, now));
        if count.tripped.is_some() && !passes {
            return false;
        }
        if now.since(count.swept_at) >= Seconds(10) || count.hits.len() as u64 >= count.allowed() {
            count.sweep(now);
        }
        let (recent, allowed) = (count.hits.len() as u64, count.allowed());
        if count.hits.contains_key(&hit) || recent < allowed {
            count.in_window += u32::from(count.hits.insert(hit, now).is_none());
            return true;
        }
        if passes {
            return true;
        }
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        count.tripped = Some(BreakerRow {
            product,
            vendor: scope.vendor(),
            tripped_at: now,
            denials: number(recent + 1),
            allowed: number(allowed),
            passes_until: None,
        });
        tracing::error!(%product, denials = recent + 1, allowed, "too many denials: none until a person has looked");
        false
    }

    /// The products whose number of seats is to be looked up.
    fn unsure(&self, now: Timestamp) -> Vec<(ProductId, Scope)> {
        let unknown = |count: &Count| count.seats.is_none_or(|(_, at)| now.since(at) >= SEATS_KNOWN);
        let counts = self.counts();
        let wanted = counts.iter().filter(|(_, count)| !count.hits.is_empty() && unknown(count));
        wanted.map(|(product, count)| (*product, count.scope)).collect()
    }

    fn set_seats(&self, product: ProductId, seats: u64, now: Timestamp) {
        if let Some(count) = self.counts().get_mut(&product) {
            count.seats = Some((seats, now));
        }
    }

    /// The breakers that have tripped here and are not written down yet.
    fn unwritten(&self) -> Vec<BreakerRow> {
        self.counts().values().filter_map(|count| count.tripped.clone()).collect()
    }

    /// The row of the product decides from here on.
    fn written(&self, product: ProductId) {
        if let Some(count) = self.counts().get_mut(&product) {
            count.tripped = None;
        }
    }

    /// The products of which something was denied within the last window, those nearest to their breaker first, at most
    /// `most`. Forgets the others that have nothing to tell.
    fn lately(&self, most: usize, now: Timestamp) -> Vec<DenialsReport> {
        let mut counts = self.counts();
        counts.retain(|_, count| {
            count.sweep(now);
            !count.hits.is_empty() || count.tripped.is_some() || count.usual > 0.01
        });
        let told = counts.iter().filter(|(_, count)| !count.hits.is_empty() || count.tripped.is_some());
        let mut told: Vec<_> =
            told.map(|(product, count)| DenialsReport { product: *product, denials: count.denials() }).collect();
        told.sort_by_key(|told| {
            let per_mille = told.denials.recent.saturating_mul(1_000) / told.denials.limit.max(1);
            (std::cmp::Reverse((told.denials.tripped, per_mille)), told.product)
        });
        told.truncate(most);
        told
    }
}

impl Service {
    /// Whether the denial `of` may be signed. Otherwise the answer that takes nothing away.
    pub(super) fn may_deny(&self, product: &HotProduct, of: &DenialOf, now: Timestamp) -> Result<()> {
        let Some(hit) = of.loses else { return Ok(()) };
        if self.state().breaker.admits((product.product, product.scope), product.breaker.as_ref(), hit, now) {
            return Ok(());
        }
        Err(Error::new(ErrorCode::DenialsStopped).with_retry_after(COME_BACK))
    }

    /// Writes down which breakers have tripped here, and looks up what they need to know. Called every second.
    pub(super) async fn tend_breakers(&self) -> Result<()> {
        let breaker = &self.state().breaker;
        for row in breaker.unwritten() {
            let (service, id) = (self.clone(), row.product);
            let write = job!(service, row => |tx| {
                let scope = Scope::trusted(row.vendor);
                if breakers::trip(tx, scope, &row).await? {
                    let act = service.act(&Call::system(row.vendor));
                    let data = json!({ "denials": row.denials, "allowed": row.allowed });
                    act.event(tx, "product.denials_stopped", row.product, data);
                    act.changed(tx, ChangeKind::Product, Some(row.product), row.product.to_bytes());
                }
                Ok::<_, Error>(())
            });
            self.store().write(WriteOptions::default(), write).await?;
            self.state().hot.drop_product(id);
            breaker.written(id);
        }
        let now = self.now();
        for (product, scope) in breaker.unsure(now) {
            let seats = breakers::seats_taken(&mut self.store().reader(), scope, product, SEATS).await?;
            breaker.set_seats(product, seats, now);
        }
        Ok(())
    }

    /// The products of which this node has signed denials within the last ten minutes, those nearest to their breaker first,
    /// at most `most`.
    pub fn denials_lately(&self, most: usize) -> Vec<DenialsReport> {
        self.state().breaker.lately(most, self.now())
    }

    /// The products whose breakers have tripped, of every vendor, as the rules look at them.
    pub async fn breakers_tripped(&self) -> Result<Vec<DenialsReport>> {
        let rows = breakers::tripped(&mut self.store().reader()).await?;
        let denials = |row: &BreakerRow| Denials {
            recent: row.denials.unsigned_abs(),
            limit: row.allowed.unsigned_abs(),
            tripped: true,
        };
        Ok(rows.iter().map(|row| DenialsReport { product: row.product, denials: denials(row) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::VendorId;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    const PRODUCT: ProductId = ProductId::from_bytes([1; 16]);

    fn deny(breaker: &Breaker, row: Option<&BreakerRow>, seat: SeatId, now: Timestamp) -> bool {
        breaker.admits((PRODUCT, Scope::trusted(VendorId::from_bytes([2; 16]))), row, seat, now)
    }

    fn seat(n: u32) -> SeatId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        SeatId::from_bytes(bytes)
    }

    fn at(minutes: i64) -> Timestamp {
        NOW.plus(Seconds::minutes(minutes))
    }

    /// How many of different seats are denied at `now`.
    fn denied(breaker: &Breaker, row: Option<&BreakerRow>, seats: std::ops::Range<u32>, now: Timestamp) -> usize {
        seats.filter(|n| deny(breaker, row, seat(*n), now)).count()
    }

    #[test]
    fn twenty_are_denied_and_then_nobody_until_it_is_written_that_all_may_be() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            assert_eq!(denied(&breaker, None, 0..20, at(0)), 20, "the same devices again count once");
        }
        assert_eq!(denied(&breaker, None, 20..60, at(1)), 0);
        assert_eq!(denied(&breaker, None, 0..20, at(60)), 0, "not even later");
        let row = breaker.unwritten().remove(0);
        assert_eq!((row.denials, row.allowed), (21, 20));
        breaker.written(PRODUCT);
        assert_eq!(denied(&breaker, Some(&row), 0..1, at(60)), 0, "the row decides from then on");
        let passed = BreakerRow { passes_until: Some(at(120)), ..row };
        assert_eq!(denied(&breaker, Some(&passed), 0..500, at(60)), 500);
        assert_eq!(denied(&breaker, Some(&passed), 1_000..1_500, at(120)), 20, "and then as before");
    }

    #[test]
    fn a_slow_stream_of_denials_never_trips_it() {
        let breaker = Breaker::default();
        // 19 in every ten minutes.
        for n in 0..2_000 {
            assert!(deny(&breaker, None, seat(n), NOW.plus(Seconds(i64::from(n) * 600 / 19))), "{n}");
        }
    }

    #[test]
    fn what_is_allowed_follows_the_seats_and_what_is_usual() {
        let breaker = Breaker::default();
        let allowed = || breaker.counts()[&PRODUCT].allowed();
        assert!(deny(&breaker, None, seat(0), at(0)));
        assert_eq!(allowed(), LEAST, "nothing is known");
        assert_eq!(breaker.unsure(at(0)).len(), 1);
        breaker.set_seats(PRODUCT, 10_000, at(0));
        assert!(breaker.unsure(at(1)).is_empty());
        assert_eq!(allowed(), 200, "2 % of the seats, before it is known what is usual");
        // 8 in each of twenty windows.
        for window in 0..20 {
            assert_eq!(denied(&breaker, None, 100 * window..100 * window + 8, at(i64::from(window) * 10)), 8);
        }
        assert!((39..=41).contains(&allowed()), "five times the usual: {}", allowed());
        breaker.set_seats(PRODUCT, 500, at(200));
        assert_eq!(allowed(), LEAST, "2 % of few seats are fewer, but never fewer than this");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let breaker = Breaker::default();
        assert_eq!(denied(&breaker, None, 0..15, at(0)), 15);
        let told = breaker.lately(5, at(1));
        assert_eq!(told[0].denials, Denials { recent: 15, limit: 20, tripped: false });
        assert!(breaker.lately(5, at(11)).is_empty());
        for day in 1..20 {
            assert!(breaker.lately(5, at(day * 1_440)).is_empty());
        }
        assert!(breaker.counts().is_empty());
    }
}
