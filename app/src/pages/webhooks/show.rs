//! What the webhook screens show, made of what the use cases answer.

use holdfast_domain::{Timestamp, WebhookId};
use holdfast_service::admin::webhooks::{AttemptView, DeliveryState, DeliveryView, PauseReason, WebhookView};

use super::model::{AttemptRow, DeliveryRow, WebhookDetail, WebhookRow};
use crate::{
    pages::{List, fleet::model::Badge},
    ui::{Tone, When},
};

/// Hands a secret to the page that shows it. It never stands in an address, and only this browser gets it.
pub fn hand_over(id: WebhookId, secret: &str) {
    crate::ctx::set_note("webhook", &format!("{id} {secret}"));
}

/// The secret that was handed over for this webhook.
pub fn handed_over(id: WebhookId) -> Option<String> {
    crate::ctx::note("webhook")?.strip_prefix(&format!("{id} ")).map(str::to_owned)
}

/// A webhook in the list.
pub fn row(webhook: &WebhookView, now: Timestamp) -> WebhookRow {
    let state = match (&webhook.paused, webhook.failing_since) {
        (Some(_), _) => Badge::new(Tone::Warn, "Paused"),
        (None, Some(_)) => Badge::new(Tone::Bad, "Failing"),
        (None, None) => Badge::new(Tone::Good, "Active"),
    };
    let names = webhook.events.names();
    WebhookRow {
        id: webhook.id.to_string(),
        url: webhook.url.clone(),
        description: webhook.description.clone(),
        state,
        told: if names.is_empty() { "everything".to_owned() } else { names.join(", ") },
        delivered: webhook.delivered_at.map(|at| When::new(at, now)),
    }
}

/// A webhook without its deliveries.
pub fn detail(webhook: &WebhookView, now: Timestamp) -> WebhookDetail {
    let why = |reason| match reason {
        PauseReason::Asked => "Somebody paused it.",
        PauseReason::Gone => "Its receiver answered that it is gone for good (410).",
        PauseReason::Failing => "Its receiver has taken nothing for three days.",
    };
    WebhookDetail {
        row: row(webhook, now),
        events: webhook.events.names().join("\n"),
        public_key: webhook.public_key.clone(),
        previous: webhook.previous_until.map(|until| When::new(until, now)),
        paused: webhook.paused.map(|paused| (why(paused.reason).to_owned(), When::new(paused.at, now))),
        failing: webhook.failing_since.map(|since| When::new(since, now)),
        secret: None,
        deliveries: List { items: Vec::new(), next: None, total: String::new() },
        may_write: false,
        moves: false,
    }
}

/// Whether a delivery is tried about now: the rest of three days is nothing to wait for.
pub fn moves(view: &DeliveryView, now: Timestamp) -> bool {
    let near = |at: Timestamp| at.since(now).0.abs() <= 60;
    view.state == DeliveryState::Pending && near(view.next_at.unwrap_or(view.created_at))
}

/// A delivery in the list.
pub fn delivery(view: &DeliveryView, now: Timestamp) -> DeliveryRow {
    let state = match view.state {
        DeliveryState::Delivered => Badge::new(Tone::Good, "Delivered"),
        DeliveryState::Failed => Badge::new(Tone::Bad, "Given up"),
        DeliveryState::Pending if view.attempts > 0 => Badge::new(Tone::Warn, "Retrying"),
        DeliveryState::Pending => Badge::new(Tone::None, "Waiting"),
    };
    DeliveryRow {
        id: view.id.to_string(),
        topic: view.topic.clone(),
        subject: view.subject.clone(),
        state,
        attempts: u32::try_from(view.attempts).unwrap_or(u32::MAX),
        outcome: view.outcome.clone().unwrap_or_else(|| "–".to_owned()),
        created: When::new(view.created_at, now),
        next: view.next_at.map(|at| When::new(at, now)),
    }
}

/// An attempt.
pub fn attempt(view: &AttemptView, now: Timestamp) -> AttemptRow {
    let outcome = match (view.status, &view.error) {
        (Some(status), _) => {
            let tone = if (200..300).contains(&status) { Tone::Good } else { Tone::Bad };
            Badge::new(tone, format!("answered {status}"))
        }
        (None, error) => Badge::new(Tone::Bad, error.clone().unwrap_or_default()),
    };
    AttemptRow {
        number: u32::try_from(view.number).unwrap_or(u32::MAX),
        at: When::new(view.at, now),
        took: format!("{} ms", view.took),
        outcome,
        answer: view.answer.clone(),
    }
}
