//! What the product screens show.

use serde::{Deserialize, Serialize};

use crate::ui::When;

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
    /// `active`, `retired` or `revoked`.
    pub status: String,
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
    /// Where applications reach this server.
    pub endpoint: String,
    /// Whether this person may change it.
    pub may_write: bool,
}

impl ProductDetail {
    /// The lines that an application begins with, ready to paste.
    pub fn snippet(&self) -> String {
        let plain = if self.endpoint.starts_with("http://") {
            ".allow_plain_http() // for trying it out only\n    "
        } else {
            ""
        };
        format!(
            "use holdfast_sdk::Licensing;\n\n\
             let licensing = Licensing::builder(\"{}\", [\"{}\"])\n    \
                 .endpoints([\"{}\"])\n    \
                 .storage(state_folder) // one per user account, kept over updates\n    \
                 {}.build()?;\n\n\
             // Milliseconds, and never the network:\n\
             let standing = licensing.check_on_launch();\n\
             if !standing.verdict.is_entitled() {{\n    \
                 let standing = licensing.activate(&key_typed_by_the_user)?;\n\
             }}",
            self.product.id, self.root_key, self.endpoint, plain
        )
    }
}
