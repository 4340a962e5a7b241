//! The browser bundles of the last releases: what a node does not have itself, another has put here.

use crate::{
    error::StoreError,
    sql::{Querier, Record as _, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::Timestamp;

record! {
    /// A file of a bundle, in one of its forms.
    pub struct BundleFile in "bundle_files" {
        /// The release that it belongs to.
        pub release: String,
        /// Its name, which carries its hash.
        pub name: String,
        /// How it is packed: `br`, `gzip`, or `identity` for what gains nothing by it.
        pub coding: String,
        /// Its media type.
        pub content_type: String,
        /// Its bytes, packed.
        pub body: Vec<u8>,
    }
}

/// Notes that a node of `release` has started.
pub async fn see_release(tx: &mut Tx, release: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO bundle_releases (release, first_seen_at, last_seen_at) VALUES ($1, $2, $2)
        ON CONFLICT (release) DO UPDATE SET last_seen_at =
            CASE WHEN bundle_releases.last_seen_at < $2 THEN $2 ELSE bundle_releases.last_seen_at END
        RETURNING 1";
    tx.rows(sql.into(), args![release, now]).await.map(|_| ())
}

/// Puts a file of a release that has been seen, unless it is there. False where the release has been cleared away
/// meanwhile.
pub async fn put(tx: &mut Tx, file: &BundleFile) -> Result<bool, StoreError> {
    let known = "SELECT 1 FROM bundle_releases WHERE release = $1";
    if tx.rows(known.into(), args![file.release]).await?.is_empty() {
        return Ok(false);
    }
    let sql = format!(
        "INSERT INTO bundle_files ({}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1",
        bare(BundleFile::COLUMNS, "bundle_files")
    );
    tx.rows(sql.into(), args![file.release, file.name, file.coding, file.content_type, file.body]).await?;
    Ok(true)
}

/// What there is: name and form of every file, of one release or of all.
pub async fn names(q: &mut dyn Querier, release: Option<&str>) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT DISTINCT name, coding FROM bundle_files WHERE ($1 IS NULL OR release = $1)";
    q.rows(sql.into(), args![release]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// A file by name, in the form `coding`.
pub async fn get(q: &mut dyn Querier, name: &str, coding: &str) -> Result<Option<BundleFile>, StoreError> {
    let sql = format!("SELECT {} FROM bundle_files WHERE name = $1 AND coding = $2 LIMIT 1", BundleFile::COLUMNS);
    first(q, sql, args![name, coding]).await
}

/// Removes all releases with their files but the `keep` of which a node started last. Returns how many.
pub async fn prune(tx: &mut Tx, keep: u32) -> Result<u64, StoreError> {
    let sql = "DELETE FROM bundle_releases WHERE release NOT IN
        (SELECT release FROM bundle_releases ORDER BY last_seen_at DESC, release LIMIT $1) RETURNING 1";
    Ok(tx.rows(sql.into(), args![keep]).await?.len() as u64)
}
