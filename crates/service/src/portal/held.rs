//! Everything that is held about a company, for the company.

use super::{CustomerActor, CustomerCall, licenses::Names};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{
        act::job,
        page::{Limit, PageRequest},
        seats::show as seat_view,
    },
};
use futures::{
    FutureExt as _, SinkExt as _, StreamExt as _,
    channel::mpsc,
    stream::{BoxStream, select},
};
use holdfast_domain::{CustomerId, LicenseId, PortalAct, SeatState, Seconds, Timestamp, event};
use holdfast_store::{
    Querier, WriteOptions, customer_people, customers,
    events::{self, EventFilter, Told},
    licenses::{self, LicenseFilter, LicenseRow},
    mails::{self, MailFilter},
    notes::{self, NoteSubject},
    orders::{self, OrderFilter},
    portal_sessions, seats, shops, trials,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::ready,
};
use tokio::sync::Semaphore;

/// About how many things the log is asked at once.
const SUBJECTS: usize = 1_000;

/// What is the company's, by id, each with the number of the event from which on it is.
type About = BTreeMap<String, i64>;

/// How many of these are made at the same time on a node.
const AT_ONCE: usize = 2;
static MAKING: Semaphore = Semaphore::const_new(AT_ONCE);
/// How much is gathered before it is handed on, in bytes.
const PIECE: usize = 32 << 10;

/// What is written as it is found, so that nothing of it is kept: one large object of lists.
struct Paper {
    to: mpsc::Sender<Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// Whether the list that is being written has something in it.
    items: bool,
}

impl Paper {
    async fn put(&mut self, text: &str) -> Result<()> {
        self.piece.extend_from_slice(text.as_bytes());
        if self.piece.len() >= PIECE { self.hand_on().await } else { Ok(()) }
    }

    async fn hand_on(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.to.send(Ok(piece)).await.map_err(|_| Error::internal("whoever asked has gone"))
    }

    async fn list(&mut self, name: &str) -> Result<()> {
        self.items = false;
        self.put(&format!(",\n\"{name}\": [")).await
    }

    async fn item(&mut self, value: &Value) -> Result<()> {
        let before = if std::mem::replace(&mut self.items, true) { ",\n  " } else { "\n  " };
        self.put(&format!("{before}{value}")).await
    }

    async fn end(&mut self) -> Result<()> {
        self.put("\n]").await
    }
}

impl Service {
    /// Everything that is held about the company, as JSON in pieces: who it is, its people and their sessions, its orders as
    /// the shops told of them, its licenses with their keys, seats and trials, what the vendor has noted about it, which mails
    /// it was sent, and what happened to all of that. Each time is an event.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but administrators; [`ErrorCode::Busy`] while this node makes as many as it can.
    /// What fails later is the last piece.
    pub async fn my_data(&self, call: &CustomerCall) -> Result<BoxStream<'static, Result<Vec<u8>>>> {
        call.actor.require(PortalAct::Export)?;
        let turn = MAKING.try_acquire().map_err(|_| Error::new(ErrorCode::Busy).with_retry_after(Seconds(10)))?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let noted = job!(act, actor => |tx| {
            act.event(tx, "customer.data_exported", actor.customer(), actor.told(json!({})));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), noted).await?;
        let (to, pieces) = mpsc::channel(1);
        let (service, mut failed) = (self.clone(), to.clone());
        let work = async move {
            let _turn = turn;
            let mut paper = Paper { to, piece: Vec::new(), items: false };
            if let Err(error) = service.write_held(&actor, &mut paper).await {
                // Where nobody listens any more there is nobody to tell.
                let _ = failed.send(Err(error)).await;
            }
        };
        Ok(select(pieces, work.into_stream().filter_map(|()| ready(None))).boxed())
    }

    async fn write_held(&self, actor: &CustomerActor, paper: &mut Paper) -> Result<()> {
        let (mut reader, scope, now) = (self.store().patient_reader(), actor.scope(), self.now());
        let q = &mut reader;
        let company = customers::get(q, scope, actor.customer()).await?;
        let company = company.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let mut about = About::from([(actor.customer().to_string(), 0)]);
        let mut addresses: BTreeSet<_> = company.email.iter().cloned().collect();
        let who = json!({
            "id": company.id, "name": company.name, "email": company.email, "external_id": company.external_id,
            "made_at": time(company.created_at),
        });
        paper.put(&format!("{{\n\"as_of\": {},\n\"company\": {who}", json!(time(now)))).await?;
        paper.list("people").await?;
        for person in customer_people::of_customer(q, scope, actor.customer()).await? {
            let sessions = portal_sessions::of_person(q, scope, person.id, now).await?;
            let sessions: Vec<Value> = sessions
                .iter()
                .map(|row| json!({ "began_at": time(row.created_at), "used_at": time(row.last_seen_at), "from": row.origin, "browser": row.browser }))
                .collect();
            let told = json!({
                "id": person.id, "email": person.email, "name": person.name, "role": person.role,
                "made_at": time(person.created_at), "signed_in_at": person.last_login_at.map(time), "sessions": sessions,
            });
            paper.item(&told).await?;
            about.insert(person.id.to_string(), 0);
            addresses.insert(person.email);
        }
        paper.end().await?;
        write_orders(q, actor, &mut about, paper).await?;
        self.write_licenses(q, actor, &mut about, paper).await?;
        paper.list("notes").await?;
        for note in notes_of(q, actor, NoteSubject::Customer(actor.customer())).await? {
            paper.item(&note).await?;
        }
        paper.end().await?;
        paper.list("mails").await?;
        for address in addresses {
            let filter = MailFilter { recipient: Some(address), ..MailFilter::default() };
            let mut page = whole_page();
            loop {
                let found = mails::list(q, scope, &filter, &page).await?;
                // Of whoever is of another company, too, only what is about this one.
                for mail in found.items.iter().filter(|mail| about.contains_key(&mail.about)) {
                    let told = json!({
                        "to": mail.recipient, "kind": mail.template, "state": mail.state, "made_at": time(mail.created_at),
                        "ended_at": mail.ended_at.map(time),
                    });
                    paper.item(&told).await?;
                }
                let Some(next) = found.next else { break };
                page = PageRequest { after: Some(next), ..whole_page() };
            }
        }
        paper.end().await?;
        write_events(q, actor, &about, paper).await?;
        paper.put("\n}\n").await?;
        paper.hand_on().await
    }

    /// All licenses of the company; what they are is added to `about`.
    async fn write_licenses(
        &self,
        q: &mut dyn Querier,
        actor: &CustomerActor,
        about: &mut About,
        paper: &mut Paper,
    ) -> Result<()> {
        let (mut page, now, scope) = (whole_page(), self.now(), actor.scope());
        paper.list("licenses").await?;
        loop {
            let filter = LicenseFilter { customer: Some(actor.customer()), ..LicenseFilter::default() };
            let found = licenses::list(q, scope, &filter, &page, now).await?;
            let rows: Vec<&LicenseRow> = found.items.iter().map(|item| &item.row).collect();
            let names = Names::of(q, scope, &rows).await?;
            for row in rows {
                let id = row.license.id;
                let order = self.order_of(q, actor, row).await?;
                let mut license = serde_json::to_value(names.show(row, order, now)?).map_err(Error::internal)?;
                license["key"] = json!(self.open_key(id, &row.key_sealed)?);
                let since = came(q, actor, id).await?;
                license["devices"] = devices_of(q, actor, id, since, about).await?.into();
                let holders = seats::holders(q, scope, id).await?;
                let holders = holders.iter().map(|row| json!({ "email": row.email, "since": time(row.created_at) }));
                license["handed_out_to"] = holders.collect();
                let trial = trials::of_license(q, scope, id).await?;
                license["trial"] = trial.map_or(Value::Null, |trial| {
                    json!({ "device": trial.device, "began_at": time(trial.created_at), "bought_at": trial.converted_at.map(time) })
                });
                license["notes"] = notes_of(q, actor, NoteSubject::License(id)).await?.into();
                about.insert(id.to_string(), since.0);
                paper.item(&license).await?;
            }
            let Some(next) = found.next else { return paper.end().await };
            page = PageRequest { after: Some(next), ..whole_page() };
        }
    }
}

/// When a license came to the company from another holder, whose time with it is not theirs to know: by number in the log and
/// by the clock; the beginning where it was theirs from the start.
async fn came(q: &mut dyn Querier, actor: &CustomerActor, license: LicenseId) -> Result<(i64, Timestamp)> {
    let filter = EventFilter {
        subject: Some(license.to_string()),
        action: Some("license.transferred".to_owned()),
        ..EventFilter::default()
    };
    let last = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let found = events::list(q, actor.scope(), &filter, &last).await?.items.into_iter().next();
    Ok(found.map_or_else(Default::default, |event| (event.number, event.at)))
}

/// The devices of a license, those that had a seat since `since` included.
async fn devices_of(
    q: &mut dyn Querier,
    actor: &CustomerActor,
    license: LicenseId,
    since: (i64, Timestamp),
    about: &mut About,
) -> Result<Vec<Value>> {
    let mut devices = Vec::new();
    for state in [SeatState::Active, SeatState::Released] {
        for seat in seats::of_license(q, actor.scope(), license, state, usize::MAX >> 1).await? {
            if seat.released_at.is_some_and(|at| at <= since.1) {
                continue;
            }
            let mut device = serde_json::to_value(seat_view(&seat)).map_err(Error::internal)?;
            device["device"] = json!(seat.seat.device);
            about.insert(seat.seat.id.to_string(), since.0);
            devices.push(device);
        }
    }
    Ok(devices)
}

/// The company's orders, with what their shops told of them.
async fn write_orders(q: &mut dyn Querier, actor: &CustomerActor, about: &mut About, paper: &mut Paper) -> Result<()> {
    let mut page = whole_page();
    paper.list("orders").await?;
    loop {
        let filter = OrderFilter { customer: Some(actor.customer()), ..OrderFilter::default() };
        let found = orders::list(q, actor.scope(), &filter, &page).await?;
        for row in found.items {
            let sale = shops::sale_of_order(q, actor.scope(), row.id).await?;
            about.insert(row.id.to_string(), 0);
            let told = json!({
                "id": row.id, "reference": row.external_id, "status": row.status, "made_at": time(row.created_at),
                "refunded_at": row.refunded_at.map(time), "sale": sale.map(|sale| sale.state),
            });
            paper.item(&told).await?;
        }
        let Some(next) = found.next else { return paper.end().await };
        page = PageRequest { after: Some(next), ..whole_page() };
    }
}

/// What the vendor's people have noted.
async fn notes_of(q: &mut dyn Querier, actor: &CustomerActor, subject: NoteSubject) -> Result<Vec<Value>> {
    let (mut all, mut page) = (Vec::new(), whole_page());
    loop {
        let found = notes::list(q, actor.scope(), subject, &page).await?;
        all.extend(found.items.iter().map(|row| json!({ "at": time(row.created_at), "text": row.text })));
        let Some(next) = found.next else { return Ok(all) };
        page = PageRequest { after: Some(next), ..whole_page() };
    }
}

/// What happened to any of `about` since it is the company's, of each thousand things the newest first. Of those who did it,
/// only the company's own are told of.
async fn write_events(q: &mut dyn Querier, actor: &CustomerActor, about: &About, paper: &mut Paper) -> Result<()> {
    paper.list("events").await?;
    let subjects: Vec<String> = about.keys().cloned().collect();
    for subjects in subjects.chunks(SUBJECTS) {
        let mut page = whole_page();
        loop {
            let found = events::about(q, actor.scope(), subjects, Told::All, &page).await?;
            for row in found.items {
                if about.get(&row.subject).is_some_and(|since| row.number < *since) {
                    continue;
                }
                let by = by(&row.actor, actor.customer());
                let from = (by == "you").then_some(row.origin);
                let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
                let told = json!({ "at": time(row.at), "action": row.action, "subject": row.subject, "by": by, "from": from, "data": data });
                paper.item(&told).await?;
            }
            let Some(next) = found.next else { break };
            page = PageRequest { after: Some(next), ..whole_page() };
        }
    }
    paper.end().await
}

/// Who it was, as far as the company is told.
fn by(actor: &str, own: CustomerId) -> &'static str {
    match serde_json::from_str(actor) {
        Ok(event::Actor::Customer(who)) if who.is_none_or(|who| who == own) => "you",
        Ok(event::Actor::Customer(_)) => "another customer",
        Ok(event::Actor::Member(_) | event::Actor::Token(_)) => "the vendor",
        Ok(event::Actor::Shop(_)) => "the shop",
        Ok(event::Actor::System) | Err(_) => "the system",
    }
}

fn whole_page<S: Default>() -> PageRequest<S> {
    PageRequest { limit: Limit::new(200), ..PageRequest::default() }
}

fn time(at: Timestamp) -> String {
    crate::admin::import::dates::rfc_3339(at)
}
