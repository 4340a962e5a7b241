//! Statements of operators and tests, as text and without arguments. Never anything that came in a request.

use crate::{
    db::{Db, Pools},
    dialect::classify,
    error::StoreError,
};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

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
