//! Continuity mode: what a node does while it cannot ask the database, and what it accounts for afterwards.
//!
//! A renewal that finds no database is granted on what the presented lease proves, on what this node remembers and on its
//! last snapshot, within the bounds of [`holdfast_domain::continuity`]. No seat is given out and nothing is denied: what
//! is known may have changed. Whoever is known to be denied gets no answer either, and keeps the lease it has.

use super::{
    document,
    hot::{HotLicense, HotProduct, HotSeat},
    renew::{Presented, check_proof},
    request::Renew,
    snapshot::Snapshot,
    touch::Touch,
};
use crate::{Error, ErrorCode, Result, Service};
use holdfast_domain::{
    Actor, Decision, EventId, LeaseId, NodeId, SeatId, Seconds, Timestamp, VendorId,
    continuity::{Bounds, Proven, carry_on},
    decide,
    decide::Jitter,
};
use holdfast_lease::Lease;
use holdfast_store::{NewEvent, Scope, StoreError, WriteOptions, seats};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a look-up waits for the database before the node goes on with what it remembers.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How often a database that does not answer is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// When a client whose lease is not carried on should ask again.
const LATER: Seconds = Seconds::minutes(2);
/// How many seats of a vendor are named when their leases are accounted for.
const NAMED: usize = 10_000;

/// What a node needs to go on alone, and what it did meanwhile.
pub(crate) struct Continuity {
    began: Instant,
    /// When the database may be asked again, in microseconds after `began`; 0 while it answers.
    next_try: AtomicU64,
    /// Held while a lease is being signed, shared; alone, while the moment is noted before which all are.
    signing: RwLock<()>,
    /// Up to when everything that was signed is written, in microseconds since the epoch.
    settled: AtomicI64,
    clock_off: AtomicBool,
    /// Whether the database says that this node runs, so that nobody gives away what it may have renewed.
    listed: AtomicBool,
    /// Up to when the database says that this node has settled, in microseconds since the epoch: what the others go by.
    vouched: AtomicI64,
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    /// Whether the snapshot is on the disk.
    kept: AtomicBool,
    granted: Mutex<BTreeMap<VendorId, Granted>>,
    leases: AtomicU64,
}

/// Leases granted to a vendor's seats without the database.
#[derive(Clone, Debug)]
struct Granted {
    first: Timestamp,
    last: Timestamp,
    leases: u64,
    seats: BTreeSet<SeatId>,
}

impl Continuity {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            next_try: AtomicU64::new(0),
            signing: RwLock::new(()),
            settled: AtomicI64::new(i64::MIN),
            clock_off: AtomicBool::new(false),
            listed: AtomicBool::new(false),
            vouched: AtomicI64::new(i64::MIN),
            snapshot: RwLock::new(None),
            kept: AtomicBool::new(false),
            granted: Mutex::default(),
            leases: AtomicU64::new(0),
        }
    }

    /// Whether the database is worth asking. While it does not answer, one caller a second finds out whether it does again.
    fn may_ask(&self) -> bool {
        let next = self.next_try.load(Ordering::Relaxed);
        if next == 0 {
            return true;
        }
        let now = self.micros(Duration::ZERO);
        now >= next
            && self.next_try.compare_exchange(next, self.micros(PAUSE), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The database has answered.
    pub fn works(&self) {
        self.next_try.store(0, Ordering::Relaxed);
    }

    fn micros(&self, more: Duration) -> u64 {
        u64::try_from((self.began.elapsed() + more).as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// Asks the database by `read`. Where there is a way to go on without the answer, not for long, and not where it has
    /// just not answered; whoever has no other way waits as long as the store does, since it may be back in a moment.
    pub async fn ask<T>(
        &self,
        way: Otherwise,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if way != Otherwise::Nothing && !self.may_ask() {
            return Err(StoreError::unavailable("the database does not answer"));
        }
        let answer = if way == Otherwise::Remembered {
            tokio::time::timeout(PATIENCE, read)
                .await
                .unwrap_or_else(|_| Err(StoreError::unavailable("no answer in time")))
        } else {
            // The store has limits of its own.
            read.await
        };
        let failed = answer.as_ref().is_err_and(StoreError::is_retryable);
        self.next_try.store(if failed { self.micros(PAUSE) } else { 0 }, Ordering::Relaxed);
        answer
    }

    /// To be held from reading the clock until the touch of what is signed waits to be written.
    pub fn signing(&self) -> RwLockReadGuard<'_, ()> {
        self.signing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last snapshot, taken here or read at the start.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn put_snapshot(&self, snapshot: Arc<Snapshot>) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }

    pub fn set_kept(&self, kept: bool) {
        self.kept.store(kept, Ordering::Release);
    }

    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    pub fn set_listed(&self, listed: bool) {
        self.listed.store(listed, Ordering::Release);
    }

    pub fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    /// Notes that the database says of this node that it has settled up to `at`.
    pub fn vouch(&self, at: Timestamp) {
        self.vouched.fetch_max(at.micros(), Ordering::AcqRel);
    }

    /// Up to when the database says that this node has settled; `None` where it has said so of no process of this node.
    pub fn vouched(&self) -> Option<Timestamp> {
        let at = self.vouched.load(Ordering::Acquire);
        (at != i64::MIN).then(|| Timestamp::from_micros(at))
    }

    /// How many leases were carried on since the start.
    pub fn leases(&self) -> u64 {
        self.leases.load(Ordering::Relaxed)
    }

    fn note(&self, vendor: VendorId, seat: SeatId, now: Timestamp) {
        self.leases.fetch_add(1, Ordering::Relaxed);
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let of = granted.entry(vendor).or_insert_with(|| Granted {
            first: now,
            last: now,
            leases: 0,
            seats: BTreeSet::new(),
        });
        of.leases += 1;
        of.last = of.last.max(now);
        if of.seats.len() < NAMED {
            of.seats.insert(seat);
        }
    }

    fn take_granted(&self) -> BTreeMap<VendorId, Granted> {
        std::mem::take(&mut *self.granted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, vendor: VendorId, granted: Granted) {
        let mut all = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = all.get_mut(&vendor) else {
            all.insert(vendor, granted);
            return;
        };
        of.first = of.first.min(granted.first);
        of.leases += granted.leases;
        of.seats.extend(granted.seats);
    }
}

/// What there is to go on with where the database does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// What this node remembers.
    Remembered,
    /// What the caller presents, or what lies on the node's disk.
    Presented,
    /// Nothing.
    Nothing,
}

/// What is remembered, and whether it is what the database says.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub value: T,
    /// False where the database could not be asked.
    pub current: bool,
}

/// No lease, and no reason that would be a "no".
fn not_now(why: &str) -> Error {
    Error::new(ErrorCode::Unavailable).with_detail(why).with_retry_after(LATER)
}

impl Service {
    /// When this node last knew what the database says; `None` where it never did.
    pub(crate) fn known_at(&self) -> Option<Timestamp> {
        let state = self.state();
        let read = state.continuity.snapshot().map(|snapshot| snapshot.known_at);
        state.feed.synced_at().max(read)
    }

    /// Tells this node that its clock is wrong, or right again: while it is wrong, nothing is signed.
    pub fn set_clock_off(&self, off: bool) {
        self.state().continuity.clock_off.store(off, Ordering::Release);
    }

    /// The error of a node whose clock is wrong.
    pub(super) fn check_clock(&self) -> Result<()> {
        if self.state().continuity.clock_off.load(Ordering::Acquire) {
            return Err(not_now("this node's clock is wrong, so it signs nothing"));
        }
        Ok(())
    }

    /// A moment before which every lease that was signed here waits to be written, or is.
    fn barrier(&self) -> Timestamp {
        let _alone = self.state().continuity.signing.write().unwrap_or_else(PoisonError::into_inner);
        self.now()
    }

    /// A moment before which everything that was signed here is written: now, if nothing waits.
    pub(super) fn settled_at(&self) -> Timestamp {
        let until = self.barrier();
        let state = self.state();
        if state.touches.is_settled() {
            return until;
        }
        Timestamp::from_micros(state.continuity.settled.load(Ordering::Acquire))
    }

    /// Writes everything that was signed until now; false where something of it still waits.
    pub(super) async fn settle(&self) -> Result<bool> {
        let until = self.barrier();
        let complete = self.write_out().await?;
        if complete {
            self.state().continuity.settled.fetch_max(until.micros(), Ordering::AcqRel);
        }
        Ok(complete)
    }

    /// Signs the lease that carries the presented one on, without the database: `rows` is what this node remembers of it.
    pub(super) fn carry_on(
        &self,
        product: &HotProduct,
        presented: &Presented,
        rows: Option<(&HotSeat, &HotLicense)>,
        input: &Renew,
        jitter: Jitter,
    ) -> Result<String> {
        let state = self.state();
        let continuity = &state.continuity;
        if !presented.proven {
            return Err(not_now("what this lease was signed with has been revoked"));
        }
        let device = input.device.as_ref().map_or(presented.device, |device| device.hash);
        let snapshot = continuity.snapshot();
        let listed = snapshot.is_some_and(|known| known.denies(presented.license, presented.seat));
        let remembered = rows.map(|(seat, license)| decide(license, &seat.seat, &device, self.now(), jitter));
        if listed || device != presented.device || matches!(remembered, Some(Decision::Deny(_))) {
            return Err(not_now("this can only be decided with the database"));
        }
        let seat = rows.map_or_else(|| presented.seat_row(self.now()), |(seat, _)| seat.seat.clone());
        check_proof(&seat, presented, input)?;
        let known = self.known_at().ok_or_else(|| not_now("this node has never known the database"))?;
        let proven = proven(&presented.lease, rows.map(|(_, license)| license.terms.lease));
        let floats = proven.may_float();
        if floats && !continuity.is_listed() {
            return Err(not_now("nobody knows that this node may have renewed this seat"));
        }
        // Of floating seats, what counts is what the others know of this node, not what it knows of the database.
        let known = continuity.vouched().filter(|_| floats).map_or(known, |vouched| vouched.min(known));
        if floats && continuity.vouched().is_some_and(|vouched| vouched.seconds() > proven.soft) {
            return Err(not_now("this node has vouched that it renews this seat no more"));
        }
        let counter = state.hot.counter(presented.seat, seat.seq.max(presented.lease.seq));
        let _signing = continuity.signing();
        let now = self.now();
        let (grant, in_a_row) = carry_on(&proven, self.bounds(), known, now, jitter)
            .ok_or_else(|| not_now("the database has been away for too long"))?;
        let seq = counter.claim(|newest| document::next_seq(presented.lease.seq, newest, now));
        let lease = Lease {
            jti: LeaseId::new(now, self.entropy()).to_string(),
            iat: grant.issued,
            nbf: grant.issued,
            ren: grant.renew,
            soft: grant.soft,
            exp: grant.exp,
            seq,
            cont: in_a_row,
            ..presented.lease.clone()
        };
        let token = document::sign(&lease, product)?;
        if let Some((seat, _)) = rows {
            seat.extend_lease(grant.soft);
        }
        let kept = state.touches.put(Touch {
            seat: presented.seat,
            vendor: product.vendor,
            denial_seq: 0,
            seq,
            seen_at: now,
            lease_ends_at: Timestamp::from(grant.soft),
            hard_stop_at: Timestamp::from(grant.exp),
            app_version: input.device.as_ref().and_then(|device| device.app_version.clone()),
            platform: input.device.as_ref().and_then(|device| device.platform.clone()),
            continuity: in_a_row,
        });
        if floats && !kept {
            return Err(not_now("this node can remember no more of what it renewed"));
        }
        continuity.note(product.vendor, presented.seat, now);
        Ok(token)
    }

    /// How far this node goes on without the database.
    pub(crate) fn bounds(&self) -> Bounds {
        self.settings().continuity
    }

    /// Accounts for what was granted without the database, once everything of it is written: an event for each vendor, with
    /// the seats that would not have been renewed had the database been there.
    pub(super) async fn reconcile(&self, node: Option<(NodeId, String)>) -> Result<()> {
        let continuity = &self.state().continuity;
        for (vendor, granted) in continuity.take_granted() {
            if let Err(error) = self.account_for(vendor, &granted, node.as_ref()).await {
                continuity.put_back(vendor, granted);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn account_for(&self, vendor: VendorId, granted: &Granted, node: Option<&(NodeId, String)>) -> Result<()> {
        let scope = Scope::trusted(vendor);
        let named: Vec<SeatId> = granted.seats.iter().copied().collect();
        let doubtful = seats::no_longer_entitled(&mut self.store().reader(), scope, &named, self.now()).await?;
        let now = self.now();
        let data = serde_json::json!({
            "node": node.map(|(id, _)| id), "name": node.map(|(_, name)| name),
            "from": granted.first, "until": granted.last, "leases": granted.leases, "seats": granted.seats.len(),
            "would_not_have_been_renewed": doubtful,
        });
        let id = EventId::new(now, self.entropy());
        let subject = node.map_or_else(|| vendor.to_string(), |(id, _)| id.to_string());
        self.store()
            .write(WriteOptions::default(), move |tx| {
                let (data, subject) = (data.clone(), subject.clone());
                Box::pin(async move {
                    tx.event(NewEvent {
                        id,
                        vendor,
                        at: now,
                        actor: Actor::System,
                        action: "continuity.reconciled",
                        subject,
                        data,
                        origin: String::new(),
                        request: String::new(),
                    });
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}

fn proven(lease: &Lease, usual: Option<Seconds>) -> Proven {
    Proven {
        mode: lease.mode,
        // The claims go over from lease to lease as they are.
        entitlements: holdfast_domain::Entitlements::new(),
        fallback: None,
        issued: lease.iat,
        renew: lease.ren,
        soft: lease.soft,
        exp: lease.exp,
        license_end: lease.lic,
        in_a_row: lease.cont,
        usual,
    }
}
