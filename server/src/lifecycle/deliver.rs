//! Delivers webhooks: on one node at a time, each receiver beside the others, so that a slow one holds up nobody else.

use crate::outbound::{Outbound, PATIENCE as CALL};
use futures::future::join_all;
use holdfast_domain::{Timestamp, VendorId, WebhookId};
use holdfast_service::{
    Service,
    runtime::{
        Duty,
        webhooks::{Answer, Attempt, Dispatch},
    },
};
use holdfast_store::webhooks::WebhookRow;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// How often to look whether something is to be delivered.
const EVERY: Duration = Duration::from_millis(500);
/// How long the database may take for one step of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many calls are made to one receiver at the same time, to those of one vendor, and to all together: a vendor with many
/// slow ones holds up nobody else.
const CALLS: (u32, usize, usize) = (8, 16, 64);
/// How many handfuls of messages are handed out before anything is sent: not all of a flood first.
const HANDFULS: usize = 20;
/// How long a node that ends waits for what it has begun.
const FINISH: Duration = Duration::from_millis(1_500);

/// What goes to all receivers.
#[derive(Clone)]
struct Sender {
    service: Service,
    outbound: Outbound,
    calls: Arc<Semaphore>,
}

/// What goes to one receiver.
struct Line {
    webhook: WebhookRow,
    duty: Duty,
    /// The calls to all receivers of its vendor.
    calls: Arc<Semaphore>,
}

/// Delivers until `stop` is cancelled.
pub(super) async fn run(service: Service, stop: CancellationToken) {
    let outbound = Outbound::new(service.settings().webhooks_allow_private);
    let sender = Sender { service, outbound, calls: Arc::new(Semaphore::new(CALLS.2)) };
    let (mut duty, mut running) = (None, JoinSet::new());
    let mut vendors: HashMap<VendorId, Arc<Semaphore>> = HashMap::new();
    // Which receiver each of them is for.
    let mut busy = HashMap::new();
    while timeout(EVERY, stop.cancelled()).await.is_err() {
        while let Some(ended) = running.try_join_next_with_id() {
            let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
            busy.remove(&id);
        }
        vendors.retain(|_, calls| Arc::strong_count(calls) > 1);
        let Some(due) = sender.due(&mut duty).await else { continue };
        let Some(held) = duty else { continue };
        for webhook in due {
            let is_busy = busy.values().any(|of: &WebhookId| *of == webhook.id);
            if !is_busy {
                let (id, calls) = (webhook.id, vendors.entry(webhook.vendor));
                let calls = Arc::clone(calls.or_insert_with(|| Arc::new(Semaphore::new(CALLS.1))));
                let line = Line { webhook, duty: held, calls };
                busy.insert(running.spawn(sender.clone().deliver_to(line)).id(), id);
            }
        }
    }
    let ended = timeout(FINISH, async { while running.join_next().await.is_some() {} }).await;
    // What is still on its way is better not sent by somebody else meanwhile.
    if duty.is_some() && ended.is_ok() {
        let _ = timeout(PATIENCE, sender.service.stop_delivering()).await;
    }
}

impl Sender {
    /// Hands out what waits in the outbox, and returns the webhooks to which something is due; `None` where nothing is to be
    /// done here.
    async fn due(&self, duty: &mut Option<Duty>) -> Option<Vec<WebhookRow>> {
        let due = async {
            let (due, waiting) = self.service.webhooks_due().await?;
            if self.service.is_sealed() || due.is_empty() && !waiting {
                return Ok((due, false));
            }
            *duty = self.service.delivery_duty(*duty).await?;
            let Some(held) = *duty else { return Ok((due, false)) };
            if waiting {
                for _ in 0..HANDFULS {
                    if self.service.hand_out(held).await? == 0 {
                        break;
                    }
                }
                return Ok((self.service.webhooks_due().await?.0, true));
            }
            Ok::<_, holdfast_service::Error>((due, true))
        };
        match timeout(PATIENCE, due).await {
            Ok(Ok((due, here))) => here.then_some(due),
            Ok(Err(error)) => {
                tracing::debug!(%error, "what is to be delivered cannot be looked up now");
                *duty = None;
                None
            }
            Err(_) => {
                *duty = None;
                None
            }
        }
    }

    /// Sends to one receiver until nothing more is due, it does not take something, or the duty is nearly over.
    async fn deliver_to(self, line: Line) {
        while line.duty.lasts(self.service.now(), CALL) {
            let dispatches = match timeout(PATIENCE, self.service.dispatches(&line.webhook, CALLS.0)).await {
                Ok(Ok(dispatches)) if !dispatches.is_empty() => dispatches,
                Ok(Err(error)) => return tracing::debug!(%error, "what is to be delivered cannot be read now"),
                _ => return,
            };
            let taken = join_all(dispatches.into_iter().map(|dispatch| self.try_one(&line, dispatch))).await;
            if taken.contains(&false) {
                return;
            }
        }
    }

    /// Makes one attempt and writes it down. Whether the receiver has taken it.
    async fn try_one(&self, line: &Line, dispatch: Dispatch) -> bool {
        let Ok(_its_vendors) = line.calls.acquire().await else { return false };
        let Ok(_place) = self.calls.acquire().await else { return false };
        // An attempt that is under way when another node takes over could arrive after what comes later, and there may have
        // been no place for a while.
        if !line.duty.lasts(self.service.now(), CALL) {
            return false;
        }
        let (at, begun) = (self.service.now(), Instant::now());
        let dispatch = Arc::new(dispatch);
        let result = self.call(Arc::clone(&dispatch), at).await;
        let taken = result.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status));
        let outcome = if taken { "delivered" } else { "refused" };
        metrics::counter!("holdfast_webhook_attempts_total", "outcome" => outcome).increment(1);
        let attempt = Attempt { at, took: begun.elapsed(), result };
        match self.service.attempted(&dispatch, attempt).await {
            Ok(()) => taken,
            Err(error) => {
                tracing::warn!(%error, "what came of a delivery could not be written down: it will be made again");
                false
            }
        }
    }

    async fn call(&self, dispatch: Arc<Dispatch>, at: Timestamp) -> Result<Answer, String> {
        let outbound = self.outbound.clone();
        let call = move || outbound.post(dispatch.url(), &dispatch.headers(at), dispatch.body(), at);
        // The call ends by itself in time; should it not, it is not waited for.
        match timeout(CALL + Duration::from_secs(2), tokio::task::spawn_blocking(call)).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the attempt was broken off".to_owned()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}
