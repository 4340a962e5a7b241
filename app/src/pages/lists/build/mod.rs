//! Makes the lists on the server: what their addresses mean, and what is in them.

mod customers;
mod events;
mod licenses;
mod orders;
mod plans;
mod seats;

use holdfast_domain::{CustomerId, Seconds, Timestamp};
use holdfast_service::{
    Actor, Error, ErrorCode, Service,
    admin::{
        exports::Rows,
        page::{Direction, PageRequest},
        saved_views::MOST,
    },
};

use super::model::{Cell, Field, Head, Line, Link, Listed, SavedView};
use crate::{
    error::UiError,
    pages::serve,
    ui::{When, data::with_values},
};
pub use licenses::filter as license_filter;
pub use orders::order_status;
pub use seats::filter as seat_filter;

/// A column of a list.
pub struct Column {
    /// Its name in the address.
    key: &'static str,
    name: &'static str,
    class: &'static str,
    /// The name by which the list is sorted by it.
    sort: Option<&'static str>,
    /// Whether it is shown unless asked otherwise.
    shown: bool,
}

impl Column {
    const fn new(key: &'static str, name: &'static str, class: &'static str) -> Self {
        Self { key, name, class, sort: None, shown: true }
    }

    const fn sorted(self, sort: &'static str) -> Self {
        Self { sort: Some(sort), ..self }
    }

    const fn hidden(self) -> Self {
        Self { shown: false, ..self }
    }
}

/// A list that there is.
pub struct Known {
    /// Its name.
    pub of: &'static str,
    /// Its address.
    pub path: &'static str,
    title: &'static str,
    search: &'static str,
    columns: &'static [Column],
    /// Saved lists that everybody has: name and query.
    views: &'static [(&'static str, &'static str)],
}

/// The list of that name.
pub fn known(of: &str) -> Result<&'static Known, UiError> {
    let all = [&licenses::KNOWN, &customers::KNOWN, &seats::KNOWN, &orders::KNOWN, &plans::KNOWN, &events::KNOWN];
    all.into_iter().find(|known| known.of == of).ok_or_else(|| Error::new(ErrorCode::NotFound).into())
}

/// The list as the query says.
pub async fn listed(service: &Service, actor: &Actor, of: &str, query: &str) -> Result<Listed, UiError> {
    let known = known(of)?;
    let list = List::new(known, Query::parse(query), service.now());
    let listed = match known.of {
        "licenses" => licenses::list(service, actor, list).await,
        "customers" => customers::list(service, actor, list).await,
        "seats" => seats::list(service, actor, list).await,
        "orders" => orders::list(service, actor, list).await,
        "plans" => plans::list(service, actor, list).await,
        _ => events::list(service, actor, list).await,
    };
    listed?.finish(service, actor).await
}

/// What of the list `of` orders or seats is a customer's, the newest or those seen last first: for their page, without what
/// narrows and sorts a list.
pub async fn of_customer(
    service: &Service,
    actor: &Actor,
    of: &str,
    id: CustomerId,
    after: &str,
) -> Result<Listed, UiError> {
    let (cols, sort, empty) = if of == "seats" {
        let text = "When this customer activates a device with a key, it appears here with how long it works off line.";
        ("license,state,platform,version,seen,offline", "-last_seen", ("No devices yet", text, None))
    } else {
        let text = "What this customer pays for appears here. Your shop tells Holdfast of it with POST /v1/orders.";
        let api = link("How the API works", "/docs/api");
        ("status,licenses,refunded,made", "", ("No orders yet", text, Some(api)))
    };
    let pairs = [("customer", id.to_string().as_str()), ("cols", cols), ("sort", sort), ("after", after)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let list = List::new(known(of)?, Query(pairs.into()), service.now());
    let list =
        if of == "seats" { seats::list(service, actor, list).await } else { orders::list(service, actor, list).await };
    let mut listed = list?.listed;
    for head in &mut listed.heads {
        (head.sort, head.sorted) = (None, None);
    }
    // Nothing is chosen here.
    listed.steps.clear();
    if listed.next.is_none() {
        let (title, text, link) = empty;
        listed.empty = (title.to_owned(), text.to_owned(), link.into_iter().collect());
    }
    Ok(listed)
}

/// Which rows the list has, for an export of them.
pub fn rows(of: &str, query: &str, now: Timestamp) -> Result<Rows, UiError> {
    let query = Query::parse(query);
    // What is no list of this kind, and leaves like one.
    if of == "report" {
        return Ok(Rows::Report(serve::parse("act", query.get("act"))?, word("fate", query.get("fate"))?));
    }
    let known = known(of)?;
    Ok(match known.of {
        "licenses" => Rows::Licenses(licenses::filter(&query, now)?),
        "customers" => Rows::Customers(query.search()),
        "seats" => Rows::Seats(seats::filter(&query, now)?),
        "orders" => Rows::Orders(orders::filter(&query)?),
        "plans" => return Err(Error::new(ErrorCode::NotFound).into()),
        _ => Rows::Events(events::filter(&query)?),
    })
}

/// What an address asks for, in its order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// From the part of an address after the question mark.
    pub fn parse(text: &str) -> Self {
        let pairs = text.trim_start_matches('?').split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name), decode(value));
            // What tells of the past is not part of it.
            let counts =
                !name.is_empty() && !value.is_empty() && !matches!(&*name, "done" | "check") && !name.starts_with("__");
            counts.then_some((name, value))
        });
        Self(pairs.take(64).collect())
    }

    /// The value of that name; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of that name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// What is searched for.
    pub fn search(&self) -> Option<String> {
        Some(self.get("q").trim().to_owned()).filter(|q| !q.is_empty())
    }

    /// An address with these values, some of them changed; an empty one is left out.
    pub fn address(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self.0.iter().filter(|(name, _)| changes.iter().all(|(change, _)| change != name));
        let mut all: Vec<(&str, String)> = kept.map(|(name, value)| (name.as_str(), value.clone())).collect();
        all.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        with_values(path, &all.iter().map(|(name, value)| (*name, value)).collect::<Vec<_>>())
    }

    /// The query without the place in the list: what is saved, and what an act on all of it means.
    pub fn saved(&self) -> String {
        self.address("", &[("after", "")]).trim_start_matches('?').to_owned()
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (byte, used) = match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'?'), 2),
            (b'+', ..) => (b' ', 0),
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &tail[used..];
    }
    String::from_utf8_lossy(&bytes).replace('\0', "")
}

/// So many days ago, or ahead, as typed.
fn days(field: &str, text: &str) -> Result<Option<Seconds>, UiError> {
    let days: Option<u16> = serve::optional(field, text)?;
    Ok(days.map(|days| Seconds::days(days.into())))
}

/// A word of a closed vocabulary. Any other is refused: without its condition the list, what is exported of it and what is
/// done with all of it would be everything.
fn word<T: serde::de::DeserializeOwned>(field: &str, text: &str) -> Result<Option<T>, UiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = serve::word(text).ok_or_else(|| UiError::field(field, format_args!("There is no “{text}” to choose.")));
    known.map(Some)
}

/// A list in the making.
struct List {
    known: &'static Known,
    query: Query,
    now: Timestamp,
    shown: Vec<&'static Column>,
    listed: Listed,
}

impl List {
    fn new(known: &'static Known, query: Query, now: Timestamp) -> Self {
        let asked: Vec<&str> = query.get("cols").split(',').filter(|key| !key.is_empty()).collect();
        let is_shown = |column: &Column| if asked.is_empty() { column.shown } else { asked.contains(&column.key) };
        // The first says what the row is.
        let shown: Vec<&Column> = known
            .columns
            .iter()
            .enumerate()
            .filter(|(at, column)| *at == 0 || is_shown(column))
            .map(|(_, c)| c)
            .collect();
        let toggled = |column: &Column| {
            let keys = known.columns.iter().filter(|other| {
                let on = shown.iter().any(|shown| shown.key == other.key);
                if other.key == column.key { !on } else { on }
            });
            keys.map(|column| column.key).collect::<Vec<_>>().join(",")
        };
        let columns = known.columns.iter().skip(1).map(|column| {
            let on = shown.iter().any(|shown| shown.key == column.key);
            (column.name.to_owned(), on, query.address(known.path, &[("cols", &toggled(column))]))
        });
        let sort = query.get("sort");
        let heads = shown.iter().map(|column| {
            let sorted = column.sort.and_then(|key| match sort.strip_prefix('-') {
                Some(down) => (down == key).then_some(true),
                None => (sort == key).then_some(false),
            });
            let next = column.sort.map(|key| {
                let next = if sorted == Some(false) { format!("-{key}") } else { key.to_owned() };
                query.address(known.path, &[("sort", &next), ("after", "")])
            });
            Head { name: column.name.to_owned(), class: column.class.to_owned(), sort: next, sorted }
        });
        let saved = query.saved();
        let exports = [("csv", "CSV, for spreadsheets"), ("json", "JSON, for programs")].map(|(format, text)| {
            let href = query.address(
                &format!("/console/exports/{}.{format}", known.of),
                &[("after", ""), ("cols", ""), ("sort", "")],
            );
            Link { text: text.to_owned(), href }
        });
        let listed = Listed {
            title: known.title.to_owned(),
            path: known.path.to_owned(),
            search: known.search.to_owned(),
            q: query.get("q").to_owned(),
            kept: kept(&query, &["sort", "cols"]),
            heads: heads.collect(),
            columns: columns.collect(),
            unsaved: !saved.is_empty(),
            query: saved,
            exports: exports.into(),
            ..Listed::default()
        };
        Self { known, query, now, shown, listed }
    }

    /// The part of the list that the address asks for, sorted as it says; `sorts` are the names for it.
    fn page<S: Copy + Default>(&self, sorts: &[(&str, S)]) -> Result<PageRequest<S>, UiError> {
        let page = serve::page(self.query.get("after"))?;
        let asked = self.query.get("sort");
        let (name, direction) =
            asked.strip_prefix('-').map_or((asked, Direction::Ascending), |name| (name, Direction::Descending));
        Ok(match sorts.iter().find(|(known, _)| *known == name) {
            Some((_, sort)) => PageRequest { sort: *sort, direction, ..page },
            None => page,
        })
    }

    /// A field with what can be chosen, and a chip where something is.
    fn choice(&mut self, name: &str, label: &str, any: &str, options: Vec<(String, String)>, first: bool) {
        let value = self.query.get(name).to_owned();
        let mut options = options;
        if !value.is_empty() && options.iter().all(|(option, _)| *option != value) {
            // What a link or a person has written into the address, and narrows the list all the same.
            options.push((value.clone(), value.clone()));
        }
        if let Some((_, words)) = options.iter().find(|(option, _)| *option == value) {
            self.chip(name, &format!("{label}: {words}"));
        }
        let any = (String::new(), any.to_owned());
        let options = std::iter::once(any).chain(options).collect();
        self.listed.fields.push(Field { name: name.to_owned(), label: label.to_owned(), value, options, first });
    }

    /// A field for a day. It is one of UTC, whoever looks: the address means the same to everybody it is sent to.
    fn day(&mut self, name: &str, label: &str) {
        let value = self.query.get(name).to_owned();
        if !value.is_empty() {
            self.chip(name, &format!("{label} {value} UTC"));
        }
        self.listed.fields.push(Field {
            name: name.to_owned(),
            label: format!("{label} (UTC)"),
            value,
            options: Vec::new(),
            first: false,
        });
    }

    /// Something that a link has narrowed the list to, and that no field can choose.
    fn only(&mut self, name: &str, words: &str) {
        self.chip(name, words);
        self.listed.kept.extend(kept(&self.query, &[name]));
    }

    fn chip(&mut self, name: &str, words: &str) {
        let href = self.query.address(self.known.path, &[(name, ""), ("after", "")]);
        self.listed.chips.push(Link { text: words.to_owned(), href });
    }

    /// A row: `cell` makes each of the columns that are shown.
    fn row(&self, id: String, name: String, actions: Vec<Link>, cell: impl Fn(&str) -> Cell) -> Line {
        Line { id, name, cells: self.shown.iter().map(|column| cell(column.key)).collect(), actions }
    }

    fn when(&self, at: Timestamp) -> Cell {
        Cell::When(When::new(at, self.now))
    }

    /// Adds what every list has.
    async fn finish(mut self, service: &Service, actor: &Actor) -> Result<Listed, UiError> {
        let query = self.query.saved();
        let same = |other: &str| {
            let (mut one, mut two) = (self.query.0.clone(), Query::parse(other).0);
            one.retain(|(name, _)| name != "after");
            one.sort();
            two.sort();
            one == two
        };
        let path = self.known.path;
        let view = |name: &str, query: &str, removable| SavedView {
            name: name.to_owned(),
            href: if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") },
            here: same(query),
            removable,
        };
        let mut views = vec![view("All", "", None)];
        views.extend(self.known.views.iter().map(|(name, query)| view(name, query, None)));
        let saved = service.saved_views(actor, self.known.of).await?;
        let (exports, most_exports) = service.exports_at_work();
        views.extend(
            saved
                .iter()
                .map(|saved| view(saved.name.as_str(), &saved.query, saved.may_remove.then(|| saved.id.to_string()))),
        );
        let listed = &mut self.listed;
        listed.unsaved = !query.is_empty() && !views.iter().any(|view| view.here);
        listed.views = views;
        listed.saved = format!("{} / {MOST}", saved.len());
        listed.exporting = format!("{exports} / {most_exports} at work on this server");
        listed.may_share = service.may_share_views(actor);
        Ok(self.listed)
    }
}

fn kept(query: &Query, names: &[&str]) -> Vec<(String, String)> {
    let pairs = query.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
    pairs.cloned().collect()
}

/// Words that lead somewhere.
pub fn link(text: impl Into<String>, href: impl Into<String>) -> Link {
    Link { text: text.into(), href: href.into() }
}

fn options(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

/// The products to choose from: id and name.
async fn products(service: &Service, actor: &Actor) -> Result<Vec<(String, String)>, UiError> {
    use holdfast_service::admin::page::Limit;
    let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let products = service.products(actor, None, None, all).await?.items;
    Ok(products.into_iter().map(|product| (product.id.to_string(), product.name.to_string())).collect())
}

/// The cell of a customer.
fn customer(whose: Option<(String, String)>) -> Cell {
    whose.map_or(Cell::Nothing, |(id, name)| {
        Cell::Link(link(name, format!("/console/customers/{id}")), String::new(), false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_browsers_write_it() {
        let query = Query::parse("?q=a+b%26c&state=active&after=x&done=saved&empty=&id=1&id=2&bad=%zz%4");
        assert_eq!(query.get("q"), "a b&c");
        assert_eq!(query.all("id"), ["1", "2"]);
        assert_eq!(query.get("bad"), "%zz%4");
        assert_eq!(query.saved(), "q=a%20b%26c&state=active&id=1&id=2&bad=%25zz%254");
        assert_eq!(
            query.address("/p", &[("q", ""), ("id", ""), ("after", ""), ("bad", "x y")]),
            "/p?state=active&bad=x%20y"
        );
    }
}
