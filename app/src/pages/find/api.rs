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
    Ok(Found { whole_key: finds.whole_key, groups: groups(&finds, service.now()) })
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

#[cfg(feature = "ssr")]
pub fn groups(finds: &holdfast_service::admin::find::Finds, now: holdfast_domain::Timestamp) -> Vec<super::model::Group> {
    use super::model::{Group, Hit};
    use crate::ui::When;
    use holdfast_domain::LicenseState;
    let joined = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(" · ");
    let hit = |href: String, title: String, detail: String| Hit { href, title, detail };
    let licenses = finds.licenses.iter().map(|license| {
        let word = match license.state {
            LicenseState::Active => "active",
            LicenseState::Suspended => "suspended",
            LicenseState::Revoked => "revoked",
            LicenseState::Expired => "expired",
        };
        let whose = license.customer_name.as_ref().map(ToString::to_string);
        let detail = joined(&[whose, Some(license.plan_code.to_string()), Some(word.to_owned())]);
        hit(format!("/console/licenses/{}", license.id), format!("…{}", license.key_hint), detail)
    });
    let customers = finds.customers.iter().map(|customer| {
        let address = customer.email.as_ref().map(ToString::to_string);
        let detail = joined(&[address, customer.external_id.clone()]);
        hit(format!("/console/customers/{}", customer.id), customer.name.to_string(), detail)
    });
    let seats = finds.seats.iter().map(|found| {
        let seat = &found.seat;
        let detail = format!("License …{}, seen {}", found.key_hint, When::new(seat.last_seen, now).relative);
        let user = || seat.user.as_ref().map(ToString::to_string).unwrap_or_default();
        hit(format!("/console/seats/{}", seat.id), seat.name.clone().unwrap_or_else(user), detail)
    });
    let orders = finds.orders.iter().map(|order| {
        let day = When::new(order.created_at, now);
        let href = format!("/console/orders/{}", order.id);
        hit(href, order.reference.clone(), format!("{}, {}", order.status.as_str().replace('_', " "), day.relative))
    });
    let products = finds.products.iter().map(|product| {
        hit(format!("/console/products/{}", product.id), product.name.to_string(), product.code.to_string())
    });
    let plans = finds
        .plans
        .iter()
        .map(|plan| hit(format!("/console/plans/{}", plan.id), plan.name.to_string(), plan.code.to_string()));
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
