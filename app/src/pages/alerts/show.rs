//! What the screens show of alerts.

use std::collections::BTreeMap;

use holdfast_domain::{ProductId, Timestamp};
use holdfast_fleet::{Code, Subject};
use holdfast_service::{
    Actor, Result, Service,
    admin::{
        alerts::AlertView,
        fleet::NodeView,
        page::{Limit, PageRequest},
    },
};

use super::model::{About, AlertRow, Stopped, Taken};
use crate::{
    error::UiError,
    pages::{fleet::words, serve::People},
    ui::When,
};

/// A number that a page can hold.
pub fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What alerts can be about, to lead there.
pub struct Places {
    pub nodes: Vec<NodeView>,
    products: BTreeMap<ProductId, String>,
    pub people: People,
}

impl Places {
    /// The nodes, and the products and members of whoever asks.
    pub async fn new(service: &Service, actor: &Actor) -> Result<Self, UiError> {
        let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
        let products = service.products(actor, None, None, all).await?.items;
        Ok(Self {
            nodes: service.nodes(actor).await?,
            people: People::of(service, actor).await?,
            products: products.into_iter().map(|product| (product.id, product.name.to_string())).collect(),
        })
    }

    fn about(&self, alert: &AlertView) -> About {
        let product = |id: ProductId| self.products.get(&id).cloned().unwrap_or_else(|| id.to_string());
        match alert.subject.parse() {
            Ok(Subject::Node(name)) => {
                let node = self.nodes.iter().find(|node| node.name == name);
                About { href: node.map(|node| format!("/console/fleet/{}", node.id)), name: format!("Node {name}") }
            }
            Ok(Subject::Region(name)) => {
                About { name: format!("Region {name}"), href: Some("/console/fleet".to_owned()) }
            }
            Ok(Subject::Product(id)) => About { name: product(id), href: Some(format!("/console/products/{id}")) },
            Ok(Subject::Key(kid)) => About {
                href: alert.product.map(|id| format!("/console/products/{id}?tab=keys")),
                name: format!("Key {kid}"),
            },
            Ok(Subject::Job(name)) => About { name: format!("Job {name}"), href: None },
            Ok(Subject::Webhook(id)) => {
                About { name: "Webhook".to_owned(), href: Some(format!("/console/webhooks/{id}")) }
            }
            Ok(Subject::Shop(id)) => About { name: "Shop".to_owned(), href: Some(format!("/console/shops/{id}")) },
            Ok(Subject::Installation) => About { name: "The installation".to_owned(), href: None },
            Err(_) => About { name: alert.subject.clone(), href: None },
        }
    }
}

/// An alert as the list shows it.
pub fn row(alert: &AlertView, places: &Places, now: Timestamp) -> AlertRow {
    let title = || {
        let words = alert.code.replace('_', " ");
        let mut letters = words.chars();
        letters.next().map(|first| format!("{}{}", first.to_uppercase(), letters.as_str())).unwrap_or_default()
    };
    let stands = alert.cleared_at.is_none();
    AlertRow {
        id: alert.id.to_string(),
        severity: words::severity(alert.severity),
        what: Code::from_name(&alert.code).map_or_else(title, |code| words::what(code).to_owned()),
        about: places.about(alert),
        detail: alert.detail.clone(),
        cure: alert.cure.clone(),
        fails: alert.fails_at.filter(|at| stands && *at > now).map(|at| When::new(at, now)),
        drains: alert.drains_at.filter(|_| stands).map(|at| When::new(at, now)),
        since: When::new(alert.raised_at, now),
        cleared: alert.cleared_at.map(|at| When::new(at, now)),
        taken: alert.acknowledged.as_ref().map(|taken| Taken {
            who: places.people.who(&taken.by),
            at: When::new(taken.at, now),
            note: taken.note.to_string(),
        }),
    }
}

/// What an alert about too many denials has led to, where nothing of the product is denied for the moment.
pub async fn stopped(
    service: &Service,
    actor: &Actor,
    code: Option<Code>,
    product: Option<ProductId>,
    now: Timestamp,
) -> Result<Option<Stopped>> {
    let (Some(Code::DenialSpike), Some(product)) = (code, product) else { return Ok(None) };
    let breaker = service.breaker(actor, product).await?;
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(breaker.tripped_at.filter(|_| breaker.stopped).map(|at| Stopped {
        product: product.to_string(),
        since: When::new(at, now),
        denials: number(breaker.denials),
        allowed: number(breaker.allowed),
    }))
}
