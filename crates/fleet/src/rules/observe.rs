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

impl Denials {
    /// Whether there is more room before this breaker trips than before the `other` one.
    fn is_further_than(self, other: Self) -> bool {
        let share = |of: Self| (of.tripped, u128::from(of.recent), u128::from(of.limit.max(1)));
        let ((tripped, recent, limit), (theirs, more, most)) = (share(self), share(other));
        (tripped, recent * most) < (theirs, more * limit)
    }
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

impl ProductSeen {
    /// A product of which nothing is known yet.
    pub const fn new(product: ProductId) -> Self {
        Self { product, active_licenses: 0, ends_by_hour: None, ends_by_minute: None, denials: None }
    }
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

impl Observations {
    /// Brings what the nodes report of their denials into the products: of each, the node's that is nearest to its breaker.
    pub fn count_denials(&mut self) {
        for told in self.nodes.iter().flat_map(|node| &node.report.denials) {
            let known = self.products.iter().position(|seen| seen.product == told.product);
            let at = known.unwrap_or_else(|| {
                self.products.push(ProductSeen::new(told.product));
                self.products.len() - 1
            });
            if let Some(seen) = self.products.get_mut(at)
                && seen.denials.is_none_or(|denials| denials.is_further_than(told.denials))
            {
                seen.denials = Some(told.denials);
            }
        }
    }
}

impl Default for Observations {
    fn default() -> Self {
        Self { nodes: Vec::new(), products: Vec::new(), continuity_bound: Self::default_bound() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::DenialsReport;

    #[test]
    fn of_a_products_denials_those_nearest_to_the_breaker_count() {
        let product = ProductId::from_bytes([1; 16]);
        let node = |recent, limit, tripped| NodeSeen {
            report: NodeReport {
                denials: vec![DenialsReport { product, denials: Denials { recent, limit, tripped } }],
                ..NodeReport::default()
            },
            received_at: Timestamp::default(),
            presence: Presence::Alive,
        };
        let mut seen = Observations {
            nodes: vec![node(10, 100, false), node(15, 20, false), node(16, 40, false)],
            products: vec![ProductSeen { active_licenses: 9, ..ProductSeen::new(product) }],
            ..Observations::default()
        };
        seen.count_denials();
        assert_eq!(seen.products.len(), 1);
        assert_eq!(seen.products[0].denials, Some(Denials { recent: 15, limit: 20, tripped: false }));
        seen.nodes.push(node(0, 50, true));
        seen.count_denials();
        assert!(seen.products[0].denials.is_some_and(|denials| denials.tripped));
        assert_eq!(seen.products[0].active_licenses, 9);
    }
}
