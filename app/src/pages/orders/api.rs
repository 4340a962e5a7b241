//! Server functions of an order's screens.

use leptos::prelude::*;

use super::model::{OrderDetail, RefundView};
use crate::error::UiError;

/// Everything about an order.
#[server(output = crate::wire::Answer)]
pub async fn order(id: String, after: String) -> Result<OrderDetail, UiError> {
    use crate::{
        ctx,
        pages::{acts::api::waiting_for, inbox, licenses, lists::build::order_status, products::api::parse_id, serve},
        ui::When,
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        inputs::{EventFilter, LicenseFilter},
        orders::OrderStatus,
        page::{Limit, PageRequest},
        shops::InboxFilter,
    };
    let actor = ctx::actor(Permission::CustomersRead).await?;
    let service = ctx::service()?;
    let order = service.order(&actor, parse_id(&id)?).await?;
    let customer = match order.customer {
        Some(id) => Some((id.to_string(), service.customer(&actor, id).await?.name.to_string())),
        None => None,
    };
    let filter = LicenseFilter { order: Some(order.id), ..LicenseFilter::default() };
    let page = service.licenses(&actor, filter, serve::page(&after)?).await?;
    let filter = EventFilter { subject: Some(order.id.to_string()), ..EventFilter::default() };
    let events =
        service.events(&actor, filter, PageRequest { limit: Limit::new(20), ..PageRequest::default() }).await?;
    let (now, people) = (service.now(), serve::People::of(&service, &actor).await?);
    let sale = service.sale_of_order(&actor, order.id).await?;
    let filter = InboxFilter { open: Some(true), order: Some(order.id), shop: None };
    let waiting = service.inbox(&actor, filter, PageRequest::default()).await?;
    let sees_shops = actor.may(Permission::ShopsRead);
    let waits = waiting_for(&service, &actor, &[order.id.to_bytes()], &people).await?;
    let may = actor.may(Permission::LicensesStatus);
    let is_refunded = order.status == OrderStatus::Refunded;
    Ok(OrderDetail {
        give_back: if may && is_refunded { give_back(&service, &actor, order.id, &events.items).await? } else { None },
        id: order.id.to_string(),
        reference: order.reference,
        status: order_status(order.status),
        customer,
        made: When::new(order.created_at, now),
        refunded: order.refunded_at.map(|at| When::new(at, now)),
        shop: sale.as_ref().map(|sale| (sees_shops.then(|| sale.shop.to_string()), sale.shop_name.to_string())),
        sale: sale.map(|sale| inbox::api::facts(&sale.sale, now)).unwrap_or_default(),
        waiting: waiting.items.iter().map(|entry| (entry.id.to_string(), entry.detail.clone())).collect(),
        licenses: serve::list(page, |license| licenses::api::row(&license, now)),
        timeline: events.items.iter().map(|event| people.entry(event, now)).collect(),
        may_refund: may && !is_refunded && waits.is_empty(),
        waits,
    })
}

/// What a refund would do: which licenses it revokes, whose access ends and when.
#[server(output = crate::wire::Answer)]
pub async fn look_at_refund(id: String) -> Result<RefundView, UiError> {
    use crate::{
        ctx,
        pages::{acts::api::waiting_for, licenses, products::api::parse_id, serve::People},
    };
    use holdfast_domain::{OrderId, Permission};
    use holdfast_service::admin::bulk::{BulkStep, Target};
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let service = ctx::service()?;
    let (call, id) = (ctx::call(&actor), parse_id::<OrderId>(&id)?);
    let reason = "preview".parse().map_err(|error| UiError::field("reason", error))?;
    let outcome = service.refund_order(&call, id, reason, true).await?;
    let (now, people) = (service.now(), People::of(&service, &actor).await?);
    let does = match outcome.licenses.len() {
        0 => "The order is noted as paid back. It has no license that is not revoked already.".to_owned(),
        1 => "The order is noted as paid back, and its license is revoked.".to_owned(),
        n => format!("The order is noted as paid back, and its {n} licenses are revoked."),
    };
    let mut impact = licenses::api::impact(&outcome.impact, now);
    if outcome.impact.devices == 0 {
        "No device uses what was bought with it, so nobody loses access.".clone_into(&mut impact.sentence);
    }
    // What support has asked for already counts with it.
    let (second, later) = if actor.ends_later() {
        let preview = service.preview_bulk(&call, BulkStep::Refund, Target::Orders(vec![id])).await?;
        (preview.second, preview.later)
    } else {
        (actor.asks(Permission::LicensesStatus, outcome.licenses.len()), false)
    };
    Ok(RefundView {
        second,
        later,
        waits: waiting_for(&service, &actor, &[id.to_bytes()], &people).await?,
        reference: outcome.order.reference,
        does,
        impact,
        licenses: outcome.licenses.iter().map(|license| licenses::api::row(license, now)).collect(),
    })
}

/// Notes that an order was paid back, and revokes its licenses, for support ten minutes later; or asks a second person for it.
#[server(output = crate::wire::Answer)]
pub async fn refund(id: String, #[server(default)] ask: bool, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{acts::api::asked, products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{OrderId, Permission};
    use holdfast_service::admin::{
        approvals::Asked,
        bulk::{BulkStep, Target},
    };
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let (service, call, id, reason) =
        (ctx::service()?, ctx::call(&actor), parse_id::<OrderId>(&id)?, parse("reason", &reason)?);
    if ask {
        let waits = service.ask(&call, None, Asked::Refund { order: id }, reason).await?;
        ctx::redirect(&asked(waits));
        return Ok(());
    }
    let done = if actor.ends_later() {
        service.begin_bulk(&call, None, BulkStep::Refund, Target::Orders(vec![id]), reason).await?;
        "scheduled"
    } else {
        service.refund_order(&call, id, reason, false).await?;
        "order_refunded"
    };
    ctx::lead(&format!("/console/orders/{id}"), done);
    Ok(())
}

/// Where what the last refund revoked can be reinstated: those very licenses, as far as the asker may see the event that
/// names them and an address has room for them; otherwise all of the order that are revoked, to choose from.
#[cfg(feature = "ssr")]
async fn give_back(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    order: holdfast_domain::OrderId,
    events: &[holdfast_service::admin::views::EventView],
) -> Result<Option<(String, String)>, UiError> {
    use holdfast_domain::{LicenseState, OrderId};
    use holdfast_service::admin::{
        inputs::LicenseFilter,
        page::{Limit, PageRequest},
    };
    let of = |order: OrderId| LicenseFilter {
        order: Some(order),
        state: Some(LicenseState::Revoked),
        ..LicenseFilter::default()
    };
    let some = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    if service.licenses(actor, of(order), some).await?.items.is_empty() {
        return Ok(None);
    }
    let refund = events.iter().find(|event| event.action == "order.refunded");
    let revoked = refund.and_then(|event| event.data.get("licenses")?.as_array());
    let ids: Vec<&str> = revoked.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let Some(href) = begin(&ids, "reinstate") else {
        let href = format!("/console/licenses?order={order}&state=revoked");
        return Ok(Some((href, "Choose which to reinstate".to_owned())));
    };
    let words = match ids.len() {
        1 => "Reinstate its license".to_owned(),
        n => format!("Reinstate its {n} licenses"),
    };
    Ok(Some((href, words)))
}

/// Where a step is begun for these licenses; nowhere where there are none, or more than an address has room for.
#[cfg(feature = "ssr")]
pub fn begin(ids: &[&str], step: &str) -> Option<String> {
    const MOST: usize = 50;
    let fits = (1..=MOST).contains(&ids.len());
    fits.then(|| format!("/console/acts/new?of=licenses&step={step}&id={}", ids.join("&id=")))
}
