//! Server functions of the customer screens.

use leptos::prelude::*;

use super::model::CustomerDetail;
#[cfg(feature = "ssr")]
use super::model::CustomerRow;
use crate::error::UiError;

/// Everything about a customer.
#[server(output = crate::wire::Answer)]
pub async fn customer(id: String, after: String) -> Result<CustomerDetail, UiError> {
    use crate::{
        ctx,
        pages::{
            freshness::model::Safe, licenses, mail::model::Bounced, notes::api::notes_about, products::api::parse_id,
            serve,
        },
        ui::When,
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{freshness::FreshnessFilter, inputs::LicenseFilter, notes::NoteSubject};
    let actor = ctx::actor(Permission::CustomersRead).await?;
    let service = ctx::service()?;
    let customer = service.customer(&actor, parse_id(&id)?).await?;
    let filter = LicenseFilter { customer: Some(customer.id), ..LicenseFilter::default() };
    let page = service.licenses(&actor, filter, serve::page(&after)?).await?;
    let now = service.now();
    let filter = FreshnessFilter { customer: Some(customer.id), ..FreshnessFilter::default() };
    let safe =
        if actor.may(Permission::FleetRead) { Safe::of(&service.freshness(&actor, &filter).await?) } else { None };
    let people = serve::People::of(&service, &actor).await?;
    let bounced = match &customer.email {
        Some(email) => service.mail_bounce(&actor, email).await?,
        None => None,
    };
    Ok(CustomerDetail {
        bounced: bounced.map(|(at, said)| Bounced { at: When::new(at, now), said }),
        notes: notes_about(&service, &actor, NoteSubject::Customer(customer.id), &people).await?,
        safe,
        customer: show(&customer, now),
        licenses: serve::list(page, |license| licenses::api::row(&license, now)),
        may_write: actor.may(Permission::CustomersWrite),
        may_issue: actor.may(Permission::LicensesWrite),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn customer_again(id: String, after: String) -> Result<CustomerDetail, UiError> {
    // Whoever may see it is asked there.
    customer(id, after).await
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
fn show(customer: &holdfast_service::admin::views::CustomerView, now: holdfast_domain::Timestamp) -> CustomerRow {
    let email = customer.email.as_ref().map(ToString::to_string);
    CustomerRow {
        id: customer.id.to_string(),
        name: customer.name.to_string(),
        email,
        created: crate::ui::When::new(customer.created_at, now),
    }
}
