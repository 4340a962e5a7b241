//! Server functions of finding. What is typed travels in the body: it may be a whole license key.

use leptos::prelude::*;

use super::model::Found;
use crate::error::UiError;

/// What `q` finds, a few of each kind that this person may see.
#[server(output = crate::wire::Answer)]
pub async fn find(q: String) -> Result<Found, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    // Every role may look at the catalogue; what else is found depends on the role.
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let finds = service.find(&actor, &q).await?;
    Ok(Found { whole_key: finds.whole_key, groups: groups(&finds, &actor, service.now()) })
}

/// Goes to what was typed into the box over everything: to the license of a whole key or id, else to what is found.
#[server(output = crate::wire::Answer)]
pub async fn seek(#[server(default)] q: String) -> Result<(), UiError> {
    use crate::{ctx, ssr::encode};
    use holdfast_domain::{LicenseId, Permission};
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let q = q.trim();
    let finds = ctx::service()?.find(&actor, q).await?;
    let exact = finds.whole_key || q.parse::<LicenseId>().is_ok();
    match finds.licenses.as_slice() {
        [license] if exact => ctx::redirect(&format!("/console/licenses/{}", license.id)),
        [] if finds.whole_key => ctx::redirect("/console/find?key=unknown"),
        // Two products may have the same key of another system.
        [license, ..] if finds.whole_key => ctx::redirect(&format!("/console/find?q={}", encode(&license.key_hint))),
        _ => ctx::redirect(&format!("/console/find?q={}", encode(q))),
    }
    Ok(())
}

/// What `actor` may do with a license as it stands.
#[cfg(feature = "ssr")]
fn license_acts(
    license: &holdfast_service::admin::views::LicenseView,
    actor: &holdfast_service::Actor,
) -> Vec<crate::pages::lists::model::Link> {
    use crate::pages::{licenses::model::step, lists::build::link};
    use holdfast_domain::Permission;
    let mut acts = Vec::new();
    if license.expires_at.is_some() && actor.may(Permission::LicensesExtend) {
        acts.push(("extend", "Extend license"));
    }
    if actor.may(Permission::LicensesWrite) {
        acts.push(("change", "Change plan"));
    }
    if actor.may(Permission::LicensesStatus) {
        let steps = ["suspend", "resume", "revoke", "reinstate"].into_iter();
        let fits = |name| step(name).filter(|(change, _)| license.status.after(*change).is_some());
        acts.extend(steps.filter_map(|name| fits(name).map(|(_, words)| (name, words.verb))));
    }
    acts.into_iter().map(|(step, words)| link(words, format!("/console/licenses/{}/{step}", license.id))).collect()
}

#[cfg(feature = "ssr")]
pub fn groups(
    finds: &holdfast_service::admin::find::Finds,
    actor: &holdfast_service::Actor,
    now: holdfast_domain::Timestamp,
) -> Vec<super::model::Group> {
    use super::model::{Group, Hit};
    use crate::{pages::lists::build::link, ui::When};
    use holdfast_domain::{LicenseState, Permission, SeatState};
    let joined = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(" · ");
    let hit = |id: String, folder: &str, title: String, detail: String| Hit {
        href: format!("/console/{folder}/{id}"),
        id,
        title,
        detail,
        acts: Vec::new(),
    };
    let licenses = finds.licenses.iter().map(|license| {
        let word = match license.state {
            LicenseState::Active => "active",
            LicenseState::Suspended => "suspended",
            LicenseState::Revoked => "revoked",
            LicenseState::Expired => "expired",
        };
        let whose = license.customer_name.as_ref().map(ToString::to_string);
        let detail = joined(&[whose, Some(license.plan_code.to_string()), Some(word.to_owned())]);
        let found = hit(license.id.to_string(), "licenses", format!("…{}", license.key_hint), detail);
        Hit { acts: license_acts(license, actor), ..found }
    });
    let customers = finds.customers.iter().map(|customer| {
        let address = customer.email.as_ref().map(ToString::to_string);
        let detail = joined(&[address, customer.external_id.clone()]);
        let issue = link("Issue license", format!("/console/licenses/new?customer={}", customer.id));
        let acts = if actor.may(Permission::LicensesWrite) { vec![issue] } else { Vec::new() };
        Hit { acts, ..hit(customer.id.to_string(), "customers", customer.name.to_string(), detail) }
    });
    let seats = finds.seats.iter().map(|found| {
        let seat = &found.seat;
        let detail = format!("License …{}, seen {}", found.key_hint, When::new(seat.last_seen, now).relative);
        let user = || seat.user.as_ref().map(ToString::to_string).unwrap_or_default();
        let free = link("Free seat", format!("/console/licenses/{}/free/{}", seat.license, seat.id));
        let may_free = seat.state == SeatState::Active && actor.may(Permission::SeatsRelease);
        let acts = if may_free { vec![free] } else { Vec::new() };
        Hit { acts, ..hit(seat.id.to_string(), "seats", seat.name.clone().unwrap_or_else(user), detail) }
    });
    let orders = finds.orders.iter().map(|order| {
        let day = When::new(order.created_at, now);
        let detail = format!("{}, {}", order.status.as_str().replace('_', " "), day.relative);
        hit(order.id.to_string(), "orders", order.reference.clone(), detail)
    });
    let products = finds
        .products
        .iter()
        .map(|product| hit(product.id.to_string(), "products", product.name.to_string(), product.code.to_string()));
    let plans =
        finds.plans.iter().map(|plan| hit(plan.id.to_string(), "plans", plan.name.to_string(), plan.code.to_string()));
    let kinds: [(&str, Vec<Hit>); 6] = [
        ("Licenses", licenses.collect()),
        ("Customers", customers.collect()),
        ("Devices", seats.collect()),
        ("Orders", orders.collect()),
        ("Products", products.collect()),
        ("Plans", plans.collect()),
    ];
    let found = kinds.into_iter().filter(|(_, hits)| !hits.is_empty());
    found.map(|(name, hits)| Group { name: name.to_owned(), hits }).collect()
}
