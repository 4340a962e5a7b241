//! What the rules look at.

use crate::{presence::Presence, report::NodeReport};
use holdfast_domain::{ProductId, Seconds, Timestamp};
use serde::{Deserialize, Serialize};

/// The last that was heard of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSeen {
    /// What it said.
    pub report: NodeReport,
    /// When it said so, by the observer's clock.
    pub received_at: Timestamp,
    /// What its heartbeats say.
    pub presence: Presence,
}

/// How many licenses end in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// When the span begins.
    pub at: Timestamp,
    /// How many licenses end in it.
    pub licenses: u64,
}

/// The denials of a product, as its breaker counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denials {
    /// Signed denials in the last 10 minutes.
    pub recent: u64,
    /// The number at which the breaker trips.
    pub limit: u64,
    /// Whether it has tripped and waits for a person.
    pub tripped: bool,
}

/// What the database says of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSeen {
    /// The product.
    pub product: ProductId,
    /// Its licenses in force.
    pub active_licenses: u64,
    /// How many of them end in each hour of the next 45 days; hours with none may be left out. `None` where it was not
    /// looked up.
    #[serde(default)]
    pub ends_by_hour: Option<Vec<Ends>>,
    /// The fullest minutes of the next 45 days, a few at most. `None` where it was not looked up.
    #[serde(default)]
    pub ends_by_minute: Option<Vec<Ends>>,
    /// Its denials. `None` where they are not known.
    #[serde(default)]
    pub denials: Option<Denials>,
}

/// Everything observed at a moment. What is left out is not judged: an alert about it stands for another hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observations {
    /// The nodes that are registered.
    #[serde(default)]
    pub nodes: Vec<NodeSeen>,
    /// The products.
    #[serde(default)]
    pub products: Vec<ProductSeen>,
    /// How long a region may go on without its database (`continuity`), where a node does not say until when.
    #[serde(default = "Observations::default_bound")]
    pub continuity_bound: Seconds,
}

impl Observations {
    /// The default bound of continuity mode: 72 hours (architecture, "Continuity mode").
    pub const fn default_bound() -> Seconds {
        Seconds::hours(72)
    }
}

impl Default for Observations {
    fn default() -> Self {
        Self { nodes: Vec::new(), products: Vec::new(), continuity_bound: Self::default_bound() }
    }
}
