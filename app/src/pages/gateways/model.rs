//! What is shown of a product's gateways.

use serde::{Deserialize, Serialize};

/// A gateway in its product's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayRow {
    /// The stable name of the system whose clients it answers.
    pub kind: String,
    /// What people call that.
    pub name: String,
    /// Whether it answers.
    pub on: bool,
    /// The base address of its clients.
    pub base: String,
}

/// How a gateway is to be, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayForm {
    /// Whether it answers.
    pub on: bool,
    /// What that system calls the vendor.
    pub account: String,
    /// What it calls the product.
    pub product: String,
    /// What it calls plans, one a line: `code = theirs`.
    pub plans: String,
    /// The base address that shipped applications have.
    pub address: String,
    /// The days of a trial.
    pub trial_days: String,
    /// `yes`, `no`, or neither.
    pub free_tier: String,
}

/// Everything about a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayDetail {
    /// The product: id and name.
    pub product: (String, String),
    /// The gateway.
    pub row: GatewayRow,
    /// What its clients are answered with.
    pub form: GatewayForm,
    /// The key that answers are signed with: its name, and the public key in base64 and in hex.
    pub key: Option<(String, String, String)>,
    /// A command that asks it, once it is on.
    pub check: Option<String>,
    /// Whether that system signs answers at all.
    pub signed: bool,
    /// Whether this person may change it.
    pub may_write: bool,
    /// Whether this person may give it another key.
    pub may_key: bool,
}
