//! What the webhook screens show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{List, fleet::model::Badge},
    ui::When,
};

/// A webhook in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// Its id.
    pub id: String,
    /// Where to.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// How it stands.
    pub state: Badge,
    /// What it is told, in a few words.
    pub told: String,
    /// When something last arrived.
    pub delivered: Option<When>,
}

/// What the address asks of a webhook's deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The webhook.
    pub id: String,
    /// How far they are, or empty.
    #[serde(default)]
    pub state: String,
    /// The cursor.
    #[serde(default)]
    pub after: String,
}

/// Everything about a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDetail {
    /// As the list has it.
    pub row: WebhookRow,
    /// The topics, one a line.
    pub events: String,
    /// The Ed25519 key.
    pub public_key: String,
    /// Until when the secret before signs as well.
    pub previous: Option<When>,
    /// Why nothing is sent, and since when.
    pub paused: Option<(String, When)>,
    /// Since when every attempt has failed.
    pub failing: Option<When>,
    /// The secret, right after it was made.
    pub secret: Option<String>,
    /// What went there.
    pub deliveries: List<DeliveryRow>,
    /// Whether whoever looks may change it.
    pub may_write: bool,
    /// Whether one of the deliveries is tried about now, so that it is worth looking again.
    pub moves: bool,
}

/// A delivery in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// Its id.
    pub id: String,
    /// What happened.
    pub topic: String,
    /// What it happened to.
    pub subject: String,
    /// How far it is.
    pub state: Badge,
    /// How often it was tried.
    pub attempts: u32,
    /// What came of the last attempt.
    pub outcome: String,
    /// When it was put in line.
    pub created: When,
    /// When it is tried next, where it will be.
    pub next: Option<When>,
}

/// A delivery with its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryDetail {
    /// As the list has it.
    pub row: DeliveryRow,
    /// The message's id.
    pub message: String,
    /// What is sent.
    pub body: String,
    /// The webhook's id and address.
    pub webhook: (String, String),
    /// The attempts, the first one first.
    pub log: Vec<AttemptRow>,
    /// Whether whoever looks may send it again now.
    pub may_send: bool,
    /// Whether it is tried about now, so that it is worth looking again.
    pub moves: bool,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Which one.
    pub number: u32,
    /// When it began.
    pub at: When,
    /// How long it took.
    pub took: String,
    /// What came of it.
    pub outcome: Badge,
    /// The beginning of the answer.
    pub answer: String,
}
