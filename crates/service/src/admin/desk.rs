//! What the support desk shows beside the console's lists: whom somebody has worked on lately, and of a customer who comes in
//! to the portal, who has a seat and no device yet, and which mail they were sent.

use super::{
    customers::show,
    events::rows,
    inputs::EventFilter,
    mails::{self as mail, MailView},
    page::{Limit, PageRequest},
    views::CustomerView,
};
use crate::{
    Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    portal::views::PersonView,
};
use holdfast_domain::{CustomerId, Email, LicenseId, Name, OrderId, Permission, SeatId, Timestamp};
use holdfast_store::{
    Querier, Scope, customer_people, customers,
    events::{self, EventRow},
    licenses, mails, orders, seats,
};

/// How many customers are named.
const RECENT: usize = 8;
/// In how many of one's own acts they are looked for.
const ACTS: u32 = 100;
/// How many mails of a customer are named.
const MAILS: usize = 10;
/// Among how many of the newest to their addresses they are looked for.
const LOOKED_AT: u32 = 50;

/// A seat that was handed out to somebody who has no device on it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatWithoutDevice {
    /// Their address.
    pub email: Email,
    /// The license.
    pub license: LicenseId,
    /// The last characters of its key.
    pub key_hint: String,
    /// What its product is called.
    pub product: Name,
    /// When it was handed out.
    pub handed_out_at: Timestamp,
}

/// Whom an event is about.
async fn customer_of(q: &mut dyn Querier, scope: Scope, event: &EventRow) -> Result<Option<CustomerId>> {
    let subject = event.subject.as_str();
    if let Ok(id) = subject.parse::<CustomerId>() {
        return Ok(Some(id));
    }
    if let Ok(id) = subject.parse::<OrderId>() {
        return Ok(orders::get(q, scope, id).await?.and_then(|order| order.customer));
    }
    let license = match (subject.parse::<LicenseId>(), subject.parse::<SeatId>()) {
        (Ok(id), _) => Some(id),
        (_, Ok(id)) => seats::get(q, scope, id).await?.map(|row| row.seat.license),
        _ => None,
    };
    Ok(match license {
        Some(id) => licenses::get(q, scope, id).await?.and_then(|row| row.license.customer),
        None => None,
    })
}

impl Service {
    /// The customers whom `actor` has done something for lately, each with when, the last one first.
    pub async fn recent_customers(&self, actor: &Actor) -> Result<Vec<(CustomerView, Timestamp)>> {
        actor.require(Permission::CustomersRead)?;
        actor.require(Permission::LicensesRead)?;
        let (scope, mut reader) = (actor.scope(), self.store().patient_reader());
        let filter = rows(EventFilter::default(), Some(actor.who()));
        let page = PageRequest { limit: Limit::new(ACTS), counted: false, ..PageRequest::default() };
        let acts = events::list(&mut reader, scope, &filter, &page).await?.items;
        let (mut subjects, mut found) = (Vec::new(), Vec::<(CustomerView, Timestamp)>::new());
        for event in acts {
            if found.len() == RECENT {
                break;
            }
            if subjects.contains(&event.subject) {
                continue;
            }
            if let Some(id) = customer_of(&mut reader, scope, &event).await?
                && !found.iter().any(|(customer, _)| customer.id == id)
                && let Some(row) = customers::get(&mut reader, scope, id).await?
            {
                found.push((show(&row), event.at));
            }
            subjects.push(event.subject);
        }
        Ok(found)
    }

    /// Who of a customer comes in to the portal, by address.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn people_of_customer(&self, actor: &Actor, id: CustomerId) -> Result<Vec<PersonView>> {
        actor.require(Permission::CustomersRead)?;
        let (scope, mut reader) = (actor.scope(), self.store().patient_reader());
        let company = customers::get(&mut reader, scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let people = customer_people::of_customer(&mut reader, scope, id).await?.into_iter().map(|row| PersonView {
            own: false,
            main: company.email.as_ref() == Some(&row.email),
            id: row.id,
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: row.created_at,
            signed_in_at: row.last_login_at,
        });
        Ok(people.collect())
    }

    /// To whom seats of a customer's licenses were handed out and who have no device on them yet, those first to whom it was
    /// last; at most `most`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn seats_without_device(
        &self,
        actor: &Actor,
        id: CustomerId,
        most: u32,
    ) -> Result<Vec<SeatWithoutDevice>> {
        actor.require(Permission::CustomersRead)?;
        actor.require(Permission::LicensesRead)?;
        let (scope, mut reader) = (actor.scope(), self.store().patient_reader());
        customers::get(&mut reader, scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let found =
            seats::without_device(&mut reader, scope, id, most).await?.into_iter().map(|row| SeatWithoutDevice {
                email: row.holder.email,
                license: row.holder.license,
                key_hint: row.key_hint,
                product: row.product,
                handed_out_at: row.holder.created_at,
            });
        Ok(found.collect())
    }

    /// The newest mails to a customer: to their own address, and to those of whoever comes in to the portal for them. Whoever
    /// sees the customer sees to whom each went.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn mails_of_customer(&self, actor: &Actor, id: CustomerId) -> Result<Vec<MailView>> {
        actor.require(Permission::CustomersRead)?;
        let (scope, mut reader) = (actor.scope(), self.store().patient_reader());
        let company = customers::get(&mut reader, scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let people = customer_people::of_customer(&mut reader, scope, id).await?.into_iter().map(|row| row.email);
        let addresses: Vec<_> = company.email.into_iter().chain(people).collect();
        let rows = mails::newest_to(&mut reader, scope, &addresses, LOOKED_AT).await?;
        let rows = rows.into_iter().filter(|row| row.template.is_to_customers()).take(MAILS);
        Ok(rows
            .map(|row| MailView { to: Some(row.recipient.clone()), error: row.error.clone(), ..mail::show(actor, row) })
            .collect())
    }
}
