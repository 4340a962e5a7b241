//! Server functions of the inbox.

#![allow(clippy::too_many_arguments)] // as many as the form has fields

use leptos::prelude::*;

use super::model::{InboxDetail, InboxRow};
use crate::{error::UiError, pages::List};

/// What waits for a person, the newest first; with the tab `all` also what does not any more.
#[server(output = crate::wire::Answer)]
pub async fn inbox(tab: String, after: String) -> Result<List<InboxRow>, UiError> {
    use crate::{
        ctx,
        pages::serve::{list, page},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::shops::InboxFilter;
    let actor = ctx::actor(Permission::CustomersRead).await?;
    let service = ctx::service()?;
    let filter = InboxFilter { open: (tab != super::ALL).then_some(true), ..InboxFilter::default() };
    let found = service.inbox(&actor, filter, page(&after)?).await?;
    let now = service.now();
    Ok(list(found, |entry| row(&entry, now)))
}

/// Something that waits for a person, with what can be made of it.
#[server(output = crate::wire::Answer)]
pub async fn inbox_entry(id: String) -> Result<InboxDetail, UiError> {
    use super::model::Way;
    use crate::{
        ctx,
        pages::{acts::api::waiting_for, imports::api::plan_choices, products::api::parse_id, serve::People},
        ui::When,
    };
    use holdfast_domain::{InboxId, Permission};
    let actor = ctx::actor(Permission::CustomersRead).await?;
    let (service, id) = (ctx::service()?, parse_id::<InboxId>(&id)?);
    let found = service.inbox_entry(&actor, id).await?;
    let (people, now) = (People::of(&service, &actor).await?, service.now());
    let entry = found.entry;
    let mut ways = ways(&actor, &entry);
    let mut about: Vec<_> = found.licenses.iter().map(|license| license.id.to_bytes()).collect();
    about.extend(entry.order.map(holdfast_domain::OrderId::to_bytes));
    let changes = |way: &Way| matches!(way, Way::Revoke | Way::Reinstate);
    let waits =
        if ways.iter().any(changes) { waiting_for(&service, &actor, &about, &people).await? } else { Vec::new() };
    ways.retain(|way| !changes(way) || waits.is_empty());
    let (losses, sentence, elsewhere) = match ways.iter().copied().find(changes) {
        Some(way) => changing(&service, &actor, &entry, way).await?,
        None => <_>::default(),
    };
    let chooses = ways.iter().any(|way| matches!(way, Way::Map | Way::Issue));
    let line = entry
        .sale
        .as_ref()
        .and_then(|sale| sale.lines.iter().find(|line| entry.line.as_deref() == Some(line.id.as_str())));
    Ok(InboxDetail {
        shop: actor.may(Permission::ShopsRead).then(|| entry.shop.to_string()),
        order: entry.order.map(|id| id.to_string()),
        sale: entry.sale.as_ref().map(|sale| facts(sale, now)).unwrap_or_default(),
        lines: lines(&entry),
        price: line.map(|line| line.price.to_string()).unwrap_or_default(),
        pieces: line.map_or(1, |line| line.quantity),
        licenses: found.licenses.iter().map(|license| crate::pages::licenses::api::row(license, now)).collect(),
        message: found.message.map(|(topic, body)| (topic, readable(&body))),
        answers: readable(&found.answers),
        plans: if chooses { plan_choices(&actor, None).await? } else { Vec::new() },
        ways,
        losses,
        sentence,
        elsewhere,
        waits,
        resolved: entry
            .resolved
            .as_ref()
            .map(|(by, at)| (people.who(by), When::new(*at, now), entry.reason.as_ref().map(ToString::to_string))),
        row: row(&entry, now),
    })
}

/// Resolves something that waits.
#[server(output = crate::wire::Answer)]
pub async fn resolve_inbox(
    id: String,
    how: String,
    #[server(default)] plan: String,
    #[server(default)] seats: bool,
    #[server(default)] once: String,
    #[server(default)] number: String,
    #[server(default)] email: String,
    #[server(default)] license: String,
    #[server(default)] days: String,
    #[server(default)] reason: String,
    #[server(default)] why: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{InboxId, Permission, Seconds};
    use holdfast_service::{
        Error,
        admin::{
            inputs::{CreateCustomer, CustomerChoice},
            shops::{Resolve, ResolveInput},
        },
    };
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let (service, id) = (ctx::service()?, parse_id::<InboxId>(&id)?);
    let how = match how.as_str() {
        "again" => Resolve::Again,
        "map" => {
            let plan = if plan == crate::pages::shops::NOTHING { None } else { optional("plan", &plan)? };
            Resolve::Map { plan, quantity_is_seats: seats }
        }
        "issue" => Resolve::Issue { plan: parse("once", &once)?, seats: optional("number", &number)? },
        "customer" => {
            let new = CreateCustomer { email: Some(parse("email", &email)?), ..CreateCustomer::default() };
            Resolve::Customer(CustomerChoice::New(new))
        }
        "license" => Resolve::License(parse("license", &license)?),
        "revoke" => {
            let days = optional::<u16>("days", &days)?.filter(|days| *days > 0);
            let effective_at = days.map(|days| service.now().plus(Seconds::days(i64::from(days))));
            Resolve::Revoke { effective_at }
        }
        "reinstate" => Resolve::Reinstate,
        "dismiss" => Resolve::Dismiss,
        _ => {
            let known = "again, map, issue, customer, license, revoke, reinstate or dismiss";
            return Err(Error::invalid("/how", known).into());
        }
    };
    let reason = if why.trim().is_empty() { optional("reason", &reason)? } else { optional("why", &why)? };
    let input = ResolveInput { how, reason, dry_run: false };
    service.resolve_inbox(&ctx::call(&actor), id, input).await?;
    ctx::redirect(&format!("/console/orders/inbox/{id}?done=inbox_resolved"));
    Ok(())
}

#[cfg(feature = "ssr")]
use holdfast_domain::Timestamp;
#[cfg(feature = "ssr")]
use holdfast_service::admin::shops::{InboxKind, InboxView, Resolution};

#[cfg(feature = "ssr")]
pub(crate) fn row(entry: &InboxView, now: Timestamp) -> InboxRow {
    use crate::ui::{Tone, When};
    let what = match entry.kind {
        InboxKind::Price => "A price that is no plan yet",
        InboxKind::Quantity => "Several pieces",
        InboxKind::Buyer => "Nobody knows who bought",
        InboxKind::Charge => "A payment for nothing known",
        InboxKind::Held => "Perhaps for a license that there is",
        InboxKind::Part => "Paid back in part",
        InboxKind::Refund => "Paid back",
        InboxKind::Dispute => "Dispute lost",
        InboxKind::Line => "No longer part of a subscription",
        InboxKind::Revoked => "Paid, and revoked",
        InboxKind::Regained => "Money is there again, and revoked",
        InboxKind::Unreadable => "Not understood",
    };
    let (tone, word) = match entry.resolution {
        Resolution::Open => (Tone::Warn, "Waiting"),
        Resolution::Mapped => (Tone::Good, "Price set"),
        Resolution::Issued => (Tone::Good, "License issued"),
        Resolution::Linked => (Tone::Good, "Linked"),
        Resolution::Revoked => (Tone::None, "Revoked"),
        Resolution::Reinstated => (Tone::Good, "Reinstated"),
        Resolution::Again => (Tone::None, "Looked at again"),
        Resolution::Dismissed => (Tone::None, "Dismissed"),
        Resolution::Ruled => (Tone::None, "Done by rule"),
    };
    InboxRow {
        id: entry.id.to_string(),
        what: what.to_owned(),
        detail: entry.detail.clone(),
        shop: entry.shop_name.to_string(),
        state: (tone, word.to_owned()),
        opened: When::new(entry.opened_at, now),
    }
}

/// What this person can make of it.
#[cfg(feature = "ssr")]
fn ways(actor: &holdfast_service::Actor, entry: &InboxView) -> Vec<super::model::Way> {
    use super::model::Way;
    use holdfast_domain::Permission as P;
    if entry.resolution != Resolution::Open {
        return Vec::new();
    }
    let all = [
        (Way::Map, P::ShopsWrite),
        (Way::Issue, P::LicensesWrite),
        (Way::Customer, P::CustomersWrite),
        (Way::License, P::LicensesWrite),
        (Way::Revoke, P::LicensesStatus),
        (Way::Reinstate, P::LicensesStatus),
        (Way::Again, P::CustomersWrite),
        (Way::Dismiss, P::CustomersWrite),
    ];
    let fits = |way| match way {
        Way::Map => matches!(entry.kind, InboxKind::Price | InboxKind::Quantity),
        Way::Issue => matches!(entry.kind, InboxKind::Price | InboxKind::Quantity | InboxKind::Held),
        Way::Customer => entry.kind == InboxKind::Buyer,
        Way::License => {
            matches!(entry.kind, InboxKind::Price | InboxKind::Quantity | InboxKind::Charge | InboxKind::Held)
        }
        Way::Revoke => {
            matches!(entry.kind, InboxKind::Part | InboxKind::Refund | InboxKind::Dispute | InboxKind::Line)
        }
        Way::Reinstate => matches!(entry.kind, InboxKind::Revoked | InboxKind::Regained),
        Way::Again => matches!(
            entry.kind,
            InboxKind::Price
                | InboxKind::Quantity
                | InboxKind::Buyer
                | InboxKind::Charge
                | InboxKind::Held
                | InboxKind::Unreadable
        ),
        Way::Dismiss => true,
    };
    all.into_iter().filter(|(way, right)| actor.may(*right) && fits(*way)).map(|(way, _)| way).collect()
}

/// Whose access revoking what was bought would end, or what reinstating it does, in a sentence, and where it is begun or asked
/// for: by support, which ends nobody's access at once, and by whoever may not change so many alone.
#[cfg(feature = "ssr")]
async fn changing(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    entry: &InboxView,
    way: super::model::Way,
) -> Result<(Vec<crate::pages::licenses::model::Loss>, String, Option<String>), UiError> {
    use crate::pages::{licenses::api::impact, orders::api::begin};
    use holdfast_domain::Permission;
    use holdfast_service::admin::shops::{Resolve, ResolveInput};
    let revokes = way == super::model::Way::Revoke;
    let how = if revokes { Resolve::Revoke { effective_at: None } } else { Resolve::Reinstate };
    let input = ResolveInput { how, reason: None, dry_run: true };
    let would = service.resolve_inbox(&crate::ctx::call(actor), entry.id, input).await?;
    let ids: Vec<String> = would.licenses.iter().map(|license| license.id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let shown = impact(&would.impact, service.now());
    let elsewhere = (revokes && actor.ends_later()) || actor.asks(Permission::LicensesStatus, ids.len());
    let list = || entry.order.map(|order| format!("/console/licenses?order={order}"));
    let step = if revokes { "revoke" } else { "reinstate" };
    let href = if elsewhere { begin(&ids, step).or_else(list) } else { None };
    let sentence = match ids.len() {
        _ if revokes => shown.sentence,
        1 => "The license below goes on, with the devices that it had. Why it was revoked stands with it.".to_owned(),
        n => format!("{n} licenses go on, with the devices that they had. Why each was revoked stands with it below."),
    };
    Ok((shown.losses, sentence, href))
}

/// What is known of the sale, in words.
#[cfg(feature = "ssr")]
pub(crate) fn facts(sale: &holdfast_domain::Sale, now: Timestamp) -> Vec<(String, String)> {
    use crate::ui::When;
    use holdfast_domain::sale::{Dispute, Payment, SubscriptionStatus};
    let mut facts = vec![("Sale", sale.id.to_string())];
    facts.extend(sale.number.as_ref().map(|number| ("Number", number.to_string())));
    if let Some(buyer) = &sale.buyer {
        let name = buyer.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        facts.push(("Buyer", format!("{name}{}", buyer.email)));
    }
    let payment = match sale.payment {
        Payment::Pending => "not paid",
        Payment::Paid => "paid",
        Payment::PaidBackInPart => "paid back in part",
        Payment::PaidBack => "paid back",
    };
    let back = sale.paid_back.as_ref().map(|amount| format!(": {amount}")).unwrap_or_default();
    facts.push(("Money", format!("{payment}{back}")));
    facts.extend(sale.dispute.map(|dispute| {
        let word = match dispute {
            Dispute::Open => "open",
            Dispute::Won => "won",
            Dispute::Lost => "lost",
        };
        ("Dispute", word.to_owned())
    }));
    if let Some(period) = sale.subscription {
        let word = match period.status {
            SubscriptionStatus::Renewing => "renews itself",
            SubscriptionStatus::PastDue => "a payment has failed and is tried again",
            SubscriptionStatus::Ending => "ends with the period",
            SubscriptionStatus::Ended => "ended",
        };
        let until = When::new(period.paid_until, now).absolute;
        facts.push(("Subscription", format!("{word}; paid until {until}")));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(feature = "ssr")]
fn lines(entry: &InboxView) -> Vec<(String, String, u32)> {
    let lines = entry.sale.iter().flat_map(|sale| &sale.lines);
    let title = |line: &holdfast_domain::sale::Line| line.title.as_ref().map(ToString::to_string).unwrap_or_default();
    lines.map(|line| (title(line), line.price.to_string(), line.quantity)).collect()
}

/// JSON with its lines and indents; any other text as it is.
#[cfg(feature = "ssr")]
fn readable(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| text.to_owned())
}
