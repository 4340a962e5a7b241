//! Webhooks in the management API: one file per call.

pub mod create;
pub mod deliveries;
pub mod delivery;
pub mod get;
pub mod list;
pub mod pause;
pub mod redeliver;
pub mod remove;
pub mod resume;
pub mod rotate_secret;
pub mod test;
pub mod update;

use crate::{
    AppState,
    api::{
        time::Rfc3339,
        v1::words::{DeliveryStateWord, PauseReasonWord},
    },
};
use holdfast_service::admin::webhooks::{AttemptView, DeliveryDetail, DeliveryView, NewWebhook, Paused, WebhookView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Where the vendor is told what has happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookModel {
    /// Its id.
    pub id: String,
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it wants to be told: topics, or families of topics such as `license.*`; everything where empty.
    pub events: Vec<String>,
    /// The Ed25519 key by which signatures of kind `v1a` are verified: `whpk_…`.
    pub public_key: String,
    /// Until when the secret before the last rotation signs as well.
    pub previous_until: Option<Rfc3339>,
    /// Who made it, by hand or by a token of theirs; null for the command line.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Rfc3339,
    /// When it was last changed.
    pub updated_at: Rfc3339,
    /// Since when and why nothing is sent to it; null where it is.
    pub paused: Option<PausedModel>,
    /// Since when every attempt has failed; null where the last one has not.
    pub failing_since: Option<Rfc3339>,
    /// When something last arrived.
    pub delivered_at: Option<Rfc3339>,
}

/// That nothing is sent to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookPaused)]
pub struct PausedModel {
    /// Since when.
    pub at: Rfc3339,
    /// Why.
    #[schema(value_type = PauseReasonWord)]
    pub reason: &'static str,
}

/// A webhook and its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NewWebhook)]
pub struct NewWebhookModel {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookModel,
    /// The secret by which signatures of kind `v1` are verified: `whsec_…`. It is not shown again.
    pub secret: String,
}

/// A message on its way to a webhook, or arrived there.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryModel {
    /// Its id.
    pub id: String,
    /// The message: the `webhook-id` of the request. The same for every webhook, attempt and redelivery.
    pub message: String,
    /// What happened.
    pub topic: String,
    /// What it happened to, of a seat its license. Deliveries about one subject go one after the other.
    pub subject: String,
    /// How far it is.
    #[schema(value_type = DeliveryStateWord)]
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i64,
    /// What came of the last attempt: a status, or what went wrong.
    pub outcome: Option<String>,
    /// When it is tried next at the earliest; null where it is not tried any more.
    pub next_at: Option<Rfc3339>,
    /// When it was put in line.
    pub created_at: Rfc3339,
    /// When it arrived or was given up.
    pub ended_at: Option<Rfc3339>,
}

/// A delivery with what is sent and every attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeliveryDetail)]
pub struct DeliveryDetailModel {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryModel,
    /// What is sent, byte for byte.
    pub body: String,
    /// The attempts, the first one first.
    pub log: Vec<AttemptModel>,
}

/// An attempt to deliver.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptModel {
    /// Which one, from 1.
    pub number: i64,
    /// When it began.
    pub at: Rfc3339,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// What status was answered; null where nothing was.
    pub status: Option<i64>,
    /// What went wrong; null where something was answered.
    pub error: Option<String>,
    /// The first KiB of the answer, as far as it is text.
    pub answer: String,
}

impl From<WebhookView> for WebhookModel {
    fn from(view: WebhookView) -> Self {
        let paused = |Paused { at, reason }| PausedModel { at: at.into(), reason: reason.as_str() };
        Self {
            id: view.id.to_string(),
            url: view.url,
            description: view.description,
            events: view.events.into(),
            public_key: view.public_key,
            previous_until: view.previous_until.map(Into::into),
            created_by: view.created_by.map(|id| id.to_string()),
            created_at: view.created_at.into(),
            updated_at: view.updated_at.into(),
            paused: view.paused.map(paused),
            failing_since: view.failing_since.map(Into::into),
            delivered_at: view.delivered_at.map(Into::into),
        }
    }
}

impl From<NewWebhook> for NewWebhookModel {
    fn from(made: NewWebhook) -> Self {
        Self { webhook: made.webhook.into(), secret: made.secret }
    }
}

impl From<DeliveryView> for DeliveryModel {
    fn from(view: DeliveryView) -> Self {
        Self {
            id: view.id.to_string(),
            message: view.message.to_string(),
            topic: view.topic,
            subject: view.subject,
            state: view.state.as_str(),
            attempts: view.attempts,
            outcome: view.outcome,
            next_at: view.next_at.map(Into::into),
            created_at: view.created_at.into(),
            ended_at: view.ended_at.map(Into::into),
        }
    }
}

impl From<DeliveryDetail> for DeliveryDetailModel {
    fn from(view: DeliveryDetail) -> Self {
        let attempt = |view: AttemptView| AttemptModel {
            number: view.number,
            at: view.at.into(),
            took_ms: view.took,
            status: view.status,
            error: view.error,
            answer: view.answer,
        };
        Self { delivery: view.delivery.into(), body: view.body, log: view.log.into_iter().map(attempt).collect() }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(remove::remove))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
        .routes(routes!(rotate_secret::rotate_secret))
        .routes(routes!(test::test))
        .routes(routes!(deliveries::deliveries))
        .routes(routes!(delivery::delivery))
        .routes(routes!(redeliver::redeliver))
}
