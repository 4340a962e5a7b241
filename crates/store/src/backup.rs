//! Backup of the embedded database while it is in use, a check of a file, and the ballast against a full disk.

use crate::{
    db::{Db, Pools},
    dialect::classify,
    error::{Detail, StoreError},
};
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

/// Creates the file `path`, readable for its owner only: customers and sealed keys are in it. Fails where it exists.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a consistent copy of an SQLite database to the new file `target`, without stopping writers, and checks it. For
/// PostgreSQL use its own tools: [`StoreError::Unusable`].
pub async fn backup(db: &Db, target: &Path) -> Result<(), StoreError> {
    let (Pools::Sqlite { .. }, crate::DbUrl::Sqlite(source)) = (&db.pools, db.url()) else {
        return Err(StoreError::Unusable(Detail::new("PostgreSQL is backed up with its own tools", "")));
    };
    let path = target.to_str().ok_or_else(|| StoreError::Unusable(Detail::new("the path is not UTF-8", "")))?;
    // SQLite writes into an empty file that is there, and leaves its permissions alone.
    create_private(target).map_err(|error| StoreError::unavailable(error.to_string()))?;
    let copied = copy(source, path).await;
    if copied.is_err() {
        // What is left would look like a backup.
        let _ = std::fs::remove_file(target);
    }
    copied?;
    sync(target)?;
    check_file(target).await
}

async fn copy(source: &Path, target: &str) -> Result<(), StoreError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(source)
        .busy_timeout(Duration::from_secs(30))
        .connect()
        .await
        .map_err(|e| classify(&e))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection).await;
    let _ = connection.close().await;
    copied.map(|_| ()).map_err(|e| classify(&e))
}

/// Makes sure that the copy is on disk before anybody relies on it.
fn sync(target: &Path) -> Result<(), StoreError> {
    let io = |e: std::io::Error| StoreError::unavailable(e.to_string());
    std::fs::File::open(target).and_then(|file| file.sync_all()).map_err(io)?;
    match target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => std::fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(io),
        None => Ok(()),
    }
}

/// Whether a process has the SQLite file `path` open: putting another in its place would then lose what that process goes on
/// writing. A file that cannot be read as a database is open nowhere as one.
pub async fn is_in_use(path: &Path) -> bool {
    let connected = SqliteConnectOptions::new()
        .filename(path)
        .locking_mode(SqliteLockingMode::Exclusive)
        .busy_timeout(Duration::ZERO)
        .connect()
        .await;
    let looked = match connected {
        Ok(mut connection) => {
            let looked = sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await;
            let _ = connection.close().await;
            looked.map(|_| ())
        }
        Err(error) => Err(error),
    };
    // Whoever uses a database in WAL mode holds a lock on it that stands in the way of an exclusive one: SQLITE_BUSY.
    let code = looked.err().and_then(|error| error.as_database_error().and_then(|error| error.code()?.parse().ok()));
    code.is_some_and(|code: i64| code & 0xff == 5)
}

/// Reads a whole SQLite file and checks its structure and its references.
pub async fn check_file(path: &Path) -> Result<(), StoreError> {
    let mut connection =
        SqliteConnectOptions::new().filename(path).read_only(true).connect().await.map_err(|e| classify(&e))?;
    let answer: Result<(String,), _> = sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await;
    let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await;
    let _ = connection.close().await;
    let (answer,) = answer.map_err(|e| classify(&e))?;
    if answer != "ok" {
        return Err(StoreError::corrupt("the file", answer));
    }
    if dangling.map_err(|e| classify(&e))?.is_empty() { Ok(()) } else { Err(StoreError::corrupt("references", "")) }
}

/// Reserves `bytes` of disk in the file `path`, really written, so that deleting it makes room when the disk is full: then
/// even a DELETE needs space. A file that is large enough already is left as it is.
pub fn reserve_ballast(path: &Path, bytes: u64) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() >= bytes) {
        return Ok(());
    }
    let mut file = std::fs::File::create(path)?;
    let block = vec![0x5au8; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left.min(block.len() as u64)).unwrap_or(block.len());
        file.write_all(&block[..now])?;
        left -= now as u64;
    }
    file.sync_all()
}
