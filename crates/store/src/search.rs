//! Searching names, addresses, order numbers and devices for what was typed, wherever in them it stands.
//!
//! Trigrams find texts of three characters and more: an FTS5 table for each kind on SQLite, an index on PostgreSQL. Shorter
//! ones are the beginning of a customer's name or address.

use crate::{
    customers::{folded, prefix_end},
    dialect::Dialect,
    error::StoreError,
    page::Filter,
    scope::Scope,
    sql::{Arg, Querier, args},
};
use holdfast_domain::VendorId;
use uuid::Uuid;

/// How many of a kind a search may find before they are met on a walk along the list instead of looked up.
pub(crate) const MANY: usize = 2_000;
/// How many of all vendors' are looked at for that. The indexes of trigrams have all of them: a vendor who has few neither
/// waits for, nor learns by the time it takes, what the others have.
const LOOKED_AT: i64 = 20_000;

/// What has texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Customer,
    Order,
    Seat,
}

impl Kind {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Customer => ("customer", "texts_of_customers"),
            Self::Order => ("order", "texts_of_orders"),
            Self::Seat => ("seat", "texts_of_seats"),
        }
    }
}

/// A piece of a statement, with `?` for each argument.
#[derive(Clone)]
pub(crate) struct Piece(pub String, pub Vec<Arg>);

/// What somebody looks for in a vendor's lists.
pub(crate) struct Search {
    dialect: Dialect,
    vendor: VendorId,
    /// As it was typed, and in lower case.
    pub typed: String,
    folded: String,
}

impl Search {
    /// A search for `typed`; `None` where that is blank.
    pub fn of(dialect: Dialect, scope: Scope, typed: Option<&str>) -> Option<Self> {
        let typed = typed.map(|text| text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty())?;
        Some(Self { dialect, vendor: scope.vendor(), folded: folded(&typed), typed })
    }

    fn is_short(&self) -> bool {
        self.folded.chars().count() < 3
    }

    /// What a text of `kind` is compared with. Names of customers are stored in lower case; of everything else SQLite has
    /// folded the letters of ASCII only.
    fn needle(&self, kind: Kind) -> String {
        if kind == Kind::Customer || self.dialect == Dialect::Postgres {
            self.folded.clone()
        } else {
            self.typed.to_ascii_lowercase()
        }
    }

    fn pattern(&self, kind: Kind) -> String {
        containing(&self.needle(kind))
    }

    /// The query of the subjects of `kind` that match, one more than [`MANY`] at most, each with its vendor and the how
    /// manieth of all it is; that of number [`LOOKED_AT`] is among them whoever's it is. `None` where short texts find none.
    fn query(&self, kind: Kind) -> Option<Piece> {
        let (vendor, limit, (name, index)) = (self.vendor, MANY + 1, kind.names());
        if self.is_short() {
            if kind != Kind::Customer {
                return None;
            }
            let (text, end) = (&self.folded, prefix_end(&self.folded));
            let number = self.dialect.number(0);
            let sql = format!(
                "SELECT id, vendor, {number} FROM (SELECT id, vendor FROM customers WHERE vendor = $1 AND email >= $2
                    AND email < $3 LIMIT {limit}) AS a
                 UNION SELECT id, vendor, {number} FROM (SELECT id, vendor FROM customers WHERE vendor = $1
                    AND name_folded >= $2 AND name_folded < $3 LIMIT {limit}) AS b
                 UNION SELECT id, vendor, {number} FROM customers WHERE vendor = $1 AND external_id = $4 LIMIT {limit}"
            );
            return Some(Piece(sql, args![vendor, text, end, self.typed]));
        }
        Some(match self.dialect {
            Dialect::Sqlite => Piece(
                format!(
                    "SELECT texts.subject, texts.vendor, number FROM (SELECT met, row_number() OVER () AS number
                        FROM (SELECT rowid AS met FROM {index} WHERE {index} MATCH $1 LIMIT {LOOKED_AT})) AS numbered
                     CROSS JOIN texts ON texts.id = met WHERE texts.vendor = $2 OR number = {LOOKED_AT} LIMIT {limit}"
                ),
                args![format!("\"{}\"", self.folded.replace('"', "\"\"")), vendor],
            ),
            Dialect::Postgres => Piece(
                format!(
                    "SELECT subject, vendor, number FROM (SELECT subject, vendor, row_number() OVER () AS number
                        FROM (SELECT subject, vendor FROM texts WHERE kind = '{name}' AND text LIKE $1
                            LIMIT {LOOKED_AT}) AS met) AS numbered
                     WHERE vendor = $2 OR number = {LOOKED_AT} LIMIT {limit}"
                ),
                args![self.pattern(kind), vendor],
            ),
        })
    }

    /// Looks the texts of `kinds` up: those of each that match, or that there are more than [`MANY`], or may be.
    pub async fn find(&self, q: &mut dyn Querier, kinds: &'static [Kind]) -> Result<Found, StoreError> {
        let mut found = Found { dialect: self.dialect, kinds: Vec::new(), is_broad: false };
        for kind in kinds {
            let Some(Piece(sql, args)) = self.query(*kind) else { continue };
            let rows = q.rows(sql.into(), args).await?;
            let mut subjects = Vec::with_capacity(rows.len());
            let mut is_broad = rows.len() > MANY;
            for row in &rows {
                is_broad |= row.get::<i64>(2)? == LOOKED_AT;
                if row.get::<VendorId>(1)? == self.vendor {
                    subjects.push(row.get::<Uuid>(0)?);
                }
            }
            found.is_broad |= is_broad;
            if is_broad || !subjects.is_empty() {
                found.kinds.push((*kind, subjects));
            }
        }
        Ok(found)
    }

    /// The condition that the `kind` whose id is in `column` matches. It begins at the first row so that PostgreSQL asks it
    /// of each row that a walk meets, and does not gather all that match.
    pub fn matches(&self, kind: Kind, column: &str) -> Piece {
        if self.is_short() {
            let (text, end) = (&self.folded, prefix_end(&self.folded));
            let sql = format!(
                "EXISTS (SELECT 1 FROM customers c WHERE c.vendor = ? AND c.id = {column} AND (c.email >= ? AND c.email < ?
                    OR c.name_folded >= ? AND c.name_folded < ? OR c.external_id = ?)
                 LIMIT 1 OFFSET 0)"
            );
            return Piece(sql, args![self.vendor, text, end, text, end, self.typed]);
        }
        let sql = format!(
            "EXISTS (SELECT 1 FROM texts WHERE texts.subject = {column} AND texts.vendor = ? AND texts.text LIKE ? ESCAPE '\\'
             LIMIT 1 OFFSET 0)"
        );
        Piece(sql, args![self.vendor, self.pattern(kind)])
    }

    /// What was typed, where it is four letters and digits, which may be the last of a key. Else nothing, which are no key's:
    /// the end of a name or of a whole key is that of some stranger's key as well.
    pub fn hint(&self) -> String {
        let plain: String = self.typed.chars().filter(|c| c.is_alphanumeric()).collect();
        if plain.is_ascii() && plain.len() == 4 { plain.to_ascii_uppercase() } else { String::new() }
    }
}

/// What `LIKE` compares with to find `text` anywhere, with `\` as its escape.
pub(crate) fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Narrows to the rows of which one of `columns` has in it what was typed, if anything was: for tables of which a vendor has
/// few rows, so that no index need find them.
pub(crate) fn having(conditions: &mut Filter, columns: &[&str], typed: Option<&str>) {
    let typed = typed.map(|text| text.replace('\0', "").trim().to_owned()).filter(|text| !text.is_empty());
    let Some(typed) = typed else { return };
    // As typed too: SQLite makes only ASCII lower.
    let (typed, folded) = (containing(&typed), containing(&typed.to_lowercase()));
    let (mut ways, mut args) = (Vec::new(), Vec::new());
    for column in columns {
        ways.push(format!("lower({column}) LIKE ? ESCAPE '\\' OR {column} LIKE ? ESCAPE '\\'"));
        args.extend(args![folded, typed]);
    }
    conditions.and(&format!("({})", ways.join(" OR ")), args);
}

/// What a search has found.
pub(crate) struct Found {
    dialect: Dialect,
    kinds: Vec<(Kind, Vec<Uuid>)>,
    /// Whether of one kind more than [`MANY`] match, or may: then what is known of it is not all.
    pub is_broad: bool,
}

impl Found {
    /// The `subject`s of each kind of which any match, or may, as a query of constants.
    pub fn subjects(&self) -> Vec<(Kind, Piece)> {
        let piece = |subjects: &[Uuid]| match self.dialect {
            // One argument, however many they are: SQLite takes long to bind many.
            Dialect::Sqlite => {
                let hex: Vec<String> = subjects.iter().map(|id| format!("\"{}\"", id.simple())).collect();
                let sql = "SELECT unhex(value) AS subject FROM json_each(?)".to_owned();
                Piece(sql, args![format!("[{}]", hex.join(","))])
            }
            Dialect::Postgres => {
                let ids = subjects.iter().map(|id| Arg::Id(Some(*id))).collect();
                Piece("SELECT subject FROM unnest(?::uuid[]) AS of (subject)".to_owned(), vec![Arg::Many(ids)])
            }
        };
        self.kinds.iter().map(|(kind, subjects)| (*kind, piece(subjects))).collect()
    }
}
