//! Exports of what a list shows as CSV or JSON, streamed, with cells that no spreadsheet takes for a formula.

use super::{
    act::Act,
    bulk::{BulkItem, Fate},
    import::dates::rfc_3339,
    inputs::{EventFilter, LicenseFilter, SeatFilter},
    page::{Cursor, Direction, Limit, PageRequest},
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use futures::stream::{BoxStream, StreamExt as _, try_unfold};
use holdfast_domain::{BulkActId, OrderId, Permission, Seconds, event};
use holdfast_store::{
    Reader, WriteOptions,
    customers::{self, CustomerFilter, CustomerRow},
    events,
    licenses::{self, LicenseListRow},
    orders::{self, OrderFilter, OrderRow},
    seats::{self, SeatListRow},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// How many exports a node streams at once.
pub(crate) const AT_ONCE: usize = 4;

/// How many of an act's report are read at once.
const PIECE: usize = 200;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Licenses with whose they are.
    Licenses,
    /// Customers.
    Customers,
    /// Seats with the licenses they are places on.
    Seats,
    /// Orders.
    Orders,
    /// The audit log.
    Events,
    /// What became of each of an act on many.
    Report,
}

/// Which rows: everything of a kind that its list would show with the same filter.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Licenses with whose they are.
    Licenses(LicenseFilter),
    /// Customers, with what is searched for.
    Customers(Option<String>),
    /// Seats.
    Seats(SeatFilter),
    /// Orders.
    Orders(OrderFilter),
    /// Events; whoever may not see all of the audit log gets what they did themselves.
    Events(EventFilter),
    /// What became of each of an act on many, with one fate or all.
    Report(BulkActId, Option<Fate>),
}

impl Rows {
    const fn what(&self) -> What {
        match self {
            Self::Licenses(_) => What::Licenses,
            Self::Customers(_) => What::Customers,
            Self::Seats(_) => What::Seats,
            Self::Orders(_) => What::Orders,
            Self::Events(_) => What::Events,
            Self::Report(..) => What::Report,
        }
    }

    /// What was typed, where something can be.
    const fn typed(&mut self) -> Option<&mut Option<String>> {
        Some(match self {
            Self::Licenses(filter) => &mut filter.q,
            Self::Customers(q) => q,
            Self::Seats(filter) => &mut filter.q,
            Self::Orders(filter) => &mut filter.q,
            Self::Events(filter) => &mut filter.subject,
            Self::Report(..) => return None,
        })
    }

    /// What it is narrowed to.
    fn told(&self) -> Value {
        match self {
            Self::Licenses(filter) => json!(filter),
            Self::Customers(q) => json!({ "q": q }),
            Self::Seats(filter) => json!(filter),
            Self::Orders(filter) => json!({ "status": filter.status, "customer": filter.customer, "q": filter.q }),
            Self::Events(filter) => json!(filter),
            Self::Report(act, fate) => json!({ "act": act, "fate": fate }),
        }
    }
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CSV in UTF-8 with a header row, which [`Service::stage_import`] reads.
    Csv,
    /// A JSON array of objects.
    Json,
}

/// What to export, and how.
#[derive(Clone, Debug)]
pub struct Export {
    /// Which rows.
    pub rows: Rows,
    /// How.
    pub format: Format,
    /// Whole keys instead of their last four characters; of licenses only.
    pub with_keys: bool,
}

/// The cells of a row by column, in one order.
type Cells = Vec<(&'static str, Value)>;

/// A cell as CSV may hold it: what a spreadsheet would take for a formula gets an apostrophe before it.
pub fn safe_cell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // A number is no formula, and an apostrophe would make it a text.
        Value::Number(number) => number.to_string(),
        Value::String(text) => safe_cell(text).into_owned(),
        other => safe_cell(&other.to_string()).into_owned(),
    }
}

struct Source {
    service: Service,
    act: Act,
    reader: Reader,
    export: Export,
    /// Whose events.
    who: Option<event::Actor>,
    after: Option<Cursor>,
    /// After which place of an act on many.
    place: i64,
    began: bool,
    /// Whether there was a row.
    wrote: bool,
    ended: bool,
    /// Its place among those at once.
    _turn: OwnedSemaphorePermit,
}

impl Service {
    /// How many exports this node streams now, and how many it may.
    pub fn exports_at_work(&self) -> (usize, usize) {
        (AT_ONCE.saturating_sub(self.admin().exports.available_permits()), AT_ONCE)
    }

    /// Streams an export in pieces of up to 200 rows. Rows that come into being meanwhile may or may not be among them.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] without the right to read, or, for whole keys, to reveal them; [`ErrorCode::Busy`] where this
    /// node streams as many as it may already.
    pub async fn export(&self, call: &Call, export: Export) -> Result<BoxStream<'static, Result<Vec<u8>>>> {
        let mut export = export;
        let what = export.rows.what();
        call.actor.require(match what {
            What::Licenses | What::Seats | What::Report => Permission::LicensesRead,
            What::Customers | What::Orders => Permission::CustomersRead,
            What::Events => Permission::EventsReadOwn,
        })?;
        let who = match &export.rows {
            Rows::Events(filter) => super::events::visible(&call.actor, filter)?,
            _ => None,
        };
        if let Rows::Report(act, _) = export.rows {
            self.bulk_act(&call.actor, act).await?;
        }
        let with_keys = export.with_keys && what == What::Licenses;
        export.with_keys = with_keys;
        if with_keys {
            call.actor.require(Permission::KeyReveal)?;
        }
        let busy = |_| {
            let detail = format!("{AT_ONCE} / {AT_ONCE} exports are at work on this node.");
            Error::new(ErrorCode::Busy).with_retry_after(Seconds(10)).with_detail(detail)
        };
        let turn = Arc::clone(&self.admin().exports).try_acquire_owned().map_err(busy)?;
        let act = self.act(call);
        let what = format!("{what:?}").to_lowercase();
        let mut reader = self.store().patient_reader();
        let mut told = export.rows.clone();
        if let Some(typed) = told.typed() {
            *typed = self.without_key(&act, &mut reader, typed.take()).await?;
        }
        let data = json!({ "what": what, "with_keys": with_keys, "filter": told.told() });
        let log = act.clone();
        let vendor = call.actor.vendor();
        self.store()
            .write(
                WriteOptions::default(),
                super::act::job!(log, data => |tx| {
                    log.event(tx, "export.made", vendor, data);
                    Ok::<_, Error>(())
                }),
            )
            .await?;
        let source = Source {
            service: self.clone(),
            act,
            reader,
            export,
            who,
            after: None,
            place: 0,
            began: false,
            wrote: false,
            ended: false,
            _turn: turn,
        };
        Ok(try_unfold(source, |mut source| async move {
            let piece = source.next().await?;
            Ok(piece.map(|piece| (piece, source)))
        })
        .boxed())
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let (rows, next) = match self.export.rows.clone() {
            Rows::Licenses(filter) => self.licenses(filter).await?,
            Rows::Customers(q) => self.customers(q).await?,
            Rows::Seats(filter) => self.seats(filter).await?,
            Rows::Orders(filter) => self.orders(filter).await?,
            Rows::Events(filter) => self.events(filter).await?,
            Rows::Report(act, fate) => (self.report(act, fate).await?, None),
        };
        let more = matches!(self.export.rows, Rows::Report(..)) && rows.len() == PIECE;
        self.ended = next.is_none() && !more;
        self.after = next;
        let first = !std::mem::replace(&mut self.began, true);
        match self.export.format {
            Format::Csv => csv_piece(self.header(), &rows, first),
            Format::Json => json_piece(rows, (first, self.ended), &mut self.wrote),
        }
        .map(Some)
    }

    const fn header(&self) -> &'static [&'static str] {
        match self.export.rows.what() {
            What::Licenses => &[
                "id",
                "key",
                "product",
                "plan",
                "email",
                "name",
                "seats",
                "seats_taken",
                "status",
                "state",
                "expires_at",
                "created_at",
                "overrides",
                "last_seen",
            ],
            What::Customers => &["id", "email", "name", "external_id", "created_at"],
            What::Seats => &[
                "id",
                "license",
                "key",
                "customer",
                "customer_name",
                "device",
                "user",
                "platform",
                "app_version",
                "state",
                "claimed_at",
                "last_seen",
                "offline_until",
            ],
            What::Orders => &["id", "reference", "customer", "status", "created_at", "refunded_at"],
            What::Report => &["number", "id", "key", "customer", "customer_name", "device", "fate", "why"],
            What::Events => &["number", "id", "at", "actor", "action", "subject", "data", "origin", "request"],
        }
    }

    /// The next piece of a list, oldest first.
    fn page<S: Default>(&mut self) -> PageRequest<S> {
        PageRequest {
            limit: Limit::new(200),
            after: self.after.take(),
            direction: Direction::Ascending,
            counted: false,
            ..PageRequest::default()
        }
    }

    async fn licenses(&mut self, filter: LicenseFilter) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = self.page();
        let filter = self.service.narrowed(&self.act, &mut self.reader, filter).await?;
        let found = licenses::list(&mut self.reader, self.act.scope, &filter, &page, self.act.now).await?;
        let rows = found.items.iter().map(|row| self.license(row)).collect::<Result<_>>()?;
        Ok((rows, found.next))
    }

    fn license(&self, row: &LicenseListRow) -> Result<Cells> {
        let license = &row.row.license;
        let key = if self.export.with_keys {
            self.service.open_key(license.id, &row.row.key_sealed)?
        } else {
            format!("…{}", row.row.key_hint)
        };
        Ok(vec![
            ("id", json!(license.id)),
            ("key", json!(key)),
            ("product", json!(license.product)),
            ("plan", json!(license.plan_code)),
            ("email", json!(row.customer_email)),
            ("name", json!(row.customer_name)),
            ("seats", json!(license.terms.seats)),
            ("seats_taken", json!(row.row.seats_used)),
            ("status", json!(license.status)),
            ("state", json!(license.state(self.act.now))),
            ("expires_at", json!(license.expires_at.map(rfc_3339))),
            ("created_at", json!(rfc_3339(license.created_at))),
            ("overrides", if license.overrides.is_empty() { Value::Null } else { json!(license.overrides) }),
            ("last_seen", json!(row.last_seen.map(rfc_3339))),
        ])
    }

    async fn customers(&mut self, q: Option<String>) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = self.page();
        let found = customers::list(&mut self.reader, self.act.scope, &CustomerFilter { q }, &page).await?;
        let cells = |row: &CustomerRow| {
            vec![
                ("id", json!(row.id)),
                ("email", json!(row.email)),
                ("name", json!(row.name)),
                ("external_id", json!(row.external_id)),
                ("created_at", json!(rfc_3339(row.created_at))),
            ]
        };
        Ok((found.items.iter().map(cells).collect(), found.next))
    }

    async fn seats(&mut self, filter: SeatFilter) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = self.page();
        let filter = self.service.narrowed_to_license(&self.act, &mut self.reader, filter).await?;
        let found = seats::list(&mut self.reader, self.act.scope, &filter.rows(), &page).await?;
        let cells = |row: &SeatListRow| {
            let seat = super::seats::show(&row.row);
            vec![
                ("id", json!(seat.id)),
                ("license", json!(seat.license)),
                ("key", json!(format!("…{}", row.key_hint))),
                ("customer", json!(row.customer)),
                ("customer_name", json!(row.customer_name)),
                ("device", json!(seat.name)),
                ("user", json!(seat.user)),
                ("platform", json!(seat.platform)),
                ("app_version", json!(seat.app_version)),
                ("state", json!(seat.state)),
                ("claimed_at", json!(rfc_3339(seat.claimed_at))),
                ("last_seen", json!(rfc_3339(seat.last_seen))),
                ("offline_until", json!(rfc_3339(seat.offline_until))),
            ]
        };
        Ok((found.items.iter().map(cells).collect(), found.next))
    }

    async fn orders(&mut self, filter: OrderFilter) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = self.page();
        let found = orders::list(&mut self.reader, self.act.scope, &filter, &page).await?;
        let cells = |row: &OrderRow| {
            vec![
                ("id", json!(row.id)),
                ("reference", json!(row.external_id)),
                ("customer", json!(row.customer)),
                ("status", json!(row.status)),
                ("created_at", json!(rfc_3339(row.created_at))),
                ("refunded_at", json!(row.refunded_at.map(rfc_3339))),
            ]
        };
        Ok((found.items.iter().map(cells).collect(), found.next))
    }

    async fn report(&mut self, act: BulkActId, fate: Option<Fate>) -> Result<Vec<Cells>> {
        let (scope, place) = (self.act.scope, self.place);
        let found = self.service.items_of(&mut self.reader, scope, act, fate, place, PIECE).await?;
        self.place = found.last().map_or(place, |item| item.number);
        let cells = |item: BulkItem| {
            let (label, customer, device) =
                item.known.map_or((None, None, None), |known| (Some(known.label), known.customer, known.device));
            let (customer, name) = customer.unzip();
            // An order is known by its whole number, a license by the end of its key.
            let of_order = item.subject.starts_with(OrderId::PREFIX);
            let label = if of_order { label } else { label.map(|end| format!("…{end}")) };
            vec![
                ("number", json!(item.number)),
                ("id", json!(item.subject)),
                (if of_order { "order" } else { "key" }, json!(label)),
                ("customer", json!(customer)),
                ("customer_name", json!(name)),
                ("device", json!(device)),
                ("fate", json!(item.fate)),
                ("why", json!(item.why)),
            ]
        };
        Ok(found.into_iter().map(cells).collect())
    }

    async fn events(&mut self, filter: EventFilter) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = self.page();
        let filter = super::events::rows(filter, self.who);
        let found = events::list(&mut self.reader, self.act.scope, &filter, &page).await?;
        let next = found.next;
        let cells = |row| {
            let event = super::events::show(row);
            vec![
                ("number", json!(event.number)),
                ("id", json!(event.id)),
                ("at", json!(rfc_3339(event.at))),
                ("actor", json!(event.actor)),
                ("action", json!(event.action)),
                ("subject", json!(event.subject)),
                ("data", event.data),
                ("origin", json!(event.origin)),
                ("request", json!(event.request)),
            ]
        };
        Ok((found.items.into_iter().map(cells).collect(), next))
    }
}

fn csv_piece(header: &[&str], rows: &[Cells], first: bool) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if first {
        writer.write_record(header).map_err(Error::internal)?;
    }
    for row in rows {
        writer.write_record(row.iter().map(|(_, value)| cell_text(value))).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// The piece of an array with `rows`. Any piece can be without: a list may look at many rows before one fits.
fn json_piece(rows: Vec<Cells>, (first, last): (bool, bool), wrote: &mut bool) -> Result<Vec<u8>> {
    let mut piece = if first { b"[".to_vec() } else { Vec::new() };
    for row in rows {
        piece.extend(if std::mem::replace(wrote, true) { b",\n".as_slice() } else { b"\n".as_slice() });
        let object: serde_json::Map<String, Value> =
            row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        serde_json::to_writer(&mut piece, &object).map_err(Error::internal)?;
    }
    if last {
        piece.extend(b"\n]\n");
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_defused_and_nothing_else_is_touched() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A1"] {
            assert_eq!(safe_cell(bad), format!("'{bad}"));
        }
        for good in ["a=1", "", "Ada", "1-2", " =1", "é"] {
            assert_eq!(safe_cell(good), good);
        }
        assert_eq!(cell_text(&json!(-5)), "-5");
        assert_eq!(cell_text(&json!("-5")), "'-5");
        assert_eq!(cell_text(&Value::Null), "");
    }

    #[test]
    fn pieces_make_one_document() {
        let row = || vec![("id", json!("a,b\"c\n"))];
        for pieces in [vec![2, 1, 0], vec![0, 2, 0], vec![0, 0, 1, 0, 3], vec![0, 0], vec![0], vec![1]] {
            let (mut wrote, last) = (false, pieces.len() - 1);
            let piece = |(at, rows): (usize, &usize)| {
                json_piece(vec![row(); *rows], (at == 0, at == last), &mut wrote).unwrap()
            };
            let text = pieces.iter().enumerate().flat_map(piece).collect::<Vec<u8>>();
            let read = serde_json::from_slice::<Vec<Value>>(&text).unwrap();
            assert_eq!(read.len(), pieces.iter().sum::<usize>(), "{pieces:?}");
        }
        let csv = [csv_piece(&["id"], &[row()], true).unwrap(), csv_piece(&["id"], &[row()], false).unwrap()].concat();
        assert_eq!(String::from_utf8(csv).unwrap(), "id\r\n\"a,b\"\"c\n\"\r\n\"a,b\"\"c\n\"\r\n");
    }
}
