//! What this node remembers so that a renewal needs no database: bounded caches, kept true by the change feed.
//!
//! Everything in here can be read again by primary key. An entry is dropped when its row changes; an entry that was read
//! while its row changed is never kept (see [`Epochs`]).

use super::{gateway::HotGateway, request::SignedDocument, revocations::HotList};
use holdfast_domain::{License, LicenseId, ProductId, Seat, SeatId, Seconds, Timestamp, UnixSeconds, VendorId};
use holdfast_lease::{Keyring, SigningKey};
use holdfast_store::{Scope, breakers::BreakerRow};
use quick_cache::{Weighter, sync::Cache};
use std::{
    convert::Infallible,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// How much a node may remember. The defaults stay below 100 MB when full.
const SEATS: usize = 150_000;
/// A counter is needed for as long as a number waits to be written, which is a second or two.
const COUNTERS: usize = 50_000;
const LICENSES_WEIGHT: u64 = 32 << 20;
const LICENSES_ESTIMATE: usize = 40_000;
const KEYS: usize = 50_000;
const PRODUCTS: usize = 2_000;
/// For how long it is remembered that there is no product of an id.
const ABSENT: Seconds = Seconds(10);

/// A product as far as its documents need it.
pub(crate) struct HotProduct {
    pub product: ProductId,
    pub vendor: VendorId,
    pub scope: Scope,
    /// The ids as documents carry them.
    pub product_text: String,
    pub vendor_text: String,
    /// The active issuing key; absent on a node without the master key.
    pub signer: Option<Arc<SigningKey>>,
    /// Until when it may sign.
    pub signs_until: Timestamp,
    /// Every issuing key of the product, revoked ones marked as such.
    pub keyring: Keyring,
    /// The revoked ones alone, as if they were not: what they signed proves nothing, but it names a seat.
    pub revoked: Option<Keyring>,
    /// The newest key manifest: its sequence number, and the document to hand to this product's clients.
    pub manifest: Option<HotManifest>,
    /// Its denial breaker, where that has ever tripped.
    pub breaker: Option<BreakerRow>,
    /// The other systems' clients it answers; absent where the database could not be asked.
    pub gateways: Option<Vec<Arc<HotGateway>>>,
    pub loaded_at: Timestamp,
}

/// A key manifest ready to be served.
#[derive(Clone)]
pub(crate) struct HotManifest {
    pub seq: i64,
    pub document: Arc<SignedDocument>,
}

/// The greatest sequence number known for a seat. It outlives what is remembered of the seat's row: the numbers of a
/// denial and of the lease that overcomes it are further apart than the row's reading.
pub(crate) struct SeqCounter(AtomicI64);

impl SeqCounter {
    /// Claims the next number: `next` of the greatest one known. Two claims at once get different ones.
    pub fn claim(&self, next: impl Fn(i64) -> i64) -> i64 {
        let mut known = self.0.load(Ordering::Relaxed);
        loop {
            let wanted = next(known);
            match self.0.compare_exchange_weak(known, wanted, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return wanted,
                Err(newer) => known = newer,
            }
        }
    }
}

/// A seat, and the numbers handed out for it.
pub(crate) struct HotSeat {
    pub seat: Seat,
    seq: Arc<SeqCounter>,
    /// The `soft` end of the newest lease known, in seconds.
    lease_ends_at: AtomicI64,
}

impl HotSeat {
    /// The seat with its counter, see [`Hot::counter`].
    pub fn new(seat: Seat, seq: Arc<SeqCounter>) -> Self {
        let lease_ends_at = AtomicI64::new(seat.lease_ends_at.seconds().0);
        Self { seat, seq, lease_ends_at }
    }

    /// Notes a lease that ends at `soft`.
    pub fn extend_lease(&self, soft: UnixSeconds) {
        self.lease_ends_at.fetch_max(soft.0, Ordering::Relaxed);
    }

    /// The `soft` end of the newest lease known here.
    pub fn lease_ends_at(&self) -> UnixSeconds {
        UnixSeconds(self.lease_ends_at.load(Ordering::Relaxed))
    }

    /// Claims the next sequence number: `next` of the greatest one known. Two renewals at once get different ones.
    pub fn claim_seq(&self, next: impl Fn(i64) -> i64) -> i64 {
        self.seq.claim(next)
    }
}

/// A license, and the hash of the key under which it is found now.
pub(crate) struct HotLicense {
    pub license: License,
    pub key_hash: [u8; 32],
}

impl Deref for HotLicense {
    type Target = License;

    fn deref(&self) -> &License {
        &self.license
    }
}

/// Bytes of a license, roughly: the struct, its entitlements and the bookkeeping around them.
#[derive(Clone)]
struct LicenseWeight;

impl Weighter<LicenseId, Arc<HotLicense>> for LicenseWeight {
    fn weight(&self, _: &LicenseId, license: &Arc<HotLicense>) -> u64 {
        let sets = [Some(&license.terms.entitlements), license.terms.fallback.as_ref(), Some(&license.overrides)];
        let entries: usize = sets.into_iter().flatten().map(holdfast_domain::Entitlements::len).sum();
        600 + 120 * entries as u64
    }
}

/// Counters that tell whether a row may have changed while it was being read.
///
/// A reader notes the counter before it reads and compares it after it has stored what it read; whoever learns of a
/// change raises the counter before dropping the entry. Whichever comes first, no outdated entry stays.
struct Epochs([AtomicU64; 256]);

impl Epochs {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 256])
    }

    fn slot(&self, key: &impl Hash) -> &AtomicU64 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        &self.0[(hash & 0xff) as usize]
    }
}

/// The state of a row's counter before it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(u64);

/// The node's bounded memory.
pub(crate) struct Hot {
    seats: Cache<SeatId, Arc<HotSeat>>,
    /// Never forgotten because of a change: numbers only grow.
    counters: Cache<SeatId, Arc<SeqCounter>>,
    licenses: Cache<LicenseId, Arc<HotLicense>, LicenseWeight>,
    keys: Cache<(ProductId, [u8; 32]), LicenseId>,
    products: Cache<ProductId, Arc<HotProduct>>,
    /// Ids of no product, and when that was found.
    absences: Cache<ProductId, Timestamp>,
    revocations: Cache<ProductId, Arc<HotList>>,
    /// The last list signed here, true or not.
    last_lists: Cache<ProductId, Arc<HotList>>,
    epochs: Epochs,
}

macro_rules! entries {
    ($($(#[$doc:meta])* $get:ident, $put:ident, $drop:ident: $field:ident[$key:ty] = $value:ty;)*) => {$(
        $(#[$doc])*
        pub fn $get(&self, key: $key) -> Option<$value> {
            self.$field.get(&key)
        }

        /// Remembers what was read after `epoch` was noted, unless it changed meanwhile.
        pub fn $put(&self, key: $key, value: $value, epoch: Epoch) {
            self.$field.insert(key, value);
            if self.epochs.slot(&key).load(Ordering::SeqCst) != epoch.0 {
                self.$field.remove(&key);
            }
        }

        /// Forgets it: it has changed.
        pub fn $drop(&self, key: $key) {
            self.epochs.slot(&key).fetch_add(1, Ordering::SeqCst);
            self.$field.remove(&key);
        }
    )*};
}

impl Hot {
    pub fn new() -> Self {
        Self {
            seats: Cache::new(SEATS),
            counters: Cache::new(COUNTERS),
            licenses: Cache::with_weighter(LICENSES_ESTIMATE, LICENSES_WEIGHT, LicenseWeight),
            keys: Cache::new(KEYS),
            products: Cache::new(PRODUCTS),
            absences: Cache::new(PRODUCTS),
            revocations: Cache::new(PRODUCTS),
            last_lists: Cache::new(PRODUCTS),
            epochs: Epochs::new(),
        }
    }

    /// To be noted before the row of `key` is read.
    pub fn epoch(&self, key: &impl Hash) -> Epoch {
        Epoch(self.epochs.slot(key).load(Ordering::SeqCst))
    }

    entries! {
        /// A seat.
        seat, put_seat, drop_seat: seats[SeatId] = Arc<HotSeat>;
        /// A license.
        license, put_license, drop_license: licenses[LicenseId] = Arc<HotLicense>;
        /// The license of a key, by the key's hash.
        key, put_key, drop_key: keys[(ProductId, [u8; 32])] = LicenseId;
        /// A product with its keys.
        product, put_product, forget_product: products[ProductId] = Arc<HotProduct>;
        /// When it was found that there is no such product.
        absence, put_absence, drop_absence: absences[ProductId] = Timestamp;
        /// A product's revocation list.
        revocations, put_revocations, drop_revocations: revocations[ProductId] = Arc<HotList>;
    }

    /// Forgets a product, also that there is none: it has changed, or is new.
    pub fn drop_product(&self, id: ProductId) {
        self.forget_product(id);
        self.drop_absence(id);
    }

    /// Whether it was found shortly before `now` that there is no such product.
    pub fn is_absent(&self, id: ProductId, now: Timestamp) -> bool {
        self.absence(id).is_some_and(|at| now.since(at) < ABSENT)
    }

    /// The counter of a seat whose row says `known`.
    pub fn counter(&self, seat: SeatId, known: i64) -> Arc<SeqCounter> {
        let new = || Ok::<_, Infallible>(Arc::new(SeqCounter(AtomicI64::new(known))));
        let counter = match self.counters.get_or_insert_with(&seat, new) {
            Ok(counter) => counter,
            Err(never) => match never {},
        };
        counter.0.fetch_max(known, Ordering::Relaxed);
        counter
    }

    /// The last revocation list that this node signed for a product, whatever has changed since.
    pub fn last_list(&self, product: ProductId) -> Option<Arc<HotList>> {
        self.last_lists.get(&product)
    }

    /// Remembers the list just signed.
    pub fn put_last_list(&self, product: ProductId, list: Arc<HotList>) {
        self.last_lists.insert(product, list);
    }

    /// Forgets everything: the feed was lost, so nothing is known to be true any more.
    pub fn clear(&self) {
        for slot in &self.epochs.0 {
            slot.fetch_add(1, Ordering::SeqCst);
        }
        self.seats.clear();
        self.licenses.clear();
        self.keys.clear();
        self.products.clear();
        self.absences.clear();
        self.revocations.clear();
    }

    /// Forgets every product of a vendor: its keys or its manifest have changed.
    pub fn drop_vendor(&self, vendor: VendorId) {
        let products: Vec<ProductId> =
            self.products.iter().filter(|(_, product)| product.vendor == vendor).map(|(id, _)| id).collect();
        for product in products {
            self.drop_product(product);
        }
    }

    /// How many entries there are in all.
    pub fn len(&self) -> usize {
        self.seats.len() + self.licenses.len() + self.keys.len() + self.products.len() + self.revocations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::{DeviceHash, SeatState};

    fn hot_seat(hot: &Hot, seat: Seat) -> Arc<HotSeat> {
        let counter = hot.counter(seat.id, seat.seq);
        Arc::new(HotSeat::new(seat, counter))
    }

    fn seat(n: u8) -> Seat {
        Seat {
            id: SeatId::from_bytes([n; 16]),
            license: LicenseId::from_bytes([1; 16]),
            device: DeviceHash::from_bytes([2; 32]),
            user: None,
            state: SeatState::Active,
            seq: 5,
            device_key: None,
            borrowed_until: None,
            lease_ends_at: Timestamp::from_seconds(1),
            claimed_at: Timestamp::from_seconds(0),
        }
    }

    #[test]
    fn an_entry_read_while_its_row_changed_is_not_kept() {
        let hot = Hot::new();
        let id = seat(1).id;
        let before = hot.epoch(&id);
        hot.drop_seat(id);
        hot.put_seat(id, hot_seat(&hot, seat(1)), before);
        assert!(hot.seat(id).is_none(), "the change came between the read and the insertion");
        let after = hot.epoch(&id);
        hot.put_seat(id, hot_seat(&hot, seat(1)), after);
        assert!(hot.seat(id).is_some());
        hot.drop_seat(id);
        assert!(hot.seat(id).is_none());
    }

    #[test]
    fn that_there_is_no_product_is_remembered_shortly_and_until_there_is_one() {
        let hot = Hot::new();
        let (id, now) = (ProductId::from_bytes([1; 16]), Timestamp::from_seconds(1_000));
        assert!(!hot.is_absent(id, now));
        let before = hot.epoch(&id);
        hot.put_absence(id, now, before);
        assert!(hot.is_absent(id, now.plus(Seconds(9))));
        assert!(!hot.is_absent(id, now.plus(ABSENT)));
        hot.drop_product(id);
        assert!(!hot.is_absent(id, now), "it was made");
        hot.put_absence(id, now, before);
        assert!(!hot.is_absent(id, now), "it was made while it was looked for");
        hot.put_absence(id, now, hot.epoch(&id));
        hot.clear();
        assert!(!hot.is_absent(id, now));
    }

    #[test]
    fn clearing_also_keeps_out_what_is_being_read() {
        let hot = Hot::new();
        let id = seat(1).id;
        let before = hot.epoch(&id);
        hot.clear();
        hot.put_seat(id, hot_seat(&hot, seat(1)), before);
        assert_eq!(hot.len(), 0);
    }

    #[test]
    fn simultaneous_renewals_get_different_sequence_numbers() {
        let hot = hot_seat(&Hot::new(), seat(1));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let hot = Arc::clone(&hot);
                std::thread::spawn(move || (0..500).map(|_| hot.claim_seq(|known| known + 1)).collect::<Vec<_>>())
            })
            .collect();
        let mut all: Vec<i64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, (6..2_006).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_survive_the_forgetting_of_the_row() {
        let hot = Hot::new();
        let next = |known: i64| known + 1;
        assert_eq!(hot_seat(&hot, seat(1)).claim_seq(next), 6);
        hot.drop_seat(seat(1).id);
        hot.clear();
        assert_eq!(hot_seat(&hot, seat(1)).claim_seq(next), 7, "the row still says 5");
        assert_eq!(hot_seat(&hot, Seat { seq: 20, ..seat(1) }).claim_seq(next), 21, "another node was ahead");
        assert_eq!(hot_seat(&hot, seat(2)).claim_seq(next), 6, "every seat has its own");
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let hot = Hot::new();
        for n in 0..(SEATS as u64 + 50_000) {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            let id = SeatId::from_bytes(bytes);
            hot.put_seat(id, hot_seat(&hot, Seat { id, ..seat(1) }), hot.epoch(&id));
        }
        assert!(hot.len() <= SEATS, "{}", hot.len());
        assert!(hot.counters.len() <= COUNTERS, "{}", hot.counters.len());
    }
}
