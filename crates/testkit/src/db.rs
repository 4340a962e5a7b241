//! A database of its own for each test, on SQLite or PostgreSQL, migrated and gone afterwards.
#![allow(clippy::missing_panics_doc, clippy::expect_used, clippy::panic)]

use holdfast_store::{Db, DbOptions, DbUrl, Store, StoreOptions, check_schema, migrate, raw};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tempfile::TempDir;

/// The environment variable that names the PostgreSQL to test on.
pub const POSTGRES_VARIABLE: &str = "HOLDFAST_TEST_POSTGRES";

/// A migrated database that belongs to one test.
pub struct TestDb {
    /// The open database.
    pub db: Db,
    url: DbUrl,
    home: Home,
}

enum Home {
    Sqlite(TempDir),
    Postgres { server: DbUrl, name: String },
}

impl TestDb {
    /// A way to this PostgreSQL that can be closed and opened: the URL through it, and the gate.
    pub fn behind_a_gate(&self) -> (DbUrl, crate::Gate) {
        let DbUrl::Postgres(url) = &self.url else { panic!("an embedded database has no way to it") };
        let (before, rest) = url.split_once('@').expect("a URL with a user");
        let (address, name) = rest.split_once('/').expect("a URL with a database");
        let gate = crate::Gate::to(address.parse().expect("an address with a port")).expect("a free port");
        (DbUrl::Postgres(format!("{before}@{}/{name}", gate.address())), gate)
    }

    /// A new SQLite database in a temporary directory.
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = DbUrl::Sqlite(dir.path().join("holdfast.db"));
        let db = Db::open(&url, options()).await.expect("SQLite opens");
        migrate(&db).await.expect("migrations apply");
        Self { db, url, home: Home::Sqlite(dir) }
    }

    /// A new database in the PostgreSQL cluster that `HOLDFAST_TEST_POSTGRES` names.
    pub async fn postgres() -> Self {
        let server = postgres_url();
        let admin = Db::open(
            &server,
            DbOptions {
                readers: 1,
                statement_timeout: Duration::from_mins(1),
                lock_timeout: Duration::from_mins(1),
                ..options()
            },
        )
        .await
        .unwrap_or_else(|error| panic!("{POSTGRES_VARIABLE} names {server}, which does not answer: {error:?}"));
        let template = template(&admin, &server).await;
        let name = unique_name();
        raw::run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await.expect("a database of our own");
        admin.close().await;
        let url = in_database(&server, &name);
        let db = Db::open(&url, options()).await.expect("our own database opens");
        check_schema(&db).await.expect("the template is migrated");
        Self { db, url, home: Home::Postgres { server, name } }
    }

    /// Where the database is.
    pub const fn url(&self) -> &DbUrl {
        &self.url
    }

    /// A store on the test's connections.
    pub fn store(&self) -> Store {
        Store::start(self.db.clone(), StoreOptions::default())
    }

    /// A store with connections of its own: another node on the same database.
    pub async fn another_node(&self) -> Store {
        let db = Db::open(&self.url, options()).await.expect("the database opens once more");
        Store::start(db, StoreOptions::default())
    }

    /// Whether it is a PostgreSQL.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.home, Home::Postgres { .. })
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.home {
            // The directory removes itself.
            Home::Sqlite(dir) => drop(dir.path()),
            Home::Postgres { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                // On a thread of its own, because a runtime cannot be waited for from within another.
                let cleaning = std::thread::spawn(move || {
                    run(async move {
                        if let Ok(admin) = Db::open(&server, DbOptions { readers: 1, ..options() }).await {
                            let _ = raw::run(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
                        }
                    });
                });
                let _ = cleaning.join();
            }
        }
    }
}

fn options() -> DbOptions {
    DbOptions { readers: 6, ..DbOptions::default() }
}

/// The cluster to test on; panics with what to do where it is not named.
pub fn postgres_url() -> DbUrl {
    let hint = "start one with `export HOLDFAST_TEST_POSTGRES=$(scripts/postgres.sh start)`";
    let url = std::env::var(POSTGRES_VARIABLE).unwrap_or_else(|_| panic!("{POSTGRES_VARIABLE} is not set: {hint}"));
    url.parse().unwrap_or_else(|_| panic!("{POSTGRES_VARIABLE} is not a postgres:// URL: {hint}"))
}

fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    format!("hf_test_{}_{}_{nanos:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn in_database(server: &DbUrl, name: &str) -> DbUrl {
    let DbUrl::Postgres(url) = server else { panic!("not a PostgreSQL") };
    let (base, parameters) = url.split_once('?').map_or((url.as_str(), ""), |(base, rest)| (base, rest));
    let (server, _) = base.rsplit_once('/').expect("a URL with a database");
    let question = if parameters.is_empty() { "" } else { "?" };
    DbUrl::Postgres(format!("{server}/{name}{question}{parameters}"))
}

/// The migrated database that others are copied from; made by whichever test comes first. Its name carries a fingerprint
/// of the migrations, so that changed ones lead to a new one.
async fn template(admin: &Db, server: &DbUrl) -> String {
    let sql = include_dir_text();
    let fingerprint = sql
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let name = format!("hf_template_{fingerprint:x}");
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate");
    if !raw::run(admin, &exists).await.expect("the catalog answers").is_empty() {
        return name;
    }
    // Session locks need one connection: this pool has two, so hold it in one transaction-free statement sequence by
    // trying until the lock is ours or the template is there.
    let building = format!("{name}_{}", unique_name());
    raw::run(
        admin,
        &format!("CREATE DATABASE {building} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"),
    )
    .await
    .expect("a template database");
    let db = Db::open(&in_database(server, &building), options()).await.expect("the template opens");
    migrate(&db).await.expect("migrations apply");
    db.close().await;
    // Whoever renames first wins; the others throw theirs away.
    let rename = format!("ALTER DATABASE {building} RENAME TO {name}");
    if raw::run(admin, &rename).await.is_ok() {
        raw::run(admin, &format!("ALTER DATABASE {name} IS_TEMPLATE true")).await.expect("marking the template");
        return name;
    }
    let _ = raw::run(admin, &format!("DROP DATABASE {building} WITH (FORCE)")).await;
    for _ in 0..200 {
        if !raw::run(admin, &exists).await.expect("the catalog answers").is_empty() {
            return name;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the template database {name} was never finished; run scripts/postgres.sh wipe");
}

fn include_dir_text() -> String {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("the migrations are in the tree")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).expect("a readable migration")).collect()
}

/// Runs a test's future on a runtime with two threads, so that races are real.
pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Instantiates each behaviour for both databases: `both! { async fn name(db: TestDb) { … } }` becomes the tests
/// `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: TestDb) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn behaviour($db: $crate::db::TestDb) $body

            #[test]
            fn sqlite() {
                $crate::db::run(async { behaviour($crate::db::TestDb::sqlite().await).await });
            }

            #[test]
            fn postgres() {
                $crate::db::run(async { behaviour($crate::db::TestDb::postgres().await).await });
            }
        }
    )*};
}
