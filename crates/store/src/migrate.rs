//! Migrations: a separate command applies them under a lock; servers only check.

use crate::{
    db::{Db, Pools},
    dialect::classify,
    error::{Detail, SchemaError, StoreError},
};
use sqlx::{
    PgConnection,
    migrate::{MigrateError, Migrator},
};
use std::time::Duration;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// The number of the newest migration this program brings; the same for both databases.
pub const SCHEMA_VERSION: i64 = 31;

/// The name of the lock on PostgreSQL under which migrations are applied.
const LOCK: i64 = i64::from_be_bytes(*b"holdfast");
/// How often whoever finds it taken looks again.
const AGAIN: Duration = Duration::from_millis(200);

/// Brings the schema to [`SCHEMA_VERSION`]. Several processes may call it at once: an advisory lock of PostgreSQL, or a locked
/// file beside SQLite's, lets one work and the others find it done. A schema of a newer program is left alone and is no error.
pub async fn migrate(db: &Db) -> Result<(), StoreError> {
    let done = match &db.pools {
        Pools::Sqlite { writer, .. } => {
            let _lock = lock_beside(db).await?;
            tolerant(&SQLITE).run(writer).await
        }
        Pools::Postgres { pool } => {
            let mut connection = pool.acquire().await.map_err(|e| classify(&e))?;
            // Migrating a large table may take longer than a request may.
            let free = "SET statement_timeout = 0; SET lock_timeout = '60s'";
            sqlx::raw_sql(free).execute(&mut *connection).await.map_err(|e| classify(&e))?;
            let mut migrator = tolerant(&POSTGRES);
            migrator.set_locking(false);
            let done = match take_turn(&mut connection).await {
                Ok(()) => migrator.run(&mut *connection).await,
                Err(error) => Err(MigrateError::Execute(error)),
            };
            // The lock goes with the connection.
            connection.close_on_drop();
            done
        }
    };
    match done {
        Ok(()) => Ok(()),
        Err(MigrateError::Execute(error)) => Err(classify(&error)),
        Err(MigrateError::VersionMismatch(version) | MigrateError::Dirty(version)) => {
            Err(SchemaError::Different { version }.into())
        }
        Err(error) => Err(StoreError::Unusable(Detail::new("its migrations cannot be applied", error.to_string()))),
    }
}

/// Takes the lock, and clears away the indexes whose building was interrupted.
///
/// An index of a large table is built while it is written to (`CREATE INDEX CONCURRENTLY`), which waits until every older
/// statement has ended. The migrator's own lock would be such a statement, and wait for the one who builds: so whoever finds
/// the lock taken does not wait in the database but comes back. (What an operator's `REINDEX CONCURRENTLY` is at has another
/// name, and is left alone.)
async fn take_turn(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    while !sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *connection).await? {
        tokio::time::sleep(AGAIN).await;
    }
    let broken: Vec<String> = sqlx::query_scalar(
        "SELECT format('DROP INDEX %I.%I', n.nspname, c.relname) FROM pg_index i
         JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT i.indisvalid AND n.nspname = current_schema() AND c.relname LIKE '%\\_idx'",
    )
    .fetch_all(&mut *connection)
    .await?;
    for statement in broken {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A locked file beside an SQLite database: the migrator's own lock exists on PostgreSQL only. (Not the database file
/// itself: closing a second handle to it would drop the locks that SQLite holds on it.)
async fn lock_beside(db: &Db) -> Result<Option<std::fs::File>, StoreError> {
    let crate::DbUrl::Sqlite(path) = db.url() else { return Ok(None) };
    let mut name = path.clone().into_os_string();
    name.push("-migrate");
    let lock = move || {
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(name)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    };
    match tokio::task::spawn_blocking(lock).await {
        Ok(Ok(file)) => Ok(Some(file)),
        Ok(Err(error)) => Err(StoreError::unavailable(error.to_string())),
        Err(error) => Err(StoreError::internal(error.to_string())),
    }
}

/// The migrator that finds it normal that a newer program went further.
fn tolerant(migrator: &Migrator) -> Migrator {
    let mut own = Migrator::with_migrations(migrator.iter().cloned().collect());
    own.set_ignore_missing(true);
    own
}

/// Compares the schema with [`SCHEMA_VERSION`], changing nothing. A newer schema is refused only with
/// [`SchemaError::Ahead`]; since migrations only ever expand, a caller that is being replaced in a rolling update may go
/// on with it.
pub async fn check_schema(db: &Db) -> Result<(), StoreError> {
    let sql = "SELECT version, success FROM _sqlx_migrations ORDER BY version";
    let rows: Result<Vec<(i64, bool)>, sqlx::Error> = match &db.pools {
        Pools::Sqlite { readers, .. } => sqlx::query_as(sql).fetch_all(readers).await,
        Pools::Postgres { pool } => sqlx::query_as(sql).fetch_all(pool).await,
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => {
            return Err(match classify(&error) {
                // No such table: nothing was ever migrated.
                StoreError::Internal(_) => SchemaError::Behind { found: 0, needed: SCHEMA_VERSION }.into(),
                other => other,
            });
        }
    };
    if let Some((version, _)) = rows.iter().find(|(_, success)| !success) {
        return Err(SchemaError::Different { version: *version }.into());
    }
    let found = rows.last().map_or(0, |(version, _)| *version);
    match found.cmp(&SCHEMA_VERSION) {
        std::cmp::Ordering::Less => Err(SchemaError::Behind { found, needed: SCHEMA_VERSION }.into()),
        std::cmp::Ordering::Greater => Err(SchemaError::Ahead { found, needed: SCHEMA_VERSION }.into()),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let list = |migrator: &Migrator| -> Vec<(i64, String)> {
            migrator.iter().map(|m| (m.version, m.description.to_string())).collect()
        };
        assert_eq!(list(&SQLITE), list(&POSTGRES));
        assert_eq!(list(&SQLITE).last().unwrap().0, SCHEMA_VERSION);
    }
}
