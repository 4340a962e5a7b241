//! What runs beside the calls: following the feed, writing touches, rotating keys, clearing away what has run out.

use super::{jobs::HOUSEKEEPING, touch::Touch};
use crate::{Result, Service};
use holdfast_domain::{SeatId, Seconds, Timestamp, VendorId, entropy::random_bytes};
use holdfast_store::{
    NewChange, WriteOptions,
    changes::{self, ChangeKind},
    job_leases,
    seats::{self, SeatTouch},
};
use std::{future::Future, sync::atomic::Ordering, time::Duration};
use tokio::sync::watch;

/// How often waiting touches are written.
const FLUSH: Duration = Duration::from_secs(1);
/// How often renewals that were counted are added to the database.
const ADDING: Duration = Duration::from_mins(1);
/// How often is looked whether leases are to be counted again.
const COUNTING: Duration = Duration::from_secs(10);
/// How often is looked whether there is an act on many, and how long one rests between two pieces.
const ACTING: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(20);
/// How many touches share a job.
const FLUSH_BATCH: usize = 1_000;
/// How often to look whether there is work for the fleet to be done.
const LOOK: Duration = Duration::from_mins(1);
/// How long a task that fails is left alone.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// For how long changes are kept: a follower that was away for longer reads everything anew.
const CHANGES_KEPT: Seconds = Seconds::DAY;

type Stop = watch::Receiver<bool>;

impl Service {
    /// Follows the change feed, writes touches, counts leases, rotates issuing keys when they are due and prunes, until `shutdown`
    /// completes; then writes what is left. Never ends early: a part that fails is logged and tried again.
    pub async fn run_background(&self, shutdown: impl Future<Output = ()> + Send) {
        let (stop, stopped) = watch::channel(false);
        let ended = async {
            shutdown.await;
            // The receivers live beside this; without them there would be nobody to tell.
            let _ = stop.send(true);
        };
        tokio::join!(
            self.keep_following(stopped.clone()),
            self.keep_flushing(stopped.clone()),
            self.keep_adding(stopped.clone()),
            self.keep_house(stopped.clone()),
            self.keep_counting(stopped.clone()),
            self.keep_acting(stopped.clone()),
            self.keep_giving_notice(stopped),
            ended,
        );
        if let Err(error) = self.flush().await {
            tracing::warn!(?error, "the last touches could not be written");
        }
    }

    async fn keep_following(&self, mut stopped: Stop) {
        let (mut feed, mut log) = (None, Log::new("following the change feed"));
        loop {
            let ended = tokio::select! {
                result = self.follow_feed(&mut feed) => !log.note(&result),
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            if ended && pause(&mut stopped, AFTER_FAILURE).await {
                return;
            }
        }
    }

    async fn keep_flushing(&self, mut stopped: Stop) {
        let mut log = Log::new("writing touches");
        while !pause(&mut stopped, FLUSH).await {
            log.note(&self.account().await);
        }
    }

    async fn keep_adding(&self, mut stopped: Stop) {
        let mut log = Log::new("adding renewals");
        while !pause(&mut stopped, ADDING).await {
            log.note(&self.write_tally().await);
        }
    }

    /// Writes what waits, gives a sign of life, and accounts for what was granted without the database, now that it answers.
    async fn account(&self) -> Result<()> {
        let complete = self.settle().await?;
        self.beat().await?;
        self.tend_breakers().await?;
        if complete && self.state().feed.is_fresh() {
            self.reconcile(self.node()).await?;
        }
        Ok(())
    }

    async fn keep_counting(&self, mut stopped: Stop) {
        let mut log = Log::new("counting leases");
        loop {
            tokio::select! {
                result = self.count_again() => log.note(&result),
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            if pause(&mut stopped, COUNTING).await {
                return;
            }
        }
    }

    /// Does acts on many, piece by piece.
    async fn keep_acting(&self, mut stopped: Stop) {
        let mut log = Log::new("acts on many");
        let holder = u64::from_be_bytes(random_bytes(self.entropy())).to_string();
        loop {
            let more = tokio::select! {
                result = self.go_on_with_bulk(&holder) => {
                    let more = *result.as_ref().unwrap_or(&false);
                    log.note(&result.map(|_| ()));
                    more
                },
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            // Between two pieces others have their turn.
            if pause(&mut stopped, if more { BETWEEN } else { ACTING }).await {
                return;
            }
        }
    }

    /// Tells customers what they did not ask for.
    async fn keep_giving_notice(&self, mut stopped: Stop) {
        let mut log = Log::new("telling customers of their licenses (runtime.renewal_notices)");
        let holder = u64::from_be_bytes(random_bytes(self.entropy())).to_string();
        while !pause(&mut stopped, LOOK).await {
            tokio::select! {
                result = self.give_notice(&holder) => log.note(&result),
                _ = stopped.wait_for(|stop| *stop) => return,
            };
        }
    }

    async fn keep_house(&self, mut stopped: Stop) {
        let mut log = Log::new("housekeeping");
        let holder = u64::from_be_bytes(random_bytes(self.entropy())).to_string();
        let mut endpoints_published = self.is_sealed();
        loop {
            let result = async {
                if !endpoints_published {
                    self.publish_endpoints().await?;
                    endpoints_published = true;
                }
                self.housekeep(&holder).await
            };
            let done = tokio::select! {
                result = result => log.note(&result),
                _ = stopped.wait_for(|stop| *stop) => return,
            };
            if pause(&mut stopped, if done { LOOK } else { AFTER_FAILURE * 20 }).await {
                return;
            }
        }
    }

    /// Rotates keys that are due, prunes the change feed and what has ended, on one node at a time: whoever finds it due and
    /// takes it. The work itself is safe to be done twice; the lease only spares it.
    async fn housekeep(&self, holder: &str) -> Result<()> {
        let Some(token) = self.take_job(HOUSEKEEPING, holder).await? else { return Ok(()) };
        if !self.is_sealed() {
            self.rotate_due_keys().await?;
        }
        self.prune_sessions().await?;
        self.prune_sign_ins().await?;
        self.prune_portal().await?;
        self.prune_bundles().await?;
        self.prune_alerts().await?;
        self.prune_webhooks().await?;
        self.prune_shop_events().await?;
        self.prune_mails().await?;
        self.prune_notices().await?;
        self.prune_bulk_acts().await?;
        let now = self.now();
        self.store()
            .write(WriteOptions::default(), move |tx| {
                Box::pin(async move {
                    if job_leases::still_holds(tx, HOUSEKEEPING.name, token).await? {
                        changes::prune(tx, now.plus(Seconds(-CHANGES_KEPT.0))).await?;
                    }
                    Ok::<_, crate::Error>(())
                })
            })
            .await?;
        self.finish_job(HOUSEKEEPING, token).await
    }

    /// Writes the touches that wait, and adds the renewals that were counted. What cannot be written, or belongs to a seat
    /// that somebody else is changing, stays for the next time.
    pub async fn flush(&self) -> Result<()> {
        self.write_out().await?;
        self.write_tally().await
    }

    /// Writes the touches that wait, and tells whether all of them are written.
    pub(super) async fn write_out(&self) -> Result<bool> {
        let state = self.state();
        // What waits now; what comes meanwhile is for the next call.
        let mut rest = state.touches.take(usize::MAX);
        let mut complete = true;
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(FLUSH_BATCH));
            let batch = std::mem::replace(&mut rest, later);
            match self.write_touches(&batch).await {
                Ok(busy) => {
                    let busy: std::collections::HashSet<SeatId> = busy.into_iter().collect();
                    complete &= busy.is_empty();
                    let count = batch.len();
                    let left = batch.into_iter().filter(|touch| busy.contains(&touch.seat)).collect();
                    state.touches.written(count, left);
                }
                Err(error) => {
                    let count = batch.len() + rest.len();
                    state.touches.written(count, batch.into_iter().chain(rest).collect());
                    return Err(error);
                }
            }
            state.flushed_at.store(self.now().micros(), Ordering::Relaxed);
        }
        Ok(complete)
    }

    async fn write_touches(&self, batch: &[Touch]) -> Result<Vec<SeatId>> {
        let region = self.region();
        let rows: Vec<SeatTouch> = batch.iter().map(|touch| row(touch, region)).collect();
        let denied: Vec<(SeatId, VendorId)> =
            batch.iter().filter(|touch| touch.denial_seq > 0).map(|touch| (touch.seat, touch.vendor)).collect();
        let now = self.now();
        self.store()
            .write(WriteOptions::last().idempotent(), move |tx| {
                let (rows, denied) = (rows.clone(), denied.clone());
                Box::pin(async move {
                    let busy = seats::touch_many(tx, &rows).await?;
                    for (seat, vendor) in denied.into_iter().filter(|(seat, _)| !busy.contains(seat)) {
                        tx.change(numbered(seat, vendor, now));
                    }
                    Ok::<_, crate::Error>(busy)
                })
            })
            .await
    }
}

/// Lets every node read a seat again whose denials took numbers: the lease that overcomes them may come from any. Names
/// no product, since nothing on its revocation list has changed.
fn numbered(seat: SeatId, vendor: VendorId, at: Timestamp) -> NewChange {
    NewChange { vendor, product: None, kind: ChangeKind::Seat, subject: seat.to_bytes(), at }
}

fn row(touch: &Touch, region: Option<&str>) -> SeatTouch {
    SeatTouch {
        seat: touch.seat,
        last_seen_at: touch.seen_at,
        seq: touch.seq,
        denial_seq: touch.denial_seq,
        lease_ends_at: touch.lease_ends_at,
        offline_until: touch.hard_stop_at,
        app_version: touch.app_version.clone(),
        platform: touch.platform.clone(),
        continuity: touch.continuity,
        region: region.map(str::to_owned),
    }
}

/// Waits for `span`. True where the end was called meanwhile.
async fn pause(stopped: &mut Stop, span: Duration) -> bool {
    tokio::time::timeout(span, stopped.wait_for(|stop| *stop)).await.is_ok()
}

/// Tells the log when a task begins to fail and when it works again, not every time.
struct Log {
    what: &'static str,
    failing: bool,
}

impl Log {
    const fn new(what: &'static str) -> Self {
        Self { what, failing: false }
    }

    /// Notes a result; true where it is a good one.
    fn note(&mut self, result: &Result<()>) -> bool {
        match result {
            Ok(()) if self.failing => tracing::info!("{} works again", self.what),
            Ok(()) => {}
            Err(error) if self.failing => tracing::debug!(?error, "{} still fails", self.what),
            Err(error) => tracing::warn!(?error, "{} fails", self.what),
        }
        self.failing = result.is_err();
        result.is_ok()
    }
}
