//! The few true differences between SQLite and PostgreSQL, all in one place.

use crate::{
    error::{Constraint, Detail, StoreError},
    sql::Arg,
};
use std::fmt::Write as _;
use uuid::Uuid;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The embedded one.
    Sqlite,
    /// The server.
    Postgres,
}

/// The advisory lock that whoever appends to the change feed holds until its commit.
pub(crate) const FEED_LOCK: i64 = 0x686f_6c64_6665_6564;
/// The channel that wakes up followers of the change feed.
pub(crate) const FEED_CHANNEL: &str = "holdfast_changes";

impl Dialect {
    /// What follows a SELECT that locks the rows it reads. On SQLite the one writer has the whole database anyway.
    /// `NO KEY` because inserting a row that refers to the locked one need not wait.
    pub(crate) const fn lock_rows(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE",
        }
    }

    /// What follows a SELECT that locks what it can get and leaves out what others hold.
    pub(crate) const fn lock_rows_that_are_free(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR NO KEY UPDATE SKIP LOCKED",
        }
    }

    /// The whole number `n` as a constant column.
    pub(crate) fn number(self, n: u8) -> String {
        match self {
            Self::Sqlite => n.to_string(),
            Self::Postgres => format!("{n}::bigint"),
        }
    }

    /// What follows a CROSS JOIN with constants to have each of them looked up in `table` by itself, over the index that
    /// fits `condition`, whatever the planner believes of the size of the table.
    pub(crate) fn each_by(self, table: &str, condition: &str) -> String {
        match self {
            Self::Sqlite => format!("{table} ON {condition}"),
            Self::Postgres => format!("LATERAL (SELECT * FROM {table} WHERE {condition} OFFSET 0) AS {table}"),
        }
    }

    /// The condition that `column` is one of `ids`, whose arguments it appends to `args`.
    pub(crate) fn any_of(self, column: &str, ids: impl Iterator<Item = Arg>, args: &mut Vec<Arg>) -> String {
        let ids: Vec<Arg> = ids.collect();
        match self {
            Self::Postgres => {
                args.push(Arg::Many(ids));
                format!("{column} = ANY(${})", args.len())
            }
            Self::Sqlite => {
                if ids.is_empty() {
                    return "1 = 0".to_owned();
                }
                let first = args.len() + 1;
                args.extend(ids);
                let list: Vec<String> = (first..=args.len()).map(|n| format!("${n}")).collect();
                format!("{column} IN ({})", list.join(", "))
            }
        }
    }

    /// The same for some thousand texts as a piece of a [`crate::page::Filter`], with `?` for its one argument: SQLite takes
    /// ever longer to bind each further one.
    pub(crate) fn any_text_next(self, column: &str, texts: &[String], args: &mut Vec<Arg>) -> String {
        match self {
            Self::Postgres => {
                args.push(Arg::Many(texts.iter().map(|text| Arg::Text(Some(text.clone()))).collect()));
                format!("{column} = ANY(?)")
            }
            Self::Sqlite => {
                args.push(Arg::Text(Some(serde_json::json!(texts).to_string())));
                format!("{column} IN (SELECT value FROM json_each(?))")
            }
        }
    }

    /// A table expression `licenses`: those of the product `$2` with one of these key hashes, one look-up each.
    ///
    /// Without statistics, as right after an import, both databases would rather walk through every license of the
    /// vendor's product, for each statement anew.
    pub(crate) fn licenses_of_hashes(self, hashes: impl Iterator<Item = Arg>, args: &mut Vec<Arg>) -> String {
        match self {
            Self::Postgres => {
                args.push(Arg::Many(hashes.collect()));
                // The offset keeps the vendor out of it, which would bring the other index in.
                format!(
                    "unnest(${}::bytea[]) AS wanted(hash) CROSS JOIN LATERAL (SELECT * FROM licenses
                     WHERE product = $2 AND key_hash = wanted.hash OFFSET 0) AS licenses",
                    args.len()
                )
            }
            Self::Sqlite => {
                let among = self.any_of("key_hash", hashes, args);
                format!(
                    "(SELECT * FROM licenses INDEXED BY licenses_key_key WHERE product = $2 AND {among}) AS licenses"
                )
            }
        }
    }

    /// What follows a table's name to have SQLite walk along `index`. PostgreSQL has statistics to choose by.
    pub(crate) fn by_index(self, index: Option<&str>) -> String {
        match (self, index) {
            (Self::Sqlite, Some(index)) => format!(" INDEXED BY {index}"),
            _ => String::new(),
        }
    }

    /// A table expression `table`: its rows that meet `condition`, which are few and are found by `index`. Whatever they
    /// are sorted by, neither database then walks along that order over everybody else's: PostgreSQL would wherever it
    /// expects to meet enough of them soon.
    pub(crate) fn found_by(self, table: &str, index: &str, condition: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT * FROM {table} INDEXED BY {index} WHERE {condition}) AS {table}"),
            Self::Postgres => format!("(SELECT * FROM {table} WHERE {condition} OFFSET 0) AS {table}"),
        }
    }

    /// A query of `rows` of constants: over one array per column on PostgreSQL, so that its text does not depend on the
    /// number of rows; over `VALUES` on SQLite, filled up with rows of nulls to a power of two, so that few different
    /// statements are prepared. Returns its text and its arguments, the first of which is the argument after `before`
    /// others. All rows must have the same types, and their first column is never null.
    ///
    /// On SQLite the arguments have no numbers: it looks numbered ones up by name, one after the other, which makes the
    /// binding of some hundred the most expensive part of a statement. Such a statement must have no numbered ones.
    pub(crate) fn constants(self, rows: &[Vec<Arg>], before: usize) -> (String, Vec<Arg>) {
        let width = rows.first().map_or(0, Vec::len);
        match self {
            Self::Postgres => {
                let mut text = String::from("SELECT * FROM unnest(");
                let mut args = Vec::with_capacity(width);
                for at in 0..width {
                    let column: Vec<Arg> = rows.iter().filter_map(|row| row.get(at).cloned()).collect();
                    let kind = match column.first() {
                        Some(Arg::Int(_)) => "bigint[]",
                        Some(Arg::Bool(_)) => "boolean[]",
                        Some(Arg::Bytes(_)) => "bytea[]",
                        Some(Arg::Id(_)) => "uuid[]",
                        _ => "text[]",
                    };
                    let comma = if at == 0 { "" } else { ", " };
                    let _ = write!(text, "{comma}${}::{kind}", before + at + 1);
                    args.push(Arg::Many(column));
                }
                text.push(')');
                (text, args)
            }
            Self::Sqlite => {
                let filled = rows.len().next_power_of_two();
                let row = format!("({})", vec!["?"; width].join(","));
                let text = format!("SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL", vec![row; filled].join(","));
                let mut args = Vec::with_capacity(width * filled);
                args.extend(rows.iter().flatten().cloned());
                args.resize(width * filled, Arg::Int(None));
                (text, args)
            }
        }
    }

    /// The condition that `column` is one of `values`, as a statement of constants has it ([`Self::constants`]).
    pub(crate) fn one_of(self, column: &str, values: Vec<Arg>, before: usize) -> (String, Vec<Arg>) {
        match self {
            Self::Postgres => (format!("{column} = ANY(${})", before + 1), vec![Arg::Many(values)]),
            Self::Sqlite => {
                let rows: Vec<Vec<Arg>> = values.into_iter().map(|value| vec![value]).collect();
                let (source, args) = self.constants(&rows, before);
                (format!("{column} IN ({source})"), args)
            }
        }
    }

    /// How many of `rows` rows of `width` columns to write with the next statement.
    pub(crate) fn chunk(self, rows: usize, width: usize) -> usize {
        match self {
            Self::Postgres => rows.min(5_000),
            Self::Sqlite => {
                let most = (4_096 / width.max(1)).clamp(1, 128);
                rows.min(1 << (usize::BITS - 1 - most.leading_zeros()))
            }
        }
    }
}

/// SQLSTATEs after which a connection is not worth keeping.
fn is_dead(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "25006" | "57P01" | "57P02" | "57P03" | "57P05" | "53300")
}

/// SQLSTATEs after which the same transaction may succeed: serialisation, deadlock, lock time-out, cancelled by time-out.
fn is_worth_repeating(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03" | "57014")
}

/// Sorts an error of sqlx by what can be done about it.
pub(crate) fn classify(error: &sqlx::Error) -> StoreError {
    let words = error.to_string();
    let sqlx::Error::Database(database) = error else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => StoreError::unavailable(words),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                StoreError::corrupt("column", words)
            }
            sqlx::Error::Configuration(_) => {
                StoreError::Unusable(Detail::new("its address or options are wrong", words))
            }
            _ => StoreError::internal(words),
        };
    };
    let code = database.code().unwrap_or_default().into_owned();
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return match code.as_str() {
            "23505" | "23503" => constraint(database.constraint().unwrap_or_default())
                .map_or_else(|| StoreError::internal(words), StoreError::Conflict),
            "25006" => StoreError::ReadOnly,
            "53100" => StoreError::DiskFull,
            "28000" | "28P01" | "3D000" => StoreError::Unusable(Detail::new("it refuses the sign-in", words)),
            code if is_dead(code) || is_worth_repeating(code) || code.starts_with("53") => {
                StoreError::unavailable(words)
            }
            code if code.starts_with("XX") => StoreError::corrupt("database", words),
            _ => StoreError::internal(words),
        };
    }
    let message = database.message();
    match code.parse::<i64>().unwrap_or(0) & 0xff {
        19 => sqlite_constraint(message).map_or_else(|| StoreError::internal(words), StoreError::Conflict),
        5 | 6 | 10 | 14 => StoreError::unavailable(words),
        8 => StoreError::ReadOnly,
        13 => StoreError::DiskFull,
        11 | 26 => StoreError::corrupt("file", words),
        _ => StoreError::internal(words),
    }
}

/// Whether a failed COMMIT certainly did not commit.
pub(crate) fn commit_certainly_failed(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else { return false };
    let code = database.code().unwrap_or_default().into_owned();
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return matches!(code.as_str(), "40001" | "40P01" | "25P02" | "3B001" | "25006") || code.starts_with("23");
    }
    matches!(code.parse::<i64>().unwrap_or(0) & 0xff, 5 | 13 | 19)
}

const UNIQUE: [(&str, &str, Constraint); 15] = [
    ("members_email_key", "members.email", Constraint::MemberEmail),
    ("products_code_key", "products.vendor, products.code", Constraint::ProductCode),
    ("plans_code_key", "plans.vendor, plans.product, plans.code", Constraint::PlanCode),
    ("customers_email_key", "customers.vendor, customers.email", Constraint::CustomerEmail),
    ("customers_external_key", "customers.vendor, customers.external_id", Constraint::CustomerExternalId),
    ("orders_external_key", "orders.vendor, orders.external_id", Constraint::OrderExternalId),
    ("licenses_key_key", "licenses.product, licenses.key_hash", Constraint::LicenseKey),
    ("seats_device_key", "seats.license, seats.device", Constraint::SeatDevice),
    ("trials_device_key", "trials.product, trials.device", Constraint::TrialDevice),
    ("replies_name_key", "replies.vendor, replies.name", Constraint::ReplyName),
    ("signing_keys_kid_key", "signing_keys.vendor, signing_keys.kid", Constraint::SigningKeyId),
    ("api_tokens_hash_key", "api_tokens.hash", Constraint::TokenHash),
    ("vendor_portals_short_key", "vendor_portals.short_name", Constraint::PortalShortName),
    ("vendor_portals_domain_key", "vendor_portals.domain", Constraint::PortalDomain),
    ("idempotency_pkey", "idempotency.actor, idempotency.key", Constraint::IdempotencyKey),
];

fn constraint(name: &str) -> Option<Constraint> {
    let unique = UNIQUE.iter().find(|(postgres, _, _)| *postgres == name).map(|(_, _, constraint)| *constraint);
    unique.or_else(|| {
        if name.ends_with("_fkey") {
            Some(Constraint::Reference)
        } else if name.ends_with("_pkey") {
            Some(Constraint::PrimaryKey)
        } else {
            None
        }
    })
}

fn sqlite_constraint(message: &str) -> Option<Constraint> {
    if message.contains("FOREIGN KEY") {
        return Some(Constraint::Reference);
    }
    let columns = message.split_once("UNIQUE constraint failed: ")?.1;
    let unique = UNIQUE.iter().find(|(_, sqlite, _)| *sqlite == columns).map(|(_, _, constraint)| *constraint);
    unique.or(Some(Constraint::PrimaryKey))
}

/// The elements of an array argument, by type.
pub(crate) enum Array {
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Id(Vec<Option<Uuid>>),
}

/// The PostgreSQL array of `items`, which are all of one type; identifiers where there are none.
pub(crate) fn array(items: &[Arg]) -> Array {
    macro_rules! gather {
        ($variant:ident) => {
            Array::$variant(
                items.iter().map(|item| if let Arg::$variant(v) = item { v.clone() } else { None }).collect(),
            )
        };
    }
    match items.first() {
        Some(Arg::Int(_)) => gather!(Int),
        Some(Arg::Bool(_)) => gather!(Bool),
        Some(Arg::Text(_)) => gather!(Text),
        Some(Arg::Bytes(_)) => gather!(Bytes),
        _ => gather!(Id),
    }
}
