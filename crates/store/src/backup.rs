//! Backup of the embedded database while it is in use, a check of a file, and the ballast against a full disk.

use crate::{
    db::{Db, Pools},
    dialect::classify,
    error::{Detail, StoreError},
};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use std::{io::Write as _, path::Path, time::Duration};

/// Writes a consistent copy of an SQLite database to the new file `target`, without stopping writers, and checks it. For
/// PostgreSQL use its own tools: [`StoreError::Unusable`].
pub async fn backup(db: &Db, target: &Path) -> Result<(), StoreError> {
    let (Pools::Sqlite { .. }, crate::DbUrl::Sqlite(source)) = (&db.pools, db.url()) else {
        return Err(StoreError::Unusable(Detail::new("PostgreSQL is backed up with its own tools", "")));
    };
    let path = target.to_str().ok_or_else(|| StoreError::Unusable(Detail::new("the path is not UTF-8", "")))?;
    let mut connection = SqliteConnectOptions::new()
        .filename(source)
        .busy_timeout(Duration::from_secs(30))
        .connect()
        .await
        .map_err(|e| classify(&e))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&mut connection).await;
    let _ = connection.close().await;
    copied.map_err(|e| classify(&e))?;
    sync(target)?;
    check_file(target).await
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
