//! What the screens of shops show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{List, fleet::model::Badge},
    ui::When,
};

/// A shop in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// With whom it is.
    pub kind: String,
    /// How it stands.
    pub state: Badge,
    /// When it was connected.
    pub since: When,
}

/// The shops, and whether whoever looks may connect one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopList {
    /// The shops.
    pub list: List<ShopRow>,
    /// Whether they may.
    pub may_write: bool,
}

/// Everything about a shop.
#[allow(clippy::struct_excessive_bools)] // each stands for something of its own on the screen
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopDetail {
    /// As the list has it.
    pub row: ShopRow,
    /// The stable name of its kind.
    pub kind: String,
    /// Where the provider is to send its messages.
    pub address: String,
    /// Where its API is; empty where it is not asked.
    pub api_url: String,
    /// The provider's own address.
    pub own_url: String,
    /// Whether it has an API key.
    pub has_api_key: bool,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Whether the provider makes the secret.
    pub makes_secret: bool,
    /// Until when the secret before counts as well.
    pub previous: Option<When>,
    /// What follows when all was paid back: `at_once`, `after_days` or `ask`, and the days.
    pub on_refund: (String, String),
    /// The same when a dispute was lost.
    pub on_dispute: (String, String),
    /// For how many days licenses go on after a paid period.
    pub grace_days: u32,
    /// Since when its messages are refused.
    pub closed: Option<When>,
    /// Since when its provider does not answer, and what was in the way.
    pub failing: Option<(When, String)>,
    /// The secret, right after it was made.
    pub secret: Option<String>,
    /// Which plan each price is.
    pub prices: Vec<PriceRow>,
    /// How many that are, of how many there may be.
    pub used: String,
    /// Plans to choose from.
    pub plans: Vec<(String, String)>,
    /// What it has told.
    pub events: List<EventRow>,
    /// How to send a message as the provider would.
    pub example: String,
    /// Whether whoever looks may change it.
    pub may_write: bool,
}

/// Which plan a price is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// What the provider calls it.
    pub price: String,
    /// The plan's id and name; absent for what needs no license.
    pub plan: Option<(String, String)>,
    /// Whether the number of pieces is the number of seats.
    pub seats: bool,
}

/// A message in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// What happened, in the provider's words.
    pub topic: String,
    /// What the provider calls it.
    pub event: String,
    /// The sale that it was about.
    pub sale: String,
    /// How far it is.
    pub state: Badge,
    /// What came of it.
    pub outcome: String,
    /// When it came.
    pub received: When,
}
