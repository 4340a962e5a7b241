//! Follows the change feed, so that what this node remembers is true, and knows how old its knowledge is.
//!
//! Polling is the truth, a notification only wakes the poller early. While the feed cannot be read, remembered rows count
//! as outdated: they are read again where the database answers, and used as they are only where it does not.

use super::hot::Hot;
use crate::{Result, Service};
use holdfast_domain::{LicenseId, ProductId, SeatId, Seconds, Timestamp};
use holdfast_store::changes::{self, Change, ChangeKind, Feed};
use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long a node waits between two looks at the feed when nothing wakes it.
const POLL: Duration = Duration::from_millis(500);
/// Knowledge older than this is not relied on: half of what a revocation may take to reach every node.
const FRESH: Duration = Duration::from_millis(1_900);
/// A gap longer than this may reach back beyond what the feed keeps: everything remembered is dropped.
const GAP: Duration = Duration::from_hours(1);
/// How many changes a full batch holds.
const FULL: usize = 1_000;
/// How many changes are looked at ahead of the follower, before forgetting everything is cheaper.
const AHEAD: u32 = 200;

/// How far a node has followed the feed.
pub(crate) struct Progress {
    began: Instant,
    /// The number of the last change applied.
    position: AtomicI64,
    /// When the node last knew that it had applied every change: microseconds after `began`, 0 for never.
    synced: AtomicU64,
    /// The same by the node's clock, in microseconds since the epoch; 0 for never.
    synced_at: AtomicI64,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            position: AtomicI64::new(0),
            synced: AtomicU64::new(0),
            synced_at: AtomicI64::new(0),
        }
    }

    /// The number of the last change applied.
    pub fn position(&self) -> i64 {
        self.position.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Option<Duration> {
        let synced = self.synced.load(Ordering::Relaxed);
        (synced != 0).then(|| self.began.elapsed().saturating_sub(Duration::from_micros(synced)))
    }

    /// How long ago the node last knew that it had applied every change, rounded down.
    pub fn age(&self) -> Option<Seconds> {
        self.elapsed().map(|age| Seconds(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)))
    }

    /// When the node last knew that it had applied every change, by its clock.
    pub fn synced_at(&self) -> Option<Timestamp> {
        let at = self.synced_at.load(Ordering::Relaxed);
        (at != 0).then(|| Timestamp::from_micros(at))
    }

    /// Whether what is remembered may be relied on.
    pub fn is_fresh(&self) -> bool {
        self.elapsed().is_some_and(|age| age < FRESH)
    }

    /// Everything committed before `at` has been applied, up to change number `position`.
    fn advance(&self, position: i64, (at, clock): (Instant, Timestamp)) {
        let micros = at.saturating_duration_since(self.began).as_micros();
        self.synced_at.store(clock.micros(), Ordering::Relaxed);
        self.position.store(position, Ordering::Relaxed);
        self.synced.store(u64::try_from(micros).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }
}

impl Service {
    /// Waits for changes, at most [`POLL`], and applies them. Fails where the feed cannot be read; `feed` is then begun
    /// anew by the next call.
    pub(super) async fn follow_feed(&self, feed: &mut Option<Feed>) -> Result<()> {
        let progress = &self.state().feed;
        let following = match feed {
            Some(feed) if progress.elapsed().is_some_and(|age| age < GAP) => feed,
            _ => {
                // Nothing that was remembered before is known to be true; what is read from here on will be followed.
                let asked = (Instant::now(), self.now());
                let position = changes::newest(&mut self.store().reader()).await?;
                self.state().hot.clear();
                progress.advance(position, asked);
                feed.insert(Feed::follow(self.store().db(), position, POLL))
            }
        };
        loop {
            let asked = (Instant::now(), self.now());
            let found = following.next().await?;
            self.state().continuity.works();
            for change in &found {
                apply(&self.state().hot, change);
            }
            // A full batch may have more behind it.
            if found.len() < FULL {
                progress.advance(following.position(), asked);
                return Ok(());
            }
        }
    }
}

impl Service {
    /// Forgets what the changes not yet followed make untrue, without waiting for the follower: whoever has just revoked
    /// a license through this node finds it revoked here. Where the feed cannot be read, the follower comes to it.
    pub(crate) async fn apply_own_changes(&self) {
        let state = self.state();
        match changes::since(&mut self.store().reader(), state.feed.position(), AHEAD).await {
            Ok(found) if found.len() < AHEAD as usize => found.iter().for_each(|change| apply(&state.hot, change)),
            Ok(_) => state.hot.clear(),
            Err(error) => tracing::debug!(%error, "own changes are left to the follower of the feed"),
        }
    }
}

fn apply(hot: &Hot, change: &Change) {
    let subject = change.subject.into_bytes();
    match change.kind {
        ChangeKind::License => hot.drop_license(LicenseId::from_bytes(subject)),
        ChangeKind::Seat => hot.drop_seat(SeatId::from_bytes(subject)),
        ChangeKind::Product => hot.drop_product(ProductId::from_bytes(subject)),
        ChangeKind::SigningKey | ChangeKind::Vendor => hot.drop_vendor(change.vendor),
        ChangeKind::Plan | ChangeKind::Member | ChangeKind::Token => {}
    }
    if let (ChangeKind::License | ChangeKind::Seat, Some(product)) = (change.kind, change.product) {
        hot.drop_revocations(product);
    }
}
