//! How a list that is narrowed by several conditions is found in bounded time, whatever their combination.
//!
//! Each condition knows by which index its own rows are found, and those are counted up to a limit. Where one of them has
//! few, the list is made of those, with the other conditions applied. Where all have many, the list is walked along its sort
//! order, and what fits is met soon; but never more than [`SCANNED`] rows are looked at for a page, which is then shorter
//! than it might be and names where to go on.

use crate::{
    error::StoreError,
    page::{COUNT_CAP, Filter, Total},
    search::Piece,
    sql::{Arg, Querier},
};

/// How many rows a condition may have to make the list of them: where it is the only one and the list is sorted by what
/// stands in a narrow table, and where each row must be looked at as a whole.
const FEW: i64 = 4_000;
const FEW_WHOLE: i64 = 2_500;
/// How many rows are looked at for a page at most.
pub(crate) const SCANNED: usize = 2_500;

/// How many rows a search may have for the same.
const SEARCHED: i64 = 2_000;
/// How many a search is looked up to where each row can be found in four ways: then it has more than it may.
pub(crate) const SEARCHED_IN_ALL: i64 = 4 * (SEARCHED + 1);

/// A condition of a list.
pub(crate) struct Part {
    /// A query of the ids of the rows that meet it, in one column `few_id` and without order; `None` where no index finds them.
    found: Option<Piece>,
    /// Up to how many rows it is counted.
    cap: i64,
    /// How many rows it may have to make the list of them, where that is not the usual number.
    pub most: Option<i64>,
    /// The index that has these rows in the order of the list, where that is so.
    pub walks: Option<&'static str>,
    /// The condition itself.
    pub condition: Piece,
}

impl Part {
    /// How many rows it may have to make the list of them.
    fn most(&self, usual: i64) -> i64 {
        self.most.unwrap_or(usual).min(self.cap)
    }
}

/// The conditions of a list.
#[derive(Default)]
pub(crate) struct Parts(pub Vec<Part>);

impl Parts {
    /// Adds a condition on columns of `table`, whose rows are found `by_index`.
    pub fn indexed(&mut self, table: &str, by_index: &str, id: &str, condition: &str, args: Vec<Arg>) -> &mut Part {
        let found = format!("SELECT {id} AS few_id FROM {table}{by_index} WHERE {condition}");
        self.push(Some(Piece(found, args.clone())), condition, args)
    }

    /// Adds a condition whose rows `found` finds.
    pub fn push(&mut self, found: Option<Piece>, condition: &str, args: Vec<Arg>) -> &mut Part {
        let condition = Piece(condition.to_owned(), args);
        self.0.push(Part { found, cap: COUNT_CAP, most: None, walks: None, condition });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Adds what a search finds, in several tables, which takes longer to count.
    pub fn searched(&mut self, found: Option<Piece>, condition: &str, args: Vec<Arg>) {
        self.push(found, condition, args).cap = SEARCHED;
    }

    /// Whether there are none: then the list is the whole of it.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the rows of each part, and says how the list is best found: no further than that takes, unless they are to be
    /// `counted`; `whole` where sorting takes the whole rows.
    pub async fn plan(&self, q: &mut dyn Querier, whole: bool, counted: bool) -> Result<Plan<'_>, StoreError> {
        let usual = if whole || self.0.len() > 1 { FEW_WHOLE } else { FEW };
        let mut statement = Filter::default();
        let mut asked = Vec::new();
        for (at, part) in self.0.iter().enumerate() {
            if let Some(Piece(sql, args)) = &part.found {
                let sql = statement.place(sql, args.clone());
                let cap = if counted { part.cap } else { part.most(usual) };
                asked.push((at, format!("(SELECT count(*) FROM ({sql} LIMIT {}) AS one)", cap + 1)));
            }
        }
        let columns: Vec<String> = asked.iter().map(|(_, column)| column.clone()).collect();
        let mut fewest = None;
        if !columns.is_empty() {
            let rows = q.rows(format!("SELECT {}", columns.join(", ")).into(), statement.args).await?;
            for (column, (at, _)) in asked.iter().enumerate() {
                let rows = rows.first().map_or(Ok(0), |row| row.get::<i64>(column))?;
                let is_many = self.0.get(*at).is_none_or(|part| rows > part.most(usual));
                let this = Fewest { is_many, rows, at: *at };
                fewest = Some(fewest.map_or(this, |known: Fewest| known.min(this)));
            }
        }
        Ok(Plan { parts: self, fewest })
    }
}

/// The condition that has the fewest rows, those that the list can be made of before all others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fewest {
    /// Whether they are too many to make the list of them.
    is_many: bool,
    /// How many they are, up to its cap and one more.
    rows: i64,
    /// Its place.
    at: usize,
}

/// How a list is found.
pub(crate) struct Plan<'a> {
    parts: &'a Parts,
    fewest: Option<Fewest>,
}

impl Plan<'_> {
    /// The only condition there is, where rows in the order of the list can be walked by its index.
    fn sole(&self) -> Option<&Part> {
        match self.parts.0.as_slice() {
            [part] => Some(part),
            _ => None,
        }
    }

    /// The index to walk by: that of a condition, or `otherwise`.
    pub fn walk(&self, otherwise: &'static str) -> &'static str {
        self.parts.0.iter().find_map(|part| part.walks).unwrap_or(otherwise)
    }

    /// Where the list is made of the few rows of one condition: the query of their ids.
    pub fn few(&self) -> Option<&Piece> {
        let fewest = self.fewest?;
        if fewest.is_many || self.sole().is_some_and(|part| part.walks.is_some()) {
            return None;
        }
        self.parts.0.get(fewest.at).and_then(|part| part.found.as_ref())
    }

    /// Whether a page must not look at more than [`SCANNED`] rows: a walk that passes over rows which do not fit.
    pub fn is_bounded(&self) -> bool {
        self.few().is_none() && !self.parts.is_empty() && self.sole().is_none_or(|part| part.walks.is_none())
    }

    /// How many rows the list has, where the counts tell; else they are counted, or the page tells what it can.
    pub fn total(&self) -> Option<Total> {
        let Fewest { rows: count, at, .. } = self.fewest?;
        let cap = self.parts.0.get(at).map_or(COUNT_CAP, |part| part.cap);
        let rows = u64::try_from(count.min(cap)).unwrap_or(0);
        (self.sole().is_some() || count == 0).then_some(Total { rows, exact: count <= cap })
    }

    /// Adds all conditions to `filter`, but for the one whose few rows the list is made of.
    pub fn apply(&self, filter: &mut Filter) {
        let few = self.few().and(self.fewest).map(|fewest| fewest.at);
        for (at, Part { condition: Piece(sql, args), .. }) in self.parts.0.iter().enumerate() {
            if few != Some(at) {
                filter.and(sql, args.clone());
            }
        }
    }

    /// Adds the one that the index of the walk meets by itself.
    pub fn apply_walked(&self, filter: &mut Filter) {
        if let Some(Part { condition: Piece(sql, args), .. }) = self.parts.0.iter().find(|part| part.walks.is_some()) {
            filter.and(sql, args.clone());
        }
    }
}
