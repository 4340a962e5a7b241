//! Statements of operators and tests, as text and without arguments. Never anything that came in a request.

use crate::{
    db::{Db, Pools, Reader},
    dialect::{Dialect, classify},
    error::StoreError,
    sql::{Arg, Querier, Row},
};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use std::borrow::Cow;

/// Runs `sql` (one or more statements) on a connection that may write and returns the rows of all of them, each column as
/// text. Bytes must be turned into text by the statement (`hex(…)`, `encode(…, 'hex')`).
pub async fn run(db: &Db, sql: &str) -> Result<Vec<Vec<Option<String>>>, StoreError> {
    macro_rules! rows {
        ($pool:expr) => {
            $pool
                .fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())))
                .await
                .and_then(|rows| {
                    rows.iter()
                        .map(|row| (0..row.len()).map(|at| row.try_get_unchecked::<Option<String>, _>(at)).collect())
                        .collect()
                })
                .map_err(|e| classify(&e))
        };
    }
    match &db.pools {
        Pools::Sqlite { writer, .. } => rows!(writer),
        Pools::Postgres { pool } => rows!(pool),
    }
}

/// A reader that remembers its statements, so that a test can ask the database how it finds what they ask for.
#[derive(Debug)]
pub struct Overheard {
    /// What reads.
    pub reader: Reader,
    /// The statements so far.
    pub statements: Vec<String>,
}

impl Querier for Overheard {
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.statements.push(sql.clone().into_owned());
        self.reader.rows(sql, args)
    }

    fn dialect(&self) -> Dialect {
        self.reader.dialect()
    }
}

impl Overheard {
    /// How the database goes about the statements so far, whatever their arguments and however little is in its tables.
    pub async fn plans(&self, db: &Db) -> Result<String, StoreError> {
        let mut plans = String::new();
        for statement in &self.statements {
            let sql = match &db.pools {
                Pools::Sqlite { .. } => format!("EXPLAIN QUERY PLAN {statement}"),
                Pools::Postgres { .. } => {
                    let numbers = statement.split('$').skip(1).map(|after| {
                        let digits = after.chars().take_while(char::is_ascii_digit).collect::<String>();
                        digits.parse::<usize>().unwrap_or(0)
                    });
                    let nulls = vec!["NULL"; numbers.max().unwrap_or(0)].join(", ");
                    format!(
                        "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off;
                         PREPARE overheard AS {statement}; EXPLAIN EXECUTE overheard({nulls}); DEALLOCATE overheard; ROLLBACK"
                    )
                }
            };
            for line in run(db, &sql).await?.into_iter().flatten().flatten() {
                plans.push_str(&line);
                plans.push('\n');
            }
        }
        Ok(plans)
    }
}
