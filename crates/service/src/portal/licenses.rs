//! Licenses as their holders see them, the orders they came with, and everything that is held about a company.

use super::{
    CustomerActor, CustomerCall,
    views::{MyLicense, MyLicenseDetail, MyOrder},
};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{
        act::job,
        page::{Limit, Page, PageRequest, map},
        seats::show as seat_view,
    },
    runtime::left_of,
};
use holdfast_domain::{LicenseId, Name, PlanId, PortalAct, ProductId, SeatState, Timestamp, event};
use holdfast_store::{
    Querier, Scope, WriteOptions, customer_people, customers, events,
    licenses::{self, LicenseFilter, LicenseRow, LicenseSort},
    orders::{self, OrderFilter, OrderRow},
    plans, portal_sessions,
    portals::{self, PlanLinksRow},
    products, seats,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// How many seats a license's page shows at most.
const SEATS: usize = 200;

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

/// What licenses refer to, each looked up once.
#[derive(Default)]
struct Names {
    products: BTreeMap<ProductId, Name>,
    plans: BTreeMap<PlanId, Name>,
    links: BTreeMap<PlanId, PlanLinksRow>,
}

impl Names {
    async fn of(q: &mut dyn Querier, scope: Scope, rows: &[&LicenseRow]) -> Result<Self> {
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

    fn show(&self, row: &LicenseRow, order: Option<String>, now: Timestamp) -> Result<MyLicense> {
        let license = &row.license;
        let links = self.links.get(&license.plan);
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
            renew: links.and_then(|links| links.renew.clone()),
            upgrade: links.and_then(|links| links.upgrade.clone()),
            created_at: license.created_at,
        })
    }
}

fn order_view(row: &OrderRow) -> MyOrder {
    MyOrder {
        id: row.id,
        reference: row.external_id.clone(),
        status: row.status,
        created_at: row.created_at,
        refunded_at: row.refunded_at,
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
        let rows = seats::of_license(&mut reader, scope, id, SeatState::Active, SEATS).await?;
        let left = left_of(&mut reader, &row, now).await?;
        Ok(MyLicenseDetail {
            license: names.show(&row, order, now)?,
            seats: rows.iter().map(seat_view).collect(),
            releases: (left, row.license.terms.release_budget),
        })
    }

    /// The number of a license's order, for whoever may see orders.
    async fn order_of(&self, q: &mut dyn Querier, actor: &CustomerActor, row: &LicenseRow) -> Result<Option<String>> {
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
        let rows = orders::list(&mut self.store().patient_reader(), actor.scope(), &filter, &page).await?;
        Ok(map(rows, |row| order_view(&row)))
    }

    /// Everything that is held about the company, as JSON: who it is, its people and their sessions, its orders, its licenses
    /// with their keys and seats, and what was done in its name. Each time is an event.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but administrators; [`ErrorCode::Busy`] while this node makes as many as it can.
    pub async fn my_data(&self, call: &CustomerCall) -> Result<Vec<u8>> {
        call.actor.require(PortalAct::Export)?;
        let busy = |_| Error::new(ErrorCode::Busy).with_retry_after(holdfast_domain::Seconds(10));
        let _turn = Arc::clone(&self.admin().exports).try_acquire_owned().map_err(busy)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let noted = job!(act, actor => |tx| {
            act.event(tx, "customer.data_exported", actor.customer(), actor.told(json!({})));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), noted).await?;
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let q = &mut reader;
        let company = customers::get(q, scope, actor.customer()).await?.ok_or_else(absent)?;
        let mut people = Vec::new();
        for person in customer_people::of_customer(q, scope, actor.customer()).await? {
            let sessions = portal_sessions::of_person(q, scope, person.id, now).await?;
            let sessions: Vec<Value> = sessions
                .iter()
                .map(|row| json!({ "began_at": time(row.created_at), "used_at": time(row.last_seen_at), "from": row.origin, "browser": row.browser }))
                .collect();
            people.push(json!({
                "id": person.id, "email": person.email, "name": person.name, "role": person.role,
                "made_at": time(person.created_at), "signed_in_at": person.last_login_at.map(time), "sessions": sessions,
            }));
        }
        let mut all_orders = Vec::new();
        let mut page = whole_page();
        loop {
            let filter = OrderFilter { customer: Some(actor.customer()), ..OrderFilter::default() };
            let found = orders::list(q, scope, &filter, &page).await?;
            all_orders.extend(found.items.iter().map(|row| {
                json!({
                    "id": row.id, "reference": row.external_id, "status": row.status, "made_at": time(row.created_at),
                    "refunded_at": row.refunded_at.map(time),
                })
            }));
            let Some(next) = found.next else { break };
            page = PageRequest { after: Some(next), ..whole_page() };
        }
        let report = json!({
            "company": {
                "id": company.id, "name": company.name, "email": company.email, "external_id": company.external_id,
                "made_at": time(company.created_at),
            },
            "people": people,
            "orders": all_orders,
            "licenses": self.licenses_held(q, &actor).await?,
            "events": events_of(q, &actor).await?,
            "as_of": time(now),
        });
        serde_json::to_vec_pretty(&report).map_err(Error::internal)
    }

    /// All licenses of the company as their export has them.
    async fn licenses_held(&self, q: &mut dyn Querier, actor: &CustomerActor) -> Result<Vec<Value>> {
        let (mut held, mut page, now) = (Vec::new(), whole_page(), self.now());
        loop {
            let filter = LicenseFilter { customer: Some(actor.customer()), ..LicenseFilter::default() };
            let found = licenses::list(q, actor.scope(), &filter, &page, now).await?;
            let rows: Vec<&LicenseRow> = found.items.iter().map(|item| &item.row).collect();
            let names = Names::of(q, actor.scope(), &rows).await?;
            for row in rows {
                let order = self.order_of(q, actor, row).await?;
                let mut license = serde_json::to_value(names.show(row, order, now)?).map_err(Error::internal)?;
                let mut devices = Vec::new();
                for state in [SeatState::Active, SeatState::Released] {
                    for seat in seats::of_license(q, actor.scope(), row.license.id, state, usize::MAX >> 1).await? {
                        let mut device = serde_json::to_value(seat_view(&seat)).map_err(Error::internal)?;
                        device["device"] = json!(seat.seat.device);
                        devices.push(device);
                    }
                }
                license["key"] = json!(self.open_key(row.license.id, &row.key_sealed)?);
                license["devices"] = devices.into();
                held.push(license);
            }
            let Some(next) = found.next else { return Ok(held) };
            page = PageRequest { after: Some(next), ..whole_page() };
        }
    }
}

/// What was done in the company's name.
async fn events_of(q: &mut dyn Querier, actor: &CustomerActor) -> Result<Vec<Value>> {
    let who = Some(event::Actor::Customer(Some(actor.customer())));
    let filter = events::EventFilter { actor: who, ..events::EventFilter::default() };
    let (mut told, mut page) = (Vec::new(), whole_page());
    loop {
        let found = events::list(q, actor.scope(), &filter, &page).await?;
        told.extend(found.items.iter().map(|row| {
            let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
            json!({ "at": time(row.at), "action": row.action, "subject": row.subject, "data": data, "from": row.origin })
        }));
        let Some(next) = found.next else { return Ok(told) };
        page = PageRequest { after: Some(next), ..whole_page() };
    }
}

fn whole_page<S: Default>() -> PageRequest<S> {
    PageRequest { limit: Limit::new(200), ..PageRequest::default() }
}

fn time(at: Timestamp) -> String {
    crate::admin::import::dates::rfc_3339(at)
}
