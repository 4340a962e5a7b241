//! One folder per screen: the view, its server functions (`api.rs`), what it shows (`model.rs`).

pub mod acts;
pub mod alerts;
pub mod approvals;
pub mod audit;
pub mod customers;
pub mod door;
pub mod find;
pub mod fleet;
pub mod freshness;
pub mod gateways;
pub mod imports;
pub mod inbox;
pub mod keys;
pub mod licenses;
pub mod lists;
pub mod mail;
pub mod notes;
pub mod orders;
pub mod overview;
pub mod plans;
pub mod portal;
pub mod products;
pub mod seats;
pub mod security;
#[cfg(feature = "ssr")]
mod serve;
pub mod sessions;
pub mod settings;
pub mod shops;
pub mod shortcuts;
pub mod support;
pub mod team;
pub mod tokens;
pub mod webhooks;

use serde::{Deserialize, Serialize};

/// A page of a list as a screen shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// How many match on all pages: "1,234" or "10,000+".
    pub total: String,
}
