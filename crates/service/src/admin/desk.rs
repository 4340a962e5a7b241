//! The support desk's first page: whom somebody has worked on lately.

use super::{
    customers::show,
    events::rows,
    inputs::EventFilter,
    page::{Limit, PageRequest},
    views::CustomerView,
};
use crate::{Service, actor::Actor, error::Result};
use holdfast_domain::{CustomerId, LicenseId, OrderId, Permission, SeatId, Timestamp};
use holdfast_store::{
    Querier, Scope, customers,
    events::{self, EventRow},
    licenses, orders, seats,
};

/// How many customers are named.
const RECENT: usize = 8;
/// In how many of one's own acts they are looked for.
const ACTS: u32 = 100;

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
}
