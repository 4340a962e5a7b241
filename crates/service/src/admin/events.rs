//! The audit log as people read it, and the walk along its hash chain.

use super::{
    act::Act,
    inputs::EventFilter,
    page::{Limit, Page, PageRequest, map},
    views::{ChainReport, ChainWalk, CustomerTimeline, EventDetail, EventView},
};
use crate::{
    Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{CustomerId, EventHash, EventId, LicenseId, Permission, SeatId, Timestamp, VendorId, event};
pub use holdfast_store::events::Told;
use holdfast_store::{
    Querier, Scope, customers,
    events::{self, EventRow, Verdict, Walked},
    licenses, orders, seats,
};
use std::collections::BTreeSet;

/// For how many seats of a license its timeline tells what happened to them.
pub(super) const SEATS_TOLD: usize = 20;
/// Of how many of its seats a license's whole time line tells, those seen last.
pub const SEATS_IN_LINE: usize = 5_000;
/// Of how many of a customer's orders, licenses and seats their time line tells: the newest, and the seats seen last.
const OF_CUSTOMER_IN_LINE: [usize; 3] = [500, 1_500, 3_000];
/// How many events are looked at in one call.
const AT_A_TIME: i64 = 20_000;

pub(super) fn show(row: EventRow) -> EventView {
    EventView {
        id: row.id,
        number: row.number,
        at: row.at,
        actor: serde_json::from_str(&row.actor).unwrap_or(event::Actor::System),
        action: row.action,
        subject: row.subject,
        data: serde_json::from_str(&row.data).unwrap_or_default(),
        origin: row.origin,
        request: row.request,
    }
}

/// A hash as people compare it.
fn hex(hash: EventHash) -> String {
    format!("{hash:?}")
}

/// What happened to a license and to the first of `seats`, newest first; at most `limit`.
pub(super) async fn timeline(
    act: &Act,
    q: &mut dyn Querier,
    license: LicenseId,
    seats: impl Iterator<Item = SeatId>,
    limit: u32,
) -> Result<Vec<EventView>> {
    let mut subjects = vec![license.to_string()];
    for seat in seats.map(|seat| seat.to_string()) {
        if subjects.len() <= SEATS_TOLD && !subjects.contains(&seat) {
            subjects.push(seat);
        }
    }
    let page = PageRequest { limit: Limit::new(limit), ..PageRequest::default() };
    let mut told = Vec::new();
    for subject in subjects {
        let filter = events::EventFilter { subject: Some(subject), ..events::EventFilter::default() };
        told.extend(events::list(q, act.scope, &filter, &page).await?.items);
    }
    told.sort_by_key(|row| std::cmp::Reverse(row.number));
    told.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(told.into_iter().map(show).collect())
}

/// Whose events `actor` may see of those that `filter` asks for; `None` for everybody's.
pub(super) fn visible(actor: &Actor, filter: &EventFilter) -> Result<Option<event::Actor>> {
    if actor.may(Permission::EventsReadAll) {
        return Ok(filter.member.map(event::Actor::Member));
    }
    actor.require(Permission::EventsReadOwn)?;
    Ok(Some(actor.who()))
}

/// `filter` for the store.
pub(super) fn rows(filter: EventFilter, actor: Option<event::Actor>) -> events::EventFilter {
    let EventFilter { subject, action, since, before, member: _ } = filter;
    events::EventFilter { subject, actor, action, since, before }
}

/// The event `id` of a subject, where it happened since `since`.
pub(super) async fn lately(
    act: &Act,
    q: &mut dyn Querier,
    subject: String,
    id: EventId,
    since: Timestamp,
) -> Result<Option<EventView>> {
    let filter = events::EventFilter { subject: Some(subject), since: Some(since), ..events::EventFilter::default() };
    let page = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let rows = events::list(q, act.scope, &filter, &page).await?;
    Ok(rows.items.into_iter().find(|row| row.id == id).map(show))
}

impl Service {
    /// The audit log, newest first. Whoever may not see all of it sees what they did themselves.
    pub async fn events(&self, actor: &Actor, filter: EventFilter, page: PageRequest<()>) -> Result<Page<EventView>> {
        let who = visible(actor, &filter)?;
        let filter = rows(filter, who);
        let rows = events::list(&mut self.store().patient_reader(), actor.scope(), &filter, &page).await?;
        Ok(map(rows, show))
    }

    /// The event of that number in the vendor's log, and how it stands in the chain.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for what somebody else did, where `actor` may not see the whole log.
    pub async fn event(&self, actor: &Actor, number: i64) -> Result<EventDetail> {
        actor.require(Permission::EventsReadOwn)?;
        let mut reader = self.store().patient_reader();
        let found = events::numbered(&mut reader, actor.scope(), number).await?;
        let (row, holds) = found.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let hash = hex(row.hash);
        let event = show(row);
        if event.actor != actor.who() {
            actor.require(Permission::EventsReadAll)?;
        }
        Ok(EventDetail { event, hash, holds })
    }

    /// What happened to a license and to its seats, newest first: with what people typed, for whoever may read the license.
    /// Of more than [`SEATS_IN_LINE`] seats, those seen last are told of.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn license_timeline(
        &self,
        actor: &Actor,
        id: LicenseId,
        told: Told,
        page: PageRequest<()>,
    ) -> Result<Page<EventView>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        if licenses::get(&mut reader, actor.scope(), id).await?.is_none() {
            return Err(Error::new(ErrorCode::NotFound));
        }
        let mut subjects = vec![id.to_string()];
        let seats = seats::ids_of_license(&mut reader, actor.scope(), id, SEATS_IN_LINE).await?;
        subjects.extend(seats.iter().map(ToString::to_string));
        Ok(map(events::about(&mut reader, actor.scope(), &subjects, told, &page).await?, show))
    }

    /// What happened to a customer, to their orders and licenses and to the seats of those, newest first: with what people
    /// typed, as for a license. Of somebody who has more than it tells of, that is said.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn customer_timeline(
        &self,
        actor: &Actor,
        id: CustomerId,
        told: Told,
        page: PageRequest<()>,
    ) -> Result<CustomerTimeline> {
        actor.require(Permission::CustomersRead)?;
        actor.require(Permission::LicensesRead)?;
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        if customers::get(&mut reader, scope, id).await?.is_none() {
            return Err(Error::new(ErrorCode::NotFound));
        }
        let [most_orders, most_licenses, most_seats] = OF_CUSTOMER_IN_LINE;
        let orders = orders::ids_of_customer(&mut reader, scope, id, most_orders).await?;
        let licenses = licenses::ids_of_customer(&mut reader, scope, id, most_licenses).await?;
        let seats = seats::ids_of_customer(&mut reader, scope, id, most_seats).await?;
        let whole = orders.len() < most_orders && licenses.len() < most_licenses && seats.len() < most_seats;
        let mut subjects = vec![id.to_string()];
        subjects.extend(orders.iter().map(ToString::to_string));
        subjects.extend(licenses.iter().map(ToString::to_string));
        subjects.extend(seats.iter().map(ToString::to_string));
        let page = map(events::about(&mut reader, scope, &subjects, told, &page).await?, show);
        let spoken_of: BTreeSet<LicenseId> = page.items.iter().filter_map(EventView::license).collect();
        let spoken_of: Vec<LicenseId> = spoken_of.into_iter().collect();
        let hints = licenses::hints(&mut reader, scope, &spoken_of).await?;
        Ok(CustomerTimeline { page, whole, hints })
    }

    /// What happened to a seat, newest first.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn seat_timeline(&self, actor: &Actor, id: SeatId, page: PageRequest<()>) -> Result<Page<EventView>> {
        self.seat(actor, id).await?;
        let mut reader = self.store().patient_reader();
        let subjects = [id.to_string()];
        Ok(map(events::about(&mut reader, actor.scope(), &subjects, Told::All, &page).await?, show))
    }

    /// Walks the vendor's audit log on from the event of number `after`, which was looked at before, over at most
    /// [`AT_A_TIME`] events or so: a long log takes several calls.
    pub async fn check_chain(&self, actor: &Actor, after: i64) -> Result<ChainWalk> {
        actor.require(Permission::EventsReadAll)?;
        if after < 0 {
            return Err(Error::invalid("/after", "The number of an event."));
        }
        Ok(match events::walk(&mut self.store().patient_reader(), actor.scope(), after, AT_A_TIME).await? {
            Walked::SoFar { number, last } => ChainWalk::SoFar { number, last },
            Walked::Done(Verdict::Whole { events, head }) => ChainWalk::Whole { events, head: hex(head) },
            Walked::Done(Verdict::Broken { number }) => ChainWalk::Broken { number },
        })
    }

    /// Walks the whole audit log of `vendor` and compares every hash: for an operator with a shell on the machine.
    pub async fn verify_chain(&self, vendor: VendorId) -> Result<ChainReport> {
        let verdict =
            events::verify(&mut self.store().patient_reader(), Scope::trusted(vendor)).await.map_err(Error::from)?;
        Ok(match verdict {
            Verdict::Whole { events, .. } => ChainReport { events, broken_at: None },
            Verdict::Broken { number } => ChainReport { events: number.saturating_sub(1), broken_at: Some(number) },
        })
    }
}
