//! What the product screens show.

use serde::{Deserialize, Serialize};

use crate::{pages::gateways::model::GatewayRow, ui::When};

/// A product in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: String,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created: When,
}

/// A plan in its product's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: String,
    /// How it is sold, in words.
    pub sold: String,
    /// Who may use it at once, in words.
    pub used: String,
    /// How long it works off line, in words.
    pub offline: String,
    /// Its entitlements: code and value.
    pub entitlements: Vec<(String, String)>,
    /// Hidden from choice.
    pub archived: bool,
}

/// An issuing key of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its short name, as leases carry it.
    pub kid: String,
    /// `active`, `retiring` or `revoked`.
    pub status: String,
    /// Whether this person may revoke it.
    pub may_revoke: bool,
    /// From when it signs.
    pub from: When,
    /// Until when what it signed is accepted.
    pub until: When,
}

/// Everything about a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductDetail {
    /// The product.
    pub product: ProductRow,
    /// Its plans, the oldest first.
    pub plans: Vec<PlanRow>,
    /// Its issuing keys.
    pub keys: Vec<KeyRow>,
    /// The root key that applications pin.
    pub root_key: String,
    /// What is pasted to integrate it: the command that adds the client library, the program, and the commands that check
    /// a lease without it.
    pub integrate: [String; 3],
    /// Which other systems' clients it can answer.
    pub gateways: Vec<GatewayRow>,
    /// Whether this person may change it.
    pub may_write: bool,
    /// Whether this person may issue licenses of it.
    pub may_issue: bool,
    /// Whether this person may work on its keys.
    pub may_keys: bool,
}

/// What became of the trials of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunnelView {
    /// Of those that began within so many days.
    pub days: String,
    /// What, how many, and which share; none where none began.
    pub rows: Vec<(String, String, String)>,
}
