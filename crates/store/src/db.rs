//! Connections to either database, and the one place where a statement is handed to them.

use crate::{
    dialect::{Array, Dialect, array, classify},
    error::{Detail, StoreError},
    sql::{Arg, Querier, Row, value},
    waits::Waits,
};
use futures::future::BoxFuture;
use holdfast_domain::Timestamp;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, Postgres, Sqlite,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    borrow::Cow,
    fmt,
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DbUrl {
    /// A file on this machine, created where it does not exist.
    Sqlite(PathBuf),
    /// A PostgreSQL server, as a `postgres://` URL.
    Postgres(String),
}

/// The text is neither `sqlite:PATH` nor `postgres://…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a database URL is sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
pub struct DbUrlError;

impl FromStr for DbUrl {
    type Err = DbUrlError;

    fn from_str(text: &str) -> Result<Self, DbUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let plain = !path.is_empty() && path != ":memory:" && !path.contains(['?', '\0']);
            return if plain { Ok(Self::Sqlite(path.into())) } else { Err(DbUrlError) };
        }
        let known = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if known && PgConnectOptions::from_str(text).is_ok() {
            Ok(Self::Postgres(text.to_owned()))
        } else {
            Err(DbUrlError)
        }
    }
}

/// Without the password.
impl fmt::Display for DbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => match PgConnectOptions::from_str(url) {
                Ok(options) => write!(
                    f,
                    "postgres://{}@{}:{}/{}",
                    options.get_username(),
                    options.get_host(),
                    options.get_port(),
                    options.get_database().unwrap_or_default()
                ),
                Err(_) => f.write_str("postgres://…"),
            },
        }
    }
}

impl fmt::Debug for DbUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sizes and times of the connections. The defaults are the measured ones.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// How many connections read at the same time.
    pub readers: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take (PostgreSQL), on the server and, a little longer, on this side.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How old a connection may get (PostgreSQL).
    pub max_lifetime: Duration,
    /// What the connections call themselves (PostgreSQL).
    pub application_name: String,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            readers: 8,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(4),
            lock_timeout: Duration::from_secs(2),
            max_lifetime: Duration::from_mins(5),
            application_name: "holdfast".to_owned(),
        }
    }
}

/// An open database.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) pools: Pools,
    pub(crate) options: DbOptions,
    url: DbUrl,
    waits: Arc<Waits>,
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool },
}

impl Db {
    /// Opens the database and checks that it can be used: the version of SQLite, a PostgreSQL that takes writes. The
    /// schema is not looked at; see [`crate::check_schema`].
    pub async fn open(url: &DbUrl, options: DbOptions) -> Result<Self, StoreError> {
        let pools = match url {
            DbUrl::Sqlite(path) => open_sqlite(path, &options).await?,
            DbUrl::Postgres(url) => open_postgres(url, &options)?,
        };
        if let Pools::Postgres { pool } = &pools {
            // Not through the pool, which tries again and again and then only says that it took too long.
            first_contact(&pool.connect_options(), options.acquire_timeout).await?;
        }
        Ok(Self { pools, options, url: url.clone(), waits: Arc::new(Waits::new()) })
    }

    /// Opens PostgreSQL without waiting for it to answer, so that a node can start while its database is away. An SQLite
    /// file is opened as by [`Db::open`].
    pub async fn open_lazily(url: &DbUrl, options: DbOptions) -> Result<Self, StoreError> {
        let pools = match url {
            DbUrl::Sqlite(path) => open_sqlite(path, &options).await?,
            DbUrl::Postgres(url) => open_postgres(url, &options)?,
        };
        Ok(Self { pools, options, url: url.clone(), waits: Arc::new(Waits::new()) })
    }

    /// Where it is.
    pub const fn url(&self) -> &DbUrl {
        &self.url
    }

    /// Which database it is.
    pub const fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// The database server's own clock, to compare a node's with; `None` for SQLite, which has none. Also the cheapest
    /// question by which to find out whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it does not.
    pub async fn now(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.reader();
        match self.dialect() {
            Dialect::Sqlite => value::<i64>(&mut reader, "SELECT 1", Vec::new()).await.map(|_| None),
            Dialect::Postgres => {
                let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
                Ok(value::<i64>(&mut reader, sql, Vec::new()).await?.map(Timestamp::from_micros))
            }
        }
    }

    /// How many connections are in use, and how many there may be.
    pub fn pool_use(&self) -> (u32, u32) {
        let (size, idle) = match &self.pools {
            Pools::Sqlite { readers, .. } => (readers.size(), readers.num_idle()),
            Pools::Postgres { pool } => (pool.size(), pool.num_idle()),
        };
        (size.saturating_sub(u32::try_from(idle).unwrap_or(u32::MAX)), self.options.readers)
    }

    /// How long 99 % of those who wanted a connection in the last minute waited for it at most; `None` where nobody did.
    pub fn pool_wait_p99(&self) -> Option<Duration> {
        self.waits.p99()
    }

    /// A handle for reading.
    pub fn reader(&self) -> Reader {
        Reader { db: self.clone(), patience: Duration::ZERO }
    }

    /// Closes all connections and waits for them.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool } => pool.close().await,
        }
    }

    pub(crate) async fn reading(&self) -> Result<Conn, StoreError> {
        let _waiting = self.waits.begin();
        match &self.pools {
            Pools::Sqlite { readers, .. } => readers.acquire().await.map(Conn::Sqlite),
            Pools::Postgres { pool } => pool.acquire().await.map(Conn::Postgres),
        }
        .map_err(|e| classify(&e))
    }

    pub(crate) async fn writing(&self) -> Result<Conn, StoreError> {
        let _waiting = self.waits.begin();
        match &self.pools {
            Pools::Sqlite { writer, .. } => writer.acquire().await.map(Conn::Sqlite),
            Pools::Postgres { pool } => pool.acquire().await.map(Conn::Postgres),
        }
        .map_err(|e| classify(&e))
    }
}

async fn open_sqlite(path: &std::path::Path, options: &DbOptions) -> Result<Pools, StoreError> {
    if !path.exists() {
        // SQLite would make it readable for everybody. Where it cannot be made, SQLite says why.
        let _ = crate::backup::create_private(path);
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "memory")
        .statement_cache_capacity(256);
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
    };
    // A checkpoint every 16 MB: what is written again and again, such as the ends of indexes, is copied back once in it.
    let writing = connect.clone().pragma("cache_size", "-16384").pragma("wal_autocheckpoint", "4000");
    // One for the group-commit writer, which keeps it, and one for migrations and operators' statements.
    let writer = pool(2).connect_with(writing).await.map_err(|e| classify(&e))?;
    let (version,): (String,) =
        sqlx::query_as("SELECT sqlite_version()").fetch_one(&writer).await.map_err(|e| classify(&e))?;
    if !is_recent(&version) {
        return Err(StoreError::Unusable(Detail::new(
            "its SQLite is older than 3.51.3, which damages WAL files",
            version,
        )));
    }
    // Each reader has a cache of its own; what it misses, the kernel has.
    let reading = connect.pragma("cache_size", "-4096").pragma("query_only", "on");
    let readers = pool(options.readers).connect_with(reading).await.map_err(|e| classify(&e))?;
    Ok(Pools::Sqlite { writer, readers })
}

/// Whether an SQLite version is free of the WAL corruption bug: 3.51.3 or later.
fn is_recent(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= (3, 51, 3)
}

fn open_postgres(url: &str, options: &DbOptions) -> Result<Pools, StoreError> {
    let millis = |span: Duration| format!("{}ms", span.as_millis());
    let connect = PgConnectOptions::from_str(url)
        .map_err(|e| classify(&e))?
        .application_name(&options.application_name)
        .statement_cache_capacity(256)
        .options([
            ("statement_timeout", millis(options.statement_timeout)),
            ("lock_timeout", millis(options.lock_timeout)),
            ("idle_in_transaction_session_timeout", "10s".to_owned()),
            ("jit", "off".to_owned()),
        ]);
    let pool = PgPoolOptions::new()
        // One more than the readers: the group-commit writer keeps its own.
        .max_connections(options.readers + 1)
        .acquire_timeout(options.acquire_timeout)
        .max_lifetime(options.max_lifetime)
        .idle_timeout(Duration::from_mins(1))
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(async move { refuse_read_only(connection).await }))
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                // A connection that was used a moment ago would have broken by now if its server had been demoted.
                if meta.idle_for < Duration::from_millis(250) {
                    return Ok(true);
                }
                let check = tokio::time::timeout(Duration::from_secs(2), refuse_read_only(connection));
                Ok(matches!(check.await, Ok(Ok(()))))
            })
        })
        .connect_lazy_with(connect);
    Ok(Pools::Postgres { pool })
}

/// Connects once, so that what is in the way is told in its own words: refused, unknown name, wrong password.
async fn first_contact(options: &PgConnectOptions, limit: Duration) -> Result<(), StoreError> {
    let contact = async {
        let mut connection = sqlx::PgConnection::connect_with(options).await?;
        refuse_read_only(&mut connection).await?;
        connection.close().await
    };
    match tokio::time::timeout(limit, contact).await {
        Ok(result) => result.map_err(|e| classify(&e)),
        Err(_) => Err(StoreError::unavailable("nothing answers at its address")),
    }
}

/// After a failover an old primary comes back read-only and still answers pings: such a connection is not handed out.
async fn refuse_read_only(connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
    let (read_only,): (bool,) =
        sqlx::query_as("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean")
            .fetch_one(connection)
            .await?;
    if read_only { Err(sqlx::Error::Io(std::io::Error::other("this server takes no writes"))) } else { Ok(()) }
}

/// One connection.
pub(crate) enum Conn {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

macro_rules! on {
    ($conn:expr, $inner:ident => $body:expr) => {
        match $conn {
            Conn::Sqlite($inner) => $body,
            Conn::Postgres($inner) => $body,
        }
    };
}

macro_rules! bind {
    ($query:expr, $args:expr, |$q:ident, $many:ident| $array:expr) => {{
        let mut $q = $query;
        for arg in $args {
            $q = match arg {
                Arg::Int(v) => $q.bind(v),
                Arg::Bool(v) => $q.bind(v),
                Arg::Text(v) => $q.bind(v),
                Arg::Bytes(v) => $q.bind(v),
                Arg::Id(v) => $q.bind(v),
                Arg::Many($many) => $array,
            };
        }
        $q
    }};
}

impl Conn {
    pub const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs one statement and returns its rows.
    pub async fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> Result<Vec<Row>, sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(conn) => {
                let query = bind!(sqlx::query::<Sqlite>(sql), args, |q, _many| {
                    return Err(sqlx::Error::Configuration("arrays are PostgreSQL's".into()));
                });
                Ok(query.fetch_all(&mut **conn).await?.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(conn) => {
                let query = bind!(sqlx::query::<Postgres>(sql), args, |q, many| match array(&many) {
                    Array::Int(v) => q.bind(v),
                    Array::Bool(v) => q.bind(v),
                    Array::Text(v) => q.bind(v),
                    Array::Bytes(v) => q.bind(v),
                    Array::Id(v) => q.bind(v),
                });
                Ok(query.fetch_all(&mut **conn).await?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs statements without arguments in one round trip.
    pub async fn batch(&mut self, sql: impl Into<Cow<'static, str>>) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.into());
        on!(self, conn => (&mut **conn).execute(sqlx::raw_sql(sql)).await.map(|_| ()))
    }

    /// Throws the connection away, with whatever it was in the middle of.
    pub fn discard(mut self) {
        on!(&mut self, conn => conn.close_on_drop());
    }
}

/// The pause before a statement is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Reads outside of any transaction, each statement on its own.
#[derive(Clone, Debug)]
pub struct Reader {
    db: Db,
    /// For how long a statement is tried again where the database cannot be reached.
    patience: Duration,
}

impl Reader {
    /// The same with patience: while another server becomes the primary, whoever has nothing else to go on with waits for
    /// it, as writes do.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    async fn try_once(&self, sql: Cow<'static, str>, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        let mut conn = self.db.reading().await?;
        let limit = self.db.options.statement_timeout + Duration::from_secs(1);
        match tokio::time::timeout(limit, conn.rows(sql, args)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let error = classify(&error);
                if matches!(error, StoreError::Unavailable(_) | StoreError::ReadOnly) {
                    conn.discard();
                }
                Err(error)
            }
            Err(_) => {
                conn.discard();
                Err(StoreError::unavailable("no answer in time"))
            }
        }
    }
}

impl Querier for Reader {
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            if self.patience.is_zero() {
                return self.try_once(sql, args).await;
            }
            let begun = Instant::now();
            loop {
                let tried = Instant::now();
                let answer = self.try_once(sql.clone(), args.clone()).await;
                // A statement that is slow itself is not tried again.
                let is_gone = matches!(&answer, Err(StoreError::Unavailable(_) | StoreError::ReadOnly))
                    && tried.elapsed() < self.db.options.statement_timeout;
                if !is_gone || begun.elapsed() >= self.patience {
                    return answer;
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    fn dialect(&self) -> Dialect {
        self.db.dialect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_databases_parse_and_hide_the_password() {
        assert_eq!("sqlite:data/h.db".parse(), Ok(DbUrl::Sqlite("data/h.db".into())));
        assert_eq!("sqlite:///var/h.db".parse(), Ok(DbUrl::Sqlite("/var/h.db".into())));
        let url: DbUrl = "postgres://u:secret@db.example.com:5433/h".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://u@db.example.com:5433/h");
        assert!(!format!("{url:?}").contains("secret"));
        for bad in ["", "mysql://x/y", "sqlite:", "sqlite::memory:", "h.db"] {
            assert_eq!(bad.parse::<DbUrl>(), Err(DbUrlError), "{bad}");
        }
    }

    #[test]
    fn old_versions_of_sqlite_are_told_from_recent_ones() {
        assert!(is_recent("3.51.3") && is_recent("3.52.0") && is_recent("4.0"));
        assert!(!is_recent("3.51.2") && !is_recent("3.9.10") && !is_recent("nonsense"));
    }
}
