//! Migrations: both databases have the same tables, columns and indexes; checking tells behind from ahead.

use holdfast_store::{Db, DbOptions, DbUrl, SCHEMA_VERSION, SchemaError, StoreError, check_schema, migrate, raw};
use holdfast_testkit::{TestDb, both};
use std::collections::BTreeSet;

/// One line per column: table, name, whether it may be null, and the kind of its type.
async fn columns(db: &TestDb) -> BTreeSet<String> {
    let sql = if db.is_postgres() {
        "SELECT table_name, column_name, is_nullable = 'YES',
            CASE data_type WHEN 'uuid' THEN 'bytes' WHEN 'bytea' THEN 'bytes' WHEN 'bigint' THEN 'int' ELSE data_type END
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'"
    } else {
        "SELECT m.name, c.name, CASE WHEN c.\"notnull\" = 0 THEN 't' ELSE 'f' END,
            CASE c.type WHEN 'BLOB' THEN 'bytes' WHEN 'INTEGER' THEN 'int' ELSE lower(c.type) END
         FROM pragma_table_list m JOIN pragma_table_info(m.name) c
         WHERE m.schema = 'main' AND m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'"
    };
    lines(db, sql).await
}

/// One line per index that has a name of ours: table, name, whether unique, its columns. The indexes of trigrams are tables
/// on SQLite.
async fn indexes(db: &TestDb) -> BTreeSet<String> {
    let sql = if db.is_postgres() {
        "SELECT t.relname, i.relname, x.indisunique,
            (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY k (attnum, n)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum)
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
         WHERE n.nspname = 'public' AND NOT x.indisprimary AND t.relname NOT LIKE '\\_sqlx%'"
    } else {
        "SELECT m.name, i.name, CASE WHEN i.\"unique\" = 1 THEN 't' ELSE 'f' END,
            (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
         FROM sqlite_master m JOIN pragma_index_list(m.name) i
         WHERE m.type = 'table' AND i.origin = 'c'"
    };
    lines(db, sql).await
}

/// One line per reference: table, columns, table referred to.
async fn references(db: &TestDb) -> BTreeSet<String> {
    let sql = if db.is_postgres() {
        "SELECT t.relname, (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (attnum, n)
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum), r.relname
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
         WHERE c.contype = 'f'"
    } else {
        "SELECT tab, group_concat(col, ','), target FROM (SELECT m.name AS tab, f.id AS id, f.\"from\" AS col, f.\"table\" AS target
            FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq)
         GROUP BY tab, id, target"
    };
    lines(db, sql).await
}

async fn lines(db: &TestDb, sql: &str) -> BTreeSet<String> {
    let text = |column: Option<String>| match column.as_deref() {
        Some("true") => "t".to_owned(),
        Some("false") => "f".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    let rows = raw::run(&db.db, sql).await.unwrap();
    rows.into_iter().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn both_databases_have_the_same_tables_columns_indexes_and_references() {
    holdfast_testkit::db::run(async {
        let (sqlite, postgres) = (TestDb::sqlite().await, TestDb::postgres().await);
        assert_eq!(columns(&sqlite).await, columns(&postgres).await);
        assert_eq!(indexes(&sqlite).await, indexes(&postgres).await);
        assert_eq!(references(&sqlite).await, references(&postgres).await);
        assert!(columns(&sqlite).await.len() > 150);
        assert!(indexes(&sqlite).await.len() > 30);
        assert!(references(&sqlite).await.len() > 15);
    });
}

#[test]
fn every_table_of_sqlite_is_strict() {
    holdfast_testkit::db::run(async {
        let db = TestDb::sqlite().await;
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0
            AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations'";
        assert_eq!(raw::run(&db.db, sql).await.unwrap(), Vec::<Vec<_>>::new());
        let mode = raw::run(&db.db, "PRAGMA journal_mode; PRAGMA synchronous; PRAGMA foreign_keys").await.unwrap();
        let mode: Vec<_> = mode.into_iter().flatten().flatten().collect();
        assert_eq!(mode, ["wal", "2", "1"]);
    });
}

#[test]
fn an_empty_file_is_behind_until_it_is_migrated() {
    holdfast_testkit::db::run(async {
        let dir = tempfile::tempdir().unwrap();
        let url = DbUrl::Sqlite(dir.path().join("new.db"));
        let db = Db::open(&url, DbOptions::default()).await.unwrap();
        let behind = SchemaError::Behind { found: 0, needed: SCHEMA_VERSION };
        assert!(matches!(check_schema(&db).await, Err(StoreError::Schema(e)) if e == behind));
        let (one, two) = tokio::join!(migrate(&db), migrate(&db));
        one.unwrap();
        two.unwrap();
        check_schema(&db).await.unwrap();
    });
}

both! {
    async fn a_newer_schema_is_told_from_an_older_and_from_a_changed_one(db: TestDb) {
        migrate(&db.db).await.unwrap();
        check_schema(&db.db).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            SELECT version + 1, 'newer', success, checksum, 1 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1";
        raw::run(&db.db, newer).await.unwrap();
        let ahead = SchemaError::Ahead { found: SCHEMA_VERSION + 1, needed: SCHEMA_VERSION };
        assert!(matches!(check_schema(&db.db).await, Err(StoreError::Schema(e)) if e == ahead));
        migrate(&db.db).await.unwrap();
        let old = format!("DELETE FROM _sqlx_migrations WHERE version >= {SCHEMA_VERSION}");
        raw::run(&db.db, &old).await.unwrap();
        assert!(matches!(check_schema(&db.db).await, Err(StoreError::Schema(SchemaError::Behind { .. }))));
    }

    async fn an_altered_migration_is_refused(db: TestDb) {
        let alter = if db.is_postgres() { "'\\x00'" } else { "x'00'" };
        raw::run(&db.db, &format!("UPDATE _sqlx_migrations SET checksum = {alter} WHERE version = 1")).await.unwrap();
        let refused = migrate(&db.db).await;
        assert!(matches!(refused, Err(StoreError::Schema(SchemaError::Different { version: 1 }))), "{refused:?}");
    }

    async fn errors_say_nothing_of_sql(db: TestDb) {
        let error = raw::run(&db.db, "SELECT secret FROM nowhere").await.unwrap_err();
        assert!(!error.to_string().contains("nowhere"), "{error}");
        assert!(format!("{error:?}").contains("nowhere"), "{error:?}");
    }
}

#[test]
fn what_an_interrupted_migration_left_is_cleared_away() {
    holdfast_testkit::db::run(async {
        let db = TestDb::postgres().await;
        raw::run(&db.db, "CREATE TABLE twice AS SELECT 1 AS same FROM generate_series(1, 2)").await.unwrap();
        let build = "CREATE UNIQUE INDEX CONCURRENTLY twice_idx ON twice (same)";
        assert!(raw::run(&db.db, build).await.is_err(), "it cannot be unique");
        let left = "SELECT count(*)::text FROM pg_index WHERE NOT indisvalid";
        assert_eq!(raw::run(&db.db, left).await.unwrap(), [[Some("1".to_owned())]]);
        let (one, two, three) = tokio::join!(migrate(&db.db), migrate(&db.db), migrate(&db.db));
        one.and(two).and(three).unwrap();
        assert_eq!(raw::run(&db.db, left).await.unwrap(), [[Some("0".to_owned())]]);
        check_schema(&db.db).await.unwrap();
    });
}

#[test]
fn a_postgres_that_takes_no_writes_is_not_used() {
    holdfast_testkit::db::run(async {
        let db = TestDb::postgres().await;
        let DbUrl::Postgres(url) = db.url().clone() else { unreachable!() };
        let name = url.rsplit_once('/').unwrap().1.to_owned();
        raw::run(&db.db, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
        let options = DbOptions { acquire_timeout: std::time::Duration::from_millis(600), ..DbOptions::default() };
        let refused = Db::open(db.url(), options).await;
        assert!(matches!(&refused, Err(error) if error.is_retryable()), "{refused:?}");
    });
}
