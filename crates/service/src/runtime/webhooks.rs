//! Webhooks are delivered by one node at a time: it takes messages out of the outbox, puts them in line for whoever wants to be
//! told, and tries each until the receiver has taken it. What was tried and not written down is tried again.

use super::{alerts, jobs::Duty};
use crate::{
    Call, Error, Result, Service,
    admin::{
        act::{Act, job},
        import::dates::rfc_3339,
    },
    standard_webhooks::Secrets,
    vault::Purpose,
};
use holdfast_domain::{
    AlertId, DeliveryId, MessageId, Seconds, Timestamp, VendorId, WebhookId, entropy::random_bytes,
    webhook::EventFilter,
};
use holdfast_fleet::{Severity, Subject};
use holdfast_store::{
    Scope, Tx, WriteOptions,
    alerts::AlertRow,
    job_leases,
    outbox::{self, MessageRow},
    webhooks::{self, AttemptRow, DeliveryRow, DeliveryState, Message, NewDelivery, PauseReason, WebhookRow},
};
use std::time::Duration;

/// The name of the lease row under which one node at a time delivers.
const JOB: &str = "webhooks.delivery";
/// How many messages are handed out in one go.
const HANDFUL: u32 = 200;
/// How long a delivery is tried, and how long a receiver may fail before its webhook is paused.
const PATIENCE: Seconds = Seconds::days(3);
/// The shortest and the longest wait before the next attempt; in between each is twice as long as all before together.
const WAITS: (Seconds, Seconds) = (Seconds(5), Seconds::hours(12));
/// For how long a receiver that fails again and again is left alone at most, and one that asks for it.
const QUIET: (Seconds, Seconds) = (Seconds::minutes(5), Seconds::HOUR);
/// How many attempts in a row may fail before a receiver is left alone.
const TOLERATED: i64 = 3;
/// For how long messages and what became of them are kept.
const KEPT: Seconds = Seconds::days(30);
/// The code of the alert that a webhook was paused. It is about an act and not about a measurement, so it is no rule of the
/// fleet's: raised in the transaction of the pause, cleared in that of whoever resumes it.
pub(crate) const PAUSED: &str = "webhook_paused";

/// A delivery that is to be tried now.
pub struct Dispatch {
    delivery: DeliveryRow,
    body: String,
    url: String,
    signed_by: Vec<Secrets>,
}

impl Dispatch {
    /// Where it goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What is sent.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The headers of an attempt at `now`, as Standard Webhooks has them.
    pub fn headers(&self, now: Timestamp) -> [(&'static str, String); 3] {
        let (id, at) = (self.delivery.message, now.seconds());
        let signatures: Vec<String> = self.signed_by.iter().map(|secrets| secrets.sign(id, at, &self.body)).collect();
        [
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signatures.join(" ")),
        ]
    }
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was answered, or why nothing was.
    pub result: Result<Answer, String>,
}

/// What a receiver has answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<Seconds>,
    /// The first bytes of the body, as far as they are text.
    pub text: String,
}

impl Service {
    /// Whether there is anything to be delivered: the webhooks to which something is due, and whether messages are to be
    /// handed out. Cheap where there is nothing, which is nearly always.
    pub async fn webhooks_due(&self) -> Result<(Vec<WebhookRow>, bool)> {
        let mut reader = self.store().reader();
        let due = webhooks::due_webhooks(&mut reader, self.now()).await?;
        Ok((due, !outbox::is_empty(&mut reader).await?))
    }

    /// Makes this node the one that delivers, or leaves it so; `None` while another one is. It is so for longer than an
    /// attempt takes, so that whoever takes over does not send beside it.
    pub async fn delivery_duty(&self, held: Option<Duty>) -> Result<Option<Duty>> {
        self.duty(JOB, held).await
    }

    /// Lets another node deliver at once: for one that ends.
    pub async fn stop_delivering(&self) -> Result<()> {
        self.give_up_duty(JOB).await
    }

    /// Takes messages out of the outbox and puts them in line for each webhook that wants to be told, in one transaction.
    /// Returns how many messages those were; none where another node has become the one that delivers.
    pub async fn hand_out(&self, duty: Duty) -> Result<usize> {
        let (service, now) = (self.clone(), self.now());
        let write = job!(service => |tx| {
            if !job_leases::still_holds(tx, JOB, duty.token).await? {
                return Ok::<_, Error>(0);
            }
            let taken = outbox::take(tx, HANDFUL).await?;
            let listeners = webhooks::listeners(tx).await?;
            let (messages, deliveries) = service.in_line(&taken, &listeners, now);
            webhooks::send(tx, &messages, &deliveries, now).await?;
            Ok(taken.len())
        });
        self.store().write(WriteOptions::default().idempotent(), write).await
    }

    /// Who is told what of `taken`.
    fn in_line(
        &self,
        taken: &[MessageRow],
        listeners: &[(WebhookId, VendorId, EventFilter)],
        now: Timestamp,
    ) -> (Vec<Message>, Vec<NewDelivery>) {
        let (mut messages, mut deliveries): (Vec<Message>, Vec<NewDelivery>) = (Vec::new(), Vec::new());
        for row in taken {
            let first = messages.len();
            let theirs = |vendor: VendorId| row.vendor.is_none_or(|of| of == vendor);
            for (webhook, vendor, _) in
                listeners.iter().filter(|(_, vendor, events)| theirs(*vendor) && events.wants(&row.topic))
            {
                // One that is for everybody is a message of its own for each vendor.
                let known = messages.iter().skip(first).find(|message| message.vendor == *vendor);
                let id = known.map_or_else(|| MessageId::new(now, self.entropy()), |message| message.id);
                if known.is_none() {
                    let body = body(&row.topic, row.at, &row.data);
                    messages.push(Message { id, vendor: *vendor, topic: row.topic.clone(), body, at: row.at });
                }
                deliveries.push(NewDelivery {
                    id: DeliveryId::new(now, self.entropy()),
                    webhook: *webhook,
                    message: id,
                    vendor: *vendor,
                    topic: row.topic.clone(),
                    subject: row.subject.clone(),
                });
            }
        }
        (messages, deliveries)
    }

    /// What is to be sent to a webhook now, at most `limit`: to the address and with the secrets that it has now, and nothing
    /// where it was paused or removed meanwhile.
    pub async fn dispatches(&self, webhook: &WebhookRow, limit: u32) -> Result<Vec<Dispatch>> {
        let (mut reader, now) = (self.store().reader(), self.now());
        let webhook = webhooks::get(&mut reader, Scope::trusted(webhook.vendor), webhook.id).await?;
        let Some(webhook) = webhook.filter(|webhook| webhook.paused_at.is_none() && !webhook.is_quiet(now)) else {
            return Ok(Vec::new());
        };
        let due = webhooks::due(&mut reader, webhook.id, now, limit).await?;
        let dispatch = |(delivery, body)| {
            Ok(Dispatch { delivery, body, url: webhook.url.clone(), signed_by: self.secrets_of(&webhook, now)? })
        };
        due.into_iter().map(dispatch).collect()
    }

    /// What a webhook is signed with at `now`, the newest first.
    pub(crate) fn secrets_of(&self, webhook: &WebhookRow, now: Timestamp) -> Result<Vec<Secrets>> {
        let previous =
            webhook.previous_secrets.as_ref().filter(|_| webhook.previous_until.is_some_and(|end| now < end));
        let open = |sealed: &Vec<u8>| {
            let opened = self.vault()?.open(Purpose::WebhookSecrets, &webhook.id.to_bytes(), sealed)?;
            Secrets::from_bytes(&opened)
        };
        std::iter::once(&webhook.secrets).chain(previous).map(open).collect()
    }

    /// Writes down what came of an attempt, and what follows from it: the delivery has arrived, is tried again later or is
    /// given up; its webhook is paused where the receiver is gone or has taken nothing for three days. Does nothing where
    /// somebody else has tried it meanwhile, or it is there no more.
    pub async fn attempted(&self, dispatch: &Dispatch, attempt: Attempt) -> Result<()> {
        let (service, tried) = (self.clone(), dispatch.delivery.clone());
        let jitter = u16::from_be_bytes(random_bytes(self.entropy()));
        let write = job!(service, tried, attempt => |tx| {
            let scope = Scope::trusted(tried.vendor);
            let Some(before) = webhooks::lock(tx, scope, tried.webhook).await? else { return Ok::<_, Error>(()) };
            if !webhooks::is_pending(tx, tried.id, tried.attempts).await? {
                return Ok(());
            }
            let (webhook, delivery) = follow(&before, &tried, &attempt, service.now(), jitter);
            webhooks::record(tx, &webhook, &delivery, &logged(&delivery, &attempt)).await?;
            if before.paused_at.is_none() && webhook.paused_at.is_some() {
                let why = match webhook.paused_reason {
                    Some(PauseReason::Gone) => "its receiver answers that it is gone (410)",
                    _ => "its receiver has taken nothing for three days",
                };
                tell_of_pause(tx, &service.act(&Call::system(webhook.vendor)), &webhook, why).await?;
            }
            Ok(())
        });
        self.store().write(WriteOptions::default(), write).await
    }

    /// Forgets messages of more than 30 days ago, with what became of them, and what was on its way to webhooks that were
    /// removed.
    pub(super) async fn prune_webhooks(&self) -> Result<()> {
        let removed = job!( => |tx| Ok::<_, Error>(webhooks::prune_removed(tx).await?));
        while self.store().write(WriteOptions::default().idempotent(), removed).await? {}
        let before = self.now().plus(Seconds(-KEPT.0));
        let prune = job!(before => |tx| Ok::<_, Error>(webhooks::prune(tx, before).await?));
        while self.store().write(WriteOptions::default().idempotent(), prune).await? {}
        Ok(())
    }

    /// How much waits to be delivered, and since when the oldest does.
    pub async fn deliveries_waiting(&self) -> Result<(u64, Option<Timestamp>)> {
        let (number, oldest) = webhooks::waiting(&mut self.store().reader()).await?;
        Ok((u64::try_from(number).unwrap_or(0), oldest))
    }
}

/// That a webhook was paused by itself, and why: an event and an alert, which the vendor's other webhooks are told of as well.
pub(crate) async fn tell_of_pause(tx: &mut Tx, act: &Act, webhook: &WebhookRow, why: &str) -> Result<()> {
    let data = serde_json::json!({ "url": webhook.url, "reason": webhook.paused_reason });
    act.event(tx, "webhook.paused", webhook.id, data);
    let detail = format!("nothing is sent to {} ({}): {why}", host(&webhook.url), webhook.id);
    let id = AlertId::new(act.now, act.service.entropy());
    let alert = AlertRow {
        vendor: Some(webhook.vendor),
        severity: Severity::Warning.as_str().to_owned(),
        ..alerts::at_once(id, PAUSED, subject(webhook.id), detail, act.now)
    };
    alerts::raise_at_once(&act.service, tx, &alert, act.now).await
}

/// Takes back the alert that a webhook is paused.
pub(crate) async fn resumed(tx: &mut Tx, webhook: WebhookId, now: Timestamp) -> Result<()> {
    alerts::clear_at_once(tx, PAUSED, &subject(webhook), now).await
}

/// What an alert on a webhook is about.
fn subject(webhook: WebhookId) -> String {
    Subject::Webhook(webhook).to_string()
}

/// A URL as it stands in a sentence: its scheme and host, since path and query may hold a secret.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    format!("{scheme}://{}", rest.split(['/', '?']).next().unwrap_or_default())
}

/// The bytes of a message.
pub(crate) fn body(topic: &str, at: Timestamp, data: &str) -> String {
    // Topics are words of ours and need no escape; the data goes as it was written in the transaction of the act.
    format!(r#"{{"type":"{topic}","timestamp":"{}","data":{data}}}"#, rfc_3339(at))
}

fn logged(delivery: &DeliveryRow, attempt: &Attempt) -> AttemptRow {
    let (status, error, answer) = match &attempt.result {
        Ok(answer) => (Some(i64::from(answer.status)), None, answer.text.clone()),
        Err(error) => (None, Some(error.clone()), String::new()),
    };
    let took = i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX);
    AttemptRow { delivery: delivery.id, number: delivery.attempts, at: attempt.at, took, status, error, answer }
}

/// What follows from an attempt for its webhook and its delivery. `jitter` lengthens a wait by up to a fifth, so that what failed
/// together is not tried again together.
fn follow(
    webhook: &WebhookRow,
    delivery: &DeliveryRow,
    attempt: &Attempt,
    now: Timestamp,
    jitter: u16,
) -> (WebhookRow, DeliveryRow) {
    let (mut webhook, mut delivery) = (webhook.clone(), delivery.clone());
    delivery.attempts += 1;
    delivery.outcome = Some(match &attempt.result {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.clone(),
    });
    let since = *delivery.tried_since.get_or_insert(attempt.at);
    let answered = attempt.result.as_ref().ok();
    if answered.is_some_and(|answer| (200..300).contains(&answer.status)) {
        (delivery.state, delivery.ended_at) = (DeliveryState::Delivered, Some(now));
        (webhook.failing_since, webhook.failures, webhook.quiet_until) = (None, 0, None);
        webhook.delivered_at = Some(now);
        return (webhook, delivery);
    }
    let asked = answered.and_then(|answer| answer.retry_after).unwrap_or_default();
    let elapsed = now.since(since).0.max(0);
    let wait = elapsed.saturating_mul(2).max(asked.0).clamp(WAITS.0.0, WAITS.1.0);
    delivery.next_at = now.plus(Seconds(wait.saturating_add(wait * i64::from(jitter) / (5 * 65_536))));
    let failing_since = *webhook.failing_since.get_or_insert(attempt.at);
    webhook.failures += 1;
    let doubled = 1i64 << (webhook.failures - TOLERATED).clamp(0, 16);
    let alone = if webhook.failures < TOLERATED { 0 } else { doubled.min(QUIET.0.0) };
    let alone = alone.max(asked.0.min(QUIET.1.0));
    webhook.quiet_until = (alone > 0).then(|| now.plus(Seconds(alone)));
    let reason = match answered {
        Some(answer) if answer.status == 410 => Some(PauseReason::Gone),
        _ => (now.since(failing_since) >= PATIENCE).then_some(PauseReason::Failing),
    };
    if let (Some(reason), None) = (reason, webhook.paused_at) {
        (webhook.paused_at, webhook.paused_reason) = (Some(now), Some(reason));
    } else if reason.is_none() && elapsed >= PATIENCE.0 {
        // The receiver takes others: it is this one that it cannot take.
        (delivery.state, delivery.ended_at) = (DeliveryState::Failed, Some(now));
    }
    (webhook, delivery)
}

#[cfg(test)]
mod tests;
