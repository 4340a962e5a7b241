//! Server functions of the customer screens.

use leptos::prelude::*;

use super::model::{Asked, CustomerDetail};
#[cfg(feature = "ssr")]
use super::model::{CustomerRow, First, Overview, PersonRow, WithoutDeviceRow};
use crate::error::UiError;

/// How many people are named.
#[cfg(feature = "ssr")]
const NAMED: usize = 8;

/// A customer's page, with what the tab that is asked for shows.
#[server(output = crate::wire::Answer)]
pub async fn customer(asked: Asked) -> Result<CustomerDetail, UiError> {
    use super::model::Part;
    use crate::{
        ctx,
        pages::{lists::build, mail::model::Bounced, products::api::parse_id},
        ui::When,
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CustomersRead).await?;
    let service = ctx::service()?;
    let customer = service.customer(&actor, parse_id(&asked.id)?).await?;
    let of = async |list| build::of_customer(&service, &actor, list, customer.id, &asked.after).await.map(Box::new);
    let part = match asked.tab.as_str() {
        "orders" => Part::Orders(of("orders").await?),
        "devices" => Part::Devices(of("seats").await?),
        "timeline" => timeline(&service, &actor, customer.id, &asked).await?,
        _ => Part::Overview(Box::new(overview(&service, &actor, customer.id, &asked.after).await?)),
    };
    let bounced = match &customer.email {
        Some(email) => service.mail_bounce(&actor, email).await?,
        None => None,
    };
    let now = service.now();
    Ok(CustomerDetail {
        bounced: bounced.map(|(at, said)| Bounced { at: When::new(at, now), said }),
        customer: show(&customer, now),
        part,
        may_write: actor.may(Permission::CustomersWrite),
        may_issue: actor.may(Permission::LicensesWrite),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn customer_again(asked: Asked) -> Result<CustomerDetail, UiError> {
    // Whoever may see it is asked there.
    customer(asked).await
}

/// A customer as a whole.
#[cfg(feature = "ssr")]
pub async fn overview(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    id: holdfast_domain::CustomerId,
    after: &str,
) -> Result<Overview, UiError> {
    use crate::pages::{freshness::model::Safe, licenses, notes::api::notes_about, serve};
    use holdfast_domain::{LicenseState, Permission};
    use holdfast_service::admin::{
        events::Told,
        freshness::FreshnessFilter,
        inputs::LicenseFilter,
        notes::NoteSubject,
        page::{Limit, PageRequest},
        views::LicenseView,
    };
    let filter = LicenseFilter { customer: Some(id), ..LicenseFilter::default() };
    let page = service.licenses(actor, filter, serve::page(after)?).await?;
    let now = service.now();
    let filter = FreshnessFilter { customer: Some(id), ..FreshnessFilter::default() };
    let safe =
        if actor.may(Permission::FleetRead) { Safe::of(&service.freshness(actor, &filter).await?) } else { None };
    let last = PageRequest { limit: Limit::new(12), counted: false, ..PageRequest::default() };
    let told = service.customer_timeline(actor, id, Told::All, last).await?;
    let people = serve::People::of(service, actor).await?.speaking_of(service, actor, told.page.items.iter()).await;
    let active = page.items.iter().filter(|license| license.state == LicenseState::Active);
    let add = |(taken, seats), license: &LicenseView| {
        (taken + u64::from(license.seats_taken), seats + u64::from(license.terms.seats))
    };
    let seats = (after.is_empty() && page.next.is_none()).then(|| active.fold((0, 0), add));
    Ok(Overview {
        seats,
        people: people_of(service, actor, id).await?,
        without_device: without_device(service, actor, id).await?,
        licenses: serve::list(page, |license| licenses::api::row(&license, now)),
        safe,
        notes: notes_about(service, actor, NoteSubject::Customer(id), &people).await?,
        timeline: told.page.items.iter().map(|event| people.entry_of_many(event, &told.hints, now)).collect(),
    })
}

/// Who comes in to the portal for a customer.
#[cfg(feature = "ssr")]
async fn people_of(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    id: holdfast_domain::CustomerId,
) -> Result<First<PersonRow>, UiError> {
    use holdfast_domain::CustomerRole;
    use holdfast_service::portal::views::PersonView;
    let (now, mut people) = (service.now(), service.people_of_customer(actor, id).await?);
    people.sort_by_key(|person| std::cmp::Reverse(person.signed_in_at));
    let all = people.len();
    let row = |person: PersonView| PersonRow {
        email: person.email.to_string(),
        name: person.name.map(|name| name.to_string()),
        administrator: person.role == CustomerRole::Administrator,
        seen: person.signed_in_at.map(|at| crate::ui::When::new(at, now)),
    };
    Ok(First {
        rows: people.into_iter().take(NAMED).map(row).collect(),
        more: (all > NAMED).then(|| format!("These are the {NAMED} who came last of {all}.")),
    })
}

/// To whom a customer's seats were handed out who have no device yet.
#[cfg(feature = "ssr")]
async fn without_device(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    id: holdfast_domain::CustomerId,
) -> Result<First<WithoutDeviceRow>, UiError> {
    use holdfast_service::admin::desk::SeatWithoutDevice;
    let now = service.now();
    let mut found = service.seats_without_device(actor, id, u32::try_from(NAMED + 1).unwrap_or(u32::MAX)).await?;
    let more = (found.len() > NAMED)
        .then(|| format!("There are more: these are the {NAMED} to whom one was handed out last."));
    found.truncate(NAMED);
    let row = |seat: SeatWithoutDevice| WithoutDeviceRow {
        email: seat.email.to_string(),
        license: seat.license.to_string(),
        key_hint: seat.key_hint,
        product: seat.product.to_string(),
        since: crate::ui::When::new(seat.handed_out_at, now),
    };
    Ok(First { rows: found.into_iter().map(row).collect(), more })
}

/// What happened to a customer and to what they bought.
#[cfg(feature = "ssr")]
async fn timeline(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    id: holdfast_domain::CustomerId,
    asked: &Asked,
) -> Result<super::model::Part, UiError> {
    use crate::pages::serve;
    const UNTOLD: &str = "They have so much that not all of it is told of here: of the newest orders and licenses, and of \
                          the devices seen last. Each one's own page has all of it.";
    let told = serve::told(&asked.told);
    let told = service.customer_timeline(actor, id, told, serve::page(&asked.after)?).await?;
    let people = serve::People::of(service, actor).await?.speaking_of(service, actor, told.page.items.iter()).await;
    let (now, untold) = (service.now(), (!told.whole).then(|| UNTOLD.to_owned()));
    let entries = serve::list(told.page, |event| people.entry_of_many(&event, &told.hints, now));
    Ok(super::model::Part::Timeline(entries, untold))
}

/// Makes a customer.
#[server(output = crate::wire::Answer)]
pub async fn create_customer(#[server(default)] name: String, #[server(default)] email: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::optional};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::CreateCustomer;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let input = CreateCustomer {
        name: optional("name", &name)?,
        email: optional("email", &email)?,
        ..CreateCustomer::default()
    };
    let customer = ctx::service()?.create_customer(&ctx::call(&actor), input).await?;
    ctx::redirect(&format!("/console/customers/{}?done=customer_created", customer.id));
    Ok(())
}

/// Changes a customer's name or address.
#[server(output = crate::wire::Answer)]
pub async fn save_customer(
    id: String,
    #[server(default)] name: String,
    #[server(default)] email: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::optional},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::UpdateCustomer;
    let actor = ctx::actor(Permission::CustomersWrite).await?;
    let input = UpdateCustomer {
        name: optional("name", &name)?,
        email: optional("email", &email)?,
        ..UpdateCustomer::default()
    };
    let customer = ctx::service()?.update_customer(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::redirect(&format!("/console/customers/{}?done=customer_saved", customer.id));
    Ok(())
}

#[cfg(feature = "ssr")]
pub fn show(customer: &holdfast_service::admin::views::CustomerView, now: holdfast_domain::Timestamp) -> CustomerRow {
    let email = customer.email.as_ref().map(ToString::to_string);
    CustomerRow {
        id: customer.id.to_string(),
        name: customer.name.to_string(),
        email,
        external: customer.external_id.clone(),
        created: crate::ui::When::new(customer.created_at, now),
    }
}
