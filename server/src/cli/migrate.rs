//! `holdfast migrate`: brings the database's tables up to date, under a lock.

use super::{Failure, node, output::Output};
use crate::config::Config;
use serde::Serialize;

#[derive(Serialize)]
struct Migrated {
    schema: i64,
}

/// Migrates. Several at once are safe: one works, the others find it done.
pub async fn run(config: &Config, output: Output) -> Result<(), Failure> {
    let db = node::open(config).await?;
    let done = holdfast_store::migrate(&db).await;
    db.close().await;
    done?;
    let schema = holdfast_store::SCHEMA_VERSION;
    output.result(&Migrated { schema }, || format!("The database is at schema version {schema}."))
}
