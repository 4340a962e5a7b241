//! Pages of lists: keyset cursors, limits and totals (HTTP API, "Management").

use crate::{
    error::StoreError,
    sql::{Arg, Querier, Record},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many rows a total is counted up to; beyond, it is an estimate.
pub const COUNT_CAP: i64 = 10_000;

/// How many rows a page has: 1 to 200, 50 unless told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// `rows`, brought into the allowed range.
    pub fn new(rows: u32) -> Self {
        Self(u16::try_from(rows.clamp(1, 200)).unwrap_or(200))
    }

    /// The number of rows.
    pub const fn rows(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// Up or down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Greatest or newest first.
    #[default]
    Descending,
}

/// A place in a list: the sort key and the id of the last row shown. It names no vendor, and a list adds its own vendor to
/// every condition, so a cursor carried to another vendor's list shows that vendor's rows only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    s: String,
    k: Key,
    i: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    None,
    Int(i64),
    Text(String),
}

/// The text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct CursorError;

impl std::str::FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > 1_024 {
            return Err(CursorError);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| CursorError)?;
        Uuid::try_parse(&cursor.i).map_err(|_| CursorError)?;
        if matches!(&cursor.k, Key::Text(text) if text.contains('\0')) {
            return Err(CursorError);
        }
        Ok(cursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

/// What part of a list is asked for, in which order.
#[derive(Clone, Debug)]
pub struct PageRequest<S> {
    /// How many rows.
    pub limit: Limit,
    /// After which row; absent for the first page.
    pub after: Option<Cursor>,
    /// By what.
    pub sort: S,
    /// Up or down.
    pub direction: Direction,
    /// Whether the page is to say how many rows match on all pages. Who reads page after page to the end does not ask.
    pub counted: bool,
}

impl<S: Default> Default for PageRequest<S> {
    fn default() -> Self {
        let (limit, direction) = (Limit::default(), Direction::default());
        Self { limit, after: None, sort: S::default(), direction, counted: true }
    }
}

/// How many rows match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The number.
    pub rows: u64,
    /// Whether it is exact; otherwise there are at least about so many.
    pub exact: bool,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next: Option<Cursor>,
    /// How many rows match on all pages.
    pub total: Total,
}

/// The type of a sort column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    /// Sorted by the id itself, which sorts by time of creation.
    Id,
    /// A number that is never null (a coalesced expression where it could be).
    Int,
    /// A text that is never null.
    Text,
}

/// How a list sorts: the name that goes into cursors, the SQL expression and its type.
pub(crate) struct SortKey {
    pub name: &'static str,
    pub expression: &'static str,
    pub kind: KeyType,
}

/// Collects conditions and their arguments.
#[derive(Default, Clone)]
pub(crate) struct Filter {
    conditions: Vec<String>,
    pub args: Vec<Arg>,
}

impl Filter {
    /// Adds `condition`, in which each `?` stands for the next of `args`.
    pub fn and(&mut self, condition: &str, args: Vec<Arg>) -> &mut Self {
        let text = self.place(condition, args);
        self.conditions.push(text);
        self
    }

    /// The same for a piece that stands elsewhere in the statement: the text to put there.
    pub fn place(&mut self, piece: &str, args: Vec<Arg>) -> String {
        let mut text = String::with_capacity(piece.len() + 8);
        let mut next = self.args.len();
        for c in piece.chars() {
            if c == '?' {
                next += 1;
                text.push('$');
                text.push_str(&next.to_string());
            } else {
                text.push(c);
            }
        }
        self.args.extend(args);
        text
    }

    /// Adds `condition` if there is a value for it.
    pub fn maybe<T: crate::sql::ToArg>(&mut self, condition: &str, value: Option<&T>) -> &mut Self {
        if let Some(value) = value {
            self.and(condition, vec![value.arg()]);
        }
        self
    }

    /// All conditions.
    pub fn text(&self) -> String {
        self.conditions.join(" AND ")
    }
}

/// The condition and order for one page.
pub(crate) struct Window {
    pub filter: Filter,
    pub order: String,
    sort: &'static str,
    kind: KeyType,
    /// What rows are compared by: the sort key and the id, or the id alone.
    place: String,
    direction: Direction,
    /// Whether it is not the first page.
    later: bool,
    limit: usize,
    /// The last row that may be looked at.
    edge: Option<Cursor>,
}

impl Window {
    /// Narrows `filter` to the page that `request` asks for, sorted by `key` and then by the column `id`.
    pub fn new<S>(filter: &Filter, request: &PageRequest<S>, key: &SortKey, id: &str) -> Result<Self, CursorError> {
        let mut filter = filter.clone();
        let place = if key.kind == KeyType::Id { id.to_owned() } else { format!("({}, {id})", key.expression) };
        let (comparison, word) = match request.direction {
            Direction::Ascending => (">", "ASC"),
            Direction::Descending => ("<", "DESC"),
        };
        if let Some(cursor) = &request.after {
            if cursor.s != key.name {
                return Err(CursorError);
            }
            let (marks, args) = cursor.args(key.kind)?;
            filter.and(&format!("{place} {comparison} {marks}"), args);
        }
        let order = match key.kind {
            KeyType::Id => format!("{id} {word}"),
            _ => format!("{} {word}, {id} {word}", key.expression),
        };
        Ok(Self {
            filter,
            order,
            sort: key.name,
            kind: key.kind,
            place,
            direction: request.direction,
            later: request.after.is_some(),
            limit: request.limit.rows(),
            edge: None,
        })
    }

    /// Looks at `most` rows at most of those that `walk` has, which is this page of `from` without the conditions that no
    /// index meets. A page that ends there names where to go on.
    pub async fn bound(&mut self, q: &mut dyn Querier, walk: &Self, from: &str, most: usize) -> Result<(), StoreError> {
        let (filter, order) = (walk.filter.text(), &walk.order);
        let columns = self.place.trim_start_matches('(').trim_end_matches(')');
        let sql = format!("SELECT {columns} FROM {from} WHERE {filter} ORDER BY {order} LIMIT 1 OFFSET {}", most - 1);
        let rows = q.rows(sql.into(), walk.filter.args.clone()).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let (k, at) = match self.kind {
            KeyType::Id => (Key::None, 0),
            KeyType::Int => (Key::Int(row.get(0)?), 1),
            KeyType::Text => (Key::Text(row.get(0)?), 1),
        };
        let edge = Cursor { s: self.sort.to_owned(), k, i: row.get::<Uuid>(at)?.simple().to_string() };
        let comparison = if self.direction == Direction::Ascending { "<=" } else { ">=" };
        let (marks, args) = edge.args(self.kind).map_err(|error| StoreError::internal(error.to_string()))?;
        self.filter.and(&format!("{} {comparison} {marks}", self.place), args);
        self.edge = Some(edge);
        Ok(())
    }

    /// How many rows to ask for: one more than the page has, to know whether another follows.
    pub const fn fetch(&self) -> usize {
        self.limit + 1
    }

    /// The rows of `from`, a table with how to walk it, that the page shows, and one more where another page follows.
    pub async fn rows<T: Record>(&self, q: &mut dyn Querier, from: &str) -> Result<Vec<T>, StoreError> {
        let (columns, filter, order, limit) = (T::COLUMNS, self.filter.text(), &self.order, self.fetch());
        let sql = format!("SELECT {columns} FROM {from} WHERE {filter} ORDER BY {order} LIMIT {limit}");
        crate::sql::all(q, sql, self.filter.args.clone()).await
    }

    /// Cuts `rows` to the page; `key` gives a row's sort key and id.
    pub fn page<T>(&self, mut rows: Vec<T>, total: Total, key: impl Fn(&T) -> (SortValue, [u8; 16])) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| more).map(|row| {
            let (value, id) = key(row);
            let k = match (self.kind, value) {
                (KeyType::Int, SortValue::Int(n)) => Key::Int(n),
                (KeyType::Text, SortValue::Text(text)) => Key::Text(text),
                _ => Key::None,
            };
            Cursor { s: self.sort.to_owned(), k, i: Uuid::from_bytes(id).simple().to_string() }
        });
        Page { items: rows, next: next.or_else(|| self.edge.clone()), total }
    }

    /// The same where perhaps nothing tells how many rows match: as many as the page has, and more where it is not the only
    /// one.
    pub fn page_of<T>(&self, rows: Vec<T>, total: Option<Total>, key: impl Fn(&T) -> (SortValue, [u8; 16])) -> Page<T> {
        let page = self.page(rows, total.unwrap_or(Total::of(0)), key);
        if total.is_some() {
            return page;
        }
        let exact = page.next.is_none() && !self.later;
        Page { total: Total { rows: page.items.len() as u64, exact }, ..page }
    }
}

impl Cursor {
    /// The placeholders and the arguments that it is compared with.
    fn args(&self, kind: KeyType) -> Result<(&'static str, Vec<Arg>), CursorError> {
        let last = Arg::Id(Some(Uuid::try_parse(&self.i).map_err(|_| CursorError)?));
        match (&self.k, kind) {
            (Key::None, KeyType::Id) => Ok(("?", vec![last])),
            (Key::Int(n), KeyType::Int) => Ok(("(?, ?)", vec![Arg::Int(Some(*n)), last])),
            (Key::Text(text), KeyType::Text) => Ok(("(?, ?)", vec![Arg::Text(Some(text.clone())), last])),
            _ => Err(CursorError),
        }
    }
}

/// A row's sort key.
pub(crate) enum SortValue {
    Id,
    Int(i64),
    Text(String),
}

/// Counts the rows of `from` (a table with joins) that `filter` leaves, up to [`COUNT_CAP`].
pub(crate) async fn count(q: &mut dyn Querier, from: &str, filter: &Filter) -> Result<Total, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 AS one FROM {from} WHERE {} LIMIT {}) AS matching",
        filter.text(),
        COUNT_CAP + 1
    );
    let rows = crate::sql::value::<i64>(q, sql, filter.args.clone()).await?.unwrap_or(0);
    Ok(Total { rows: u64::try_from(rows.min(COUNT_CAP)).unwrap_or(0), exact: rows <= COUNT_CAP })
}

/// What can go wrong with a list.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor belongs to another list or order.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Total {
    /// A known number.
    pub(crate) const fn of(rows: u64) -> Self {
        Self { rows, exact: true }
    }
}
