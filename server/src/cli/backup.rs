//! `holdfast backup`: a consistent copy of the embedded database while it is in use.

use super::{Failure, node, output::Output};
use crate::config::Config;
use holdfast_store::Dialect;
use serde::Serialize;
use std::path::PathBuf;

/// Where to.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The file to write; it must not exist.
    #[arg(value_name = "FILE")]
    pub to: PathBuf,
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
    bytes: u64,
}

/// Writes the copy and checks it.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    let db = node::open(config).await?;
    if db.dialect() == Dialect::Postgres {
        return Err(Failure::Refused("PostgreSQL is backed up with its own tools (pg_basebackup, pg_dump)".to_owned()));
    }
    if args.to.exists() {
        return Err(Failure::Refused(format!("{} exists", args.to.display())));
    }
    let done = holdfast_store::backup::backup(&db, &args.to).await;
    db.close().await;
    done?;
    let bytes = std::fs::metadata(&args.to)?.len();
    output.result(&Written { file: args.to.clone(), bytes }, || {
        format!(
            "{} written and checked, {bytes} bytes.\nThe master key ({}) is not in it: keep a copy of that elsewhere.",
            args.to.display(),
            config.master_key_file.display()
        )
    })
}
