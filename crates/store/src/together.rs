//! Statements that go to the database in one go: one hop to SQLite's thread, one round trip to PostgreSQL.

use crate::{dialect::Dialect, sql::Arg};

/// Writes that do not depend on each other, and a query at their end. PostgreSQL runs all of them on what the tables were
/// before, in no order to rely on; SQLite one after the other.
pub(crate) struct Together {
    dialect: Dialect,
    writes: Vec<String>,
    args: Vec<Arg>,
}

impl Together {
    /// Nothing yet.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, writes: Vec::new(), args: Vec::new() }
    }

    /// A query of constants, to be used in the next of the writes, once ([`Dialect::constants`]).
    pub fn constants(&mut self, rows: &[Vec<Arg>]) -> String {
        let (text, args) = self.dialect.constants(rows, self.args.len());
        self.args.extend(args);
        text
    }

    /// The condition that `column` is one of `values`, for the query at the end.
    pub fn one_of(&mut self, column: &str, values: Vec<Arg>) -> String {
        let (text, args) = self.dialect.one_of(column, values, self.args.len());
        self.args.extend(args);
        text
    }

    /// Adds a write.
    pub fn write(&mut self, statement: String) {
        self.writes.push(statement);
    }

    /// Whether there is no write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The whole as one text with its arguments. Of the rows that come back, only those of `query` mean something.
    pub fn text(self, query: Option<&str>) -> (String, Vec<Arg>) {
        let text = match self.dialect {
            Dialect::Sqlite => self.writes.iter().map(String::as_str).chain(query).collect::<Vec<_>>().join("; "),
            Dialect::Postgres if self.writes.is_empty() => query.unwrap_or("SELECT 1").to_owned(),
            Dialect::Postgres => {
                let parts: Vec<String> =
                    self.writes.iter().enumerate().map(|(at, write)| format!("write_{at} AS ({write})")).collect();
                format!("WITH {} {}", parts.join(", "), query.unwrap_or("SELECT 1"))
            }
        };
        (text, self.args)
    }
}
