//! Licenses as their holders see them, and the orders they came with.

use super::{
    CustomerActor, CustomerCall,
    views::{Holder, MyHolder, MyLicense, MyLicenseDetail, MyOrder, MySeat},
};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{
        act::job,
        page::{Limit, Page, PageRequest},
        seats::show as seat_view,
    },
    runtime::left_of,
};
use holdfast_domain::{Email, LicenseId, Name, PlanId, PortalAct, ProductId, SeatId, SeatModel, SeatState, Timestamp};
use holdfast_store::{
    Querier, Scope, WriteOptions,
    licenses::{self, LicenseFilter, LicenseRow, LicenseSort},
    orders::{self, OrderFilter},
    plans,
    portals::{self, PlanLinksRow},
    products,
    seats::{self, SeatRow},
};
use serde_json::json;
use std::collections::BTreeMap;

/// How many seats a license's page shows at most.
const SEATS: usize = 200;
/// How many licenses of an order are named.
const OF_AN_ORDER: u32 = 5;

pub(super) fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// A license that is the actor's own.
///
/// # Errors
/// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike.
pub(super) async fn own(q: &mut dyn Querier, actor: &CustomerActor, id: LicenseId) -> Result<LicenseRow> {
    let row = licenses::get(q, actor.scope(), id).await?.filter(|row| is_own(actor, row));
    row.ok_or_else(absent)
}

/// Whether a license is the actor's own.
pub(super) fn is_own(actor: &CustomerActor, row: &LicenseRow) -> bool {
    let license = &row.license;
    license.customer == Some(actor.customer()) && actor.license().is_none_or(|only| only == license.id)
}

/// Who has a seat of a license for named users: everybody to whom one was handed out, and whoever has one of `devices`.
pub(super) async fn holders_of(
    q: &mut dyn Querier,
    scope: Scope,
    license: &LicenseRow,
    devices: &[SeatRow],
) -> Result<Vec<Holder>> {
    if !matches!(license.license.terms.seat_model, SeatModel::NamedUser { .. }) {
        return Ok(Vec::new());
    }
    let id = license.license.id;
    let handed_out = seats::holders(q, scope, id).await?;
    let handed_out: BTreeMap<Email, Timestamp> =
        handed_out.into_iter().map(|holder| (holder.email, holder.created_at)).collect();
    let mut last_seen: BTreeMap<Email, Option<Timestamp>> =
        handed_out.keys().map(|email| (email.clone(), None)).collect();
    for seat in devices {
        if let Some(user) = &seat.seat.user {
            let last = last_seen.entry(user.clone()).or_default();
            *last = (*last).max(Some(seat.last_seen_at));
        }
    }
    let users: Vec<Email> = last_seen.keys().cloned().collect();
    let counts = seats::devices_of_users(q, scope, id, &users).await?;
    let holder = |(email, last_seen): (Email, _)| Holder {
        handed_out_at: handed_out.get(&email).copied(),
        devices: counts.get(&email).copied().unwrap_or_default(),
        last_seen,
        email,
    };
    Ok(last_seen.into_iter().map(holder).collect())
}

/// What licenses refer to, each looked up once.
#[derive(Default)]
pub(super) struct Names {
    products: BTreeMap<ProductId, Name>,
    plans: BTreeMap<PlanId, Name>,
    links: BTreeMap<PlanId, PlanLinksRow>,
}

impl Names {
    pub(super) async fn of(q: &mut dyn Querier, scope: Scope, rows: &[&LicenseRow]) -> Result<Self> {
        let mut names = Self::default();
        for license in rows.iter().map(|row| &row.license) {
            if !names.products.contains_key(&license.product) {
                let row = products::get(q, scope, license.product).await?.ok_or_else(absent)?;
                names.products.insert(row.id, row.name);
            }
            if !names.plans.contains_key(&license.plan) {
                let row = plans::get(q, scope, license.plan).await?.ok_or_else(absent)?;
                names.plans.insert(row.id, row.name);
            }
        }
        let all: Vec<PlanId> = names.plans.keys().copied().collect();
        names.links = portals::links(q, scope, &all).await?.into_iter().map(|row| (row.plan, row)).collect();
        Ok(names)
    }

    /// What a license is called: its product and its plan.
    pub(super) fn called(&self, row: &LicenseRow) -> String {
        let product = self.products.get(&row.license.product).map(Name::as_str).unwrap_or_default();
        let plan = self.plans.get(&row.license.plan).map(Name::as_str).unwrap_or_default();
        format!("{product} {plan}")
    }

    pub(super) fn show(&self, row: &LicenseRow, order: Option<String>, now: Timestamp) -> Result<MyLicense> {
        let license = &row.license;
        let links = self.links.get(&license.plan);
        // So that the shop knows which one it is about.
        let link = |link: &String| portals::link_for(link, license.id);
        Ok(MyLicense {
            id: license.id,
            product: self.products.get(&license.product).cloned().ok_or_else(absent)?,
            plan: self.plans.get(&license.plan).cloned().ok_or_else(absent)?,
            key_hint: row.key_hint.clone(),
            state: license.state(now),
            effective_at: license.status_effective_at.filter(|at| *at > now),
            model: license.terms.model,
            expires_at: license.expires_at,
            seat_model: license.terms.seat_model,
            seats: license.terms.seats,
            seats_taken: row.seats_used,
            entitlements: license.entitlements_at(now),
            fallback: license.terms.fallback.clone(),
            order,
            renew: links.and_then(|links| links.renew.as_ref()).map(link),
            upgrade: links.and_then(|links| links.upgrade.as_ref()).map(link),
            created_at: license.created_at,
        })
    }
}

impl Service {
    /// The licenses of the company; for whoever a license's key let in, that license.
    pub async fn my_licenses(&self, actor: &CustomerActor, page: PageRequest<LicenseSort>) -> Result<Page<MyLicense>> {
        actor.require(PortalAct::LicensesRead)?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let ids = actor.license().map(|only| vec![only]);
        let filter = LicenseFilter { customer: Some(actor.customer()), ids, ..LicenseFilter::default() };
        let found = licenses::list(&mut reader, scope, &filter, &page, now).await?;
        let rows: Vec<&LicenseRow> = found.items.iter().map(|item| &item.row).collect();
        let names = Names::of(&mut reader, scope, &rows).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let order = self.order_of(&mut reader, actor, row).await?;
            items.push(names.show(row, order, now)?);
        }
        Ok(Page { items, next: found.next, total: found.total })
    }

    /// A license of one's own, with its seats.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike.
    pub async fn my_license(&self, actor: &CustomerActor, id: LicenseId) -> Result<MyLicenseDetail> {
        actor.require(PortalAct::LicensesRead)?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let row = own(&mut reader, actor, id).await?;
        let names = Names::of(&mut reader, scope, &[&row]).await?;
        let order = self.order_of(&mut reader, actor, &row).await?;
        let mut rows = seats::of_license(&mut reader, scope, id, SeatState::Active, SEATS + 1).await?;
        let more = rows.len() > SEATS;
        rows.truncate(SEATS);
        let left = left_of(&mut reader, &row, now).await?;
        Ok(MyLicenseDetail {
            license: names.show(&row, order, now)?,
            seats: rows.iter().map(seat_view).collect(),
            more,
            holders: holders_of(&mut reader, scope, &row, &rows).await?,
            releases: (left, row.license.terms.release_budget),
        })
    }

    /// A seat of a license of one's own, as long as it is taken.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for unknown ids and somebody else's alike.
    pub async fn my_seat(&self, actor: &CustomerActor, license: LicenseId, seat: SeatId) -> Result<MySeat> {
        actor.require(PortalAct::LicensesRead)?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let row = own(&mut reader, actor, license).await?;
        let seat = seats::get(&mut reader, scope, seat).await?.filter(|found| found.seat.license == license);
        let seat = seat.filter(|found| found.seat.state == SeatState::Active).ok_or_else(absent)?;
        let names = Names::of(&mut reader, scope, &[&row]).await?;
        Ok(MySeat {
            license: names.show(&row, None, now)?,
            signs_itself: seat.seat.device_key.is_some(),
            seat: seat_view(&seat),
            releases: (left_of(&mut reader, &row, now).await?, row.license.terms.release_budget),
        })
    }

    /// Somebody who has a seat of a license for named users of one's own, with their devices.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown license, somebody else's, and whoever has no seat of it;
    /// [`ErrorCode::Forbidden`] for everybody but administrators.
    pub async fn my_holder(&self, actor: &CustomerActor, license: LicenseId, user: &Email) -> Result<MyHolder> {
        actor.require(PortalAct::PlacesWrite)?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let row = own(&mut reader, actor, license).await?;
        let rows = seats::of_user(&mut reader, scope, license, user).await?;
        let holders = holders_of(&mut reader, scope, &row, &rows).await?;
        let holder = holders.into_iter().find(|holder| holder.email == *user).ok_or_else(absent)?;
        let names = Names::of(&mut reader, scope, &[&row]).await?;
        Ok(MyHolder {
            license: names.show(&row, None, now)?,
            holder,
            seats: rows.iter().map(seat_view).collect(),
            releases: (left_of(&mut reader, &row, now).await?, row.license.terms.release_budget),
        })
    }

    /// The number of a license's order, for whoever may see orders.
    pub(super) async fn order_of(
        &self,
        q: &mut dyn Querier,
        actor: &CustomerActor,
        row: &LicenseRow,
    ) -> Result<Option<String>> {
        let Some(order) = row.license.order.filter(|_| actor.may(PortalAct::OrdersRead)) else { return Ok(None) };
        let order = orders::get(q, actor.scope(), order).await?;
        Ok(order.filter(|order| order.customer == Some(actor.customer())).map(|order| order.external_id))
    }

    /// The whole key of a license of one's own. Each time is an event.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike; [`ErrorCode::Forbidden`] for whoever a license's
    /// key let in, who has it.
    pub async fn my_key(&self, call: &CustomerCall, id: LicenseId) -> Result<String> {
        call.actor.require(PortalAct::KeyReveal)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        // Written before it is shown: a key that somebody has seen is always in the log.
        let revealed = job!(act, actor => |tx| {
            let row = own(tx, &actor, id).await?;
            act.event(tx, "license.key_revealed", id, actor.told(json!({})));
            Ok::<_, Error>(row.key_sealed)
        });
        self.open_key(id, &self.store().write(WriteOptions::default(), revealed).await?)
    }

    /// The orders of the company, the newest first.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever a license's key let in.
    pub async fn my_orders(&self, actor: &CustomerActor, page: PageRequest<()>) -> Result<Page<MyOrder>> {
        actor.require(PortalAct::OrdersRead)?;
        let filter = OrderFilter { customer: Some(actor.customer()), ..OrderFilter::default() };
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let found = orders::list(&mut reader, scope, &filter, &page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for row in found.items {
            let filter =
                LicenseFilter { customer: Some(actor.customer()), order: Some(row.id), ..LicenseFilter::default() };
            let few = PageRequest { limit: Limit::new(OF_AN_ORDER), ..PageRequest::default() };
            let came = licenses::list(&mut reader, scope, &filter, &few, now).await?;
            let rows: Vec<&LicenseRow> = came.items.iter().map(|item| &item.row).collect();
            let names = Names::of(&mut reader, scope, &rows).await?;
            items.push(MyOrder {
                id: row.id,
                reference: row.external_id,
                status: row.status,
                licenses: rows.iter().map(|row| (row.license.id, names.called(row))).collect(),
                more: came.next.is_some(),
                created_at: row.created_at,
                refunded_at: row.refunded_at,
            });
        }
        Ok(Page { items, next: found.next, total: found.total })
    }
}
