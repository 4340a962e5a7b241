//! What the screens of shops show, made of what the use cases answer.

use holdfast_domain::{ShopId, ShopKind, Timestamp, sale::Consequence};
use holdfast_service::admin::shops::{PriceView, ShopEventState, ShopEventView, ShopView};

use super::model::{EventRow, PriceRow, ShopDetail, ShopRow};
use crate::{
    pages::{List, fleet::model::Badge},
    ui::{Tone, When},
};

/// Hands a secret to the page that shows it. It never stands in an address, and only this browser gets it.
pub fn hand_over(id: ShopId, secret: &str) {
    crate::ctx::set_note("shop", &format!("{id} {secret}"));
}

/// The secret that was handed over for this shop.
pub fn handed_over(id: ShopId) -> Option<String> {
    crate::ctx::note("shop")?.strip_prefix(&format!("{id} ")).map(str::to_owned)
}

/// A shop in the list.
pub fn row(shop: &ShopView, now: Timestamp) -> ShopRow {
    let state = if shop.closed_at.is_some() {
        Badge::new(Tone::None, "Closed")
    } else if shop.failing.is_some() {
        Badge::new(Tone::Bad, "Does not answer")
    } else if !shop.has_secret || (shop.kind.api().is_some() && !shop.has_api_key) {
        Badge::new(Tone::Warn, "Not complete")
    } else {
        Badge::new(Tone::Good, "Open")
    };
    ShopRow {
        id: shop.id.to_string(),
        name: shop.name.to_string(),
        kind: shop.kind.title().to_owned(),
        state,
        since: When::new(shop.created_at, now),
    }
}

fn rule(consequence: Consequence) -> (String, String) {
    let (word, days) = match consequence {
        Consequence::AtOnce => ("at_once", String::new()),
        Consequence::AfterDays(days) => ("after_days", days.to_string()),
        Consequence::Ask => ("ask", String::new()),
    };
    (word.to_owned(), days)
}

/// A shop without what it has told and without its prices.
pub fn detail(shop: &ShopView, origin: &str, now: Timestamp) -> ShopDetail {
    let address = format!("{origin}/v1/shops/{}/events", shop.id);
    ShopDetail {
        row: row(shop, now),
        kind: shop.kind.as_str().to_owned(),
        example: if shop.kind == ShopKind::Generic { example(&address) } else { String::new() },
        address,
        api_url: shop.api_url.clone(),
        own_url: shop.kind.api().unwrap_or_default().to_owned(),
        has_api_key: shop.has_api_key,
        has_secret: shop.has_secret,
        makes_secret: shop.kind.makes_secret(),
        previous: shop.previous_until.filter(|until| *until > now).map(|until| When::new(until, now)),
        on_refund: rule(shop.rules.on_refund),
        on_dispute: rule(shop.rules.on_dispute),
        grace_days: u32::from(shop.rules.grace_days),
        closed: shop.closed_at.map(|at| When::new(at, now)),
        failing: shop.failing.as_ref().map(|failing| (When::new(failing.since, now), failing.why.clone())),
        secret: None,
        prices: Vec::new(),
        used: String::new(),
        plans: Vec::new(),
        events: List { items: Vec::new(), next: None, total: String::new() },
        may_write: false,
    }
}

/// How to send a message with what every system has.
fn example(address: &str) -> String {
    format!(
        r#"secret='whsec_…'
body='{{"type":"sale","sequence":1,"sale":{{"id":"10042","payment":"paid",
  "buyer":{{"email":"ada@example.com"}},"lines":[{{"id":"1","price":"editor","quantity":1}}]}}}}'
id="msg_$(date +%s)"; at=$(date +%s)
key=$(printf %s "${{secret#whsec_}}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl -i '{address}' -H "webhook-id: $id" -H "webhook-timestamp: $at" \
  -H "webhook-signature: v1,$signature" --data-raw "$body""#
    )
}

/// Which plan a price is.
pub fn price(view: PriceView) -> PriceRow {
    let name = view.plan_name;
    PriceRow {
        price: view.price,
        plan: view.plan.map(|id| (id.to_string(), name.unwrap_or_default())),
        seats: view.quantity_is_seats,
    }
}

/// A message in the list.
pub fn event(view: &ShopEventView, now: Timestamp) -> EventRow {
    let state = match view.state {
        ShopEventState::Applied => Badge::new(Tone::Good, "Applied"),
        ShopEventState::Parked => Badge::new(Tone::Warn, "In the inbox"),
        ShopEventState::PassedOver => Badge::new(Tone::None, "Passed over"),
        ShopEventState::Waiting if view.outcome.is_some() => Badge::new(Tone::Warn, "Retrying"),
        ShopEventState::Waiting => Badge::new(Tone::None, "Waiting"),
    };
    EventRow {
        topic: view.topic.clone(),
        event: view.event.clone(),
        sale: view.sale.clone().unwrap_or_default(),
        state,
        outcome: view.outcome.clone().unwrap_or_else(|| "–".to_owned()),
        received: When::new(view.received_at, now),
    }
}
