//! What goes into the webhook use cases and what comes out.

use super::{DeliveryState, PauseReason};
use holdfast_domain::{DeliveryId, MemberId, MessageId, Timestamp, WebhookId, webhook::EventFilter};
use holdfast_store::webhooks::{AttemptRow, DeliveryRow};
use serde::{Deserialize, Serialize};

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it wants to be told.
    pub events: EventFilter,
    /// The Ed25519 key by which a receiver can verify signatures of kind `v1a`.
    pub public_key: String,
    /// Until when the secrets before the last rotation sign as well.
    pub previous_until: Option<Timestamp>,
    /// Who made it, by hand or by a token of theirs; absent for the command line.
    pub created_by: Option<MemberId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// Since when nothing is sent to it, and why.
    pub paused: Option<Paused>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// When something last arrived.
    pub delivered_at: Option<Timestamp>,
}

/// That nothing is sent to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: PauseReason,
}

/// A webhook and its secret, which is shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewWebhook {
    /// The webhook.
    pub webhook: WebhookView,
    /// The secret by which a receiver can verify signatures of kind `v1`: `whsec_…`.
    pub secret: String,
}

/// A message on its way to a webhook, or arrived there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// The message: `webhook-id` of the request.
    pub message: MessageId,
    /// What happened.
    pub topic: String,
    /// What it happened to, of a seat its license.
    pub subject: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// What came of the last attempt, in a few words.
    pub outcome: Option<String>,
    /// When it is tried next at the earliest, where it will be.
    pub next_at: Option<Timestamp>,
    /// When it was put in line.
    pub created_at: Timestamp,
    /// When it arrived or was given up.
    pub ended_at: Option<Timestamp>,
}

/// A delivery with what is sent and every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: DeliveryView,
    /// What is sent, byte for byte.
    pub body: String,
    /// The attempts, the first one first.
    pub log: Vec<AttemptView>,
}

/// An attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Which one, from 1.
    pub number: i64,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took: i64,
    /// What status was answered, where anything was.
    pub status: Option<i64>,
    /// What went wrong, where nothing was answered.
    pub error: Option<String>,
    /// The first bytes of the answer, as far as they are text.
    pub answer: String,
}

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct CreateWebhook {
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it wants to be told.
    pub events: EventFilter,
}

/// What is to be changed of a webhook. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateWebhook {
    /// Where to.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it wants to be told.
    pub events: Option<EventFilter>,
}

pub(super) fn show_delivery(row: DeliveryRow) -> DeliveryView {
    DeliveryView {
        id: row.id,
        message: row.message,
        topic: row.topic,
        subject: row.subject,
        next_at: (row.state == DeliveryState::Pending).then_some(row.next_at),
        state: row.state,
        attempts: row.attempts,
        outcome: row.outcome,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

pub(super) fn show_attempt(row: AttemptRow) -> AttemptView {
    AttemptView {
        number: row.number,
        at: row.at,
        took: row.took,
        status: row.status,
        error: row.error,
        answer: row.answer,
    }
}
