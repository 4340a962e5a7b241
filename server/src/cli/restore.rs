//! `holdfast restore`: puts a backup in the place of the embedded database.

use super::{Failure, node, output::Output};
use crate::config::Config;
use holdfast_store::DbUrl;
use serde::Serialize;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Where from.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub from: PathBuf,
    /// Replace the database that is there; it is kept beside the new one. The node must not be running.
    #[arg(long)]
    pub replace: bool,
}

#[derive(Serialize)]
struct Restored {
    database: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<PathBuf>,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Checks the backup, then copies it. Nothing is touched before the copy is complete.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    let DbUrl::Sqlite(target) = node::database_url(config)? else {
        return Err(Failure::Refused("PostgreSQL is restored with its own tools".to_owned()));
    };
    if !args.from.is_file() {
        return Err(Failure::Failed(format!("{}: there is no such file", args.from.display())));
    }
    holdfast_store::backup::check_file(&args.from)
        .await
        .map_err(|error| Failure::Refused(format!("{}: {error}: not restored", args.from.display())))?;
    if target.exists() && !args.replace {
        let text = format!("{} exists: stop the node and say --replace", target.display());
        return Err(Failure::Refused(text));
    }
    if target.exists() && holdfast_store::backup::is_in_use(&target).await {
        let text =
            format!("{} is in use: stop the node first, or what it still writes would be lost", target.display());
        return Err(Failure::Refused(text));
    }
    let fresh = with_suffix(&target, ".restoring");
    // What an interrupted attempt left.
    let _ = fs::remove_file(&fresh);
    let mut copy = holdfast_store::backup::create_private(&fresh)?;
    io::copy(&mut File::open(&args.from)?, &mut copy)?;
    copy.sync_all()?;
    holdfast_store::backup::check_file(&fresh).await?;
    let kept = target.exists().then(|| {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        with_suffix(&target, &format!(".before-{seconds}"))
    });
    if let Some(kept) = &kept {
        // The write-ahead log belongs to the old file: without it the latest changes would be lost with the name.
        for suffix in ["-wal", "-shm", ""] {
            let from = with_suffix(&target, suffix);
            if from.exists() {
                fs::rename(from, with_suffix(kept, suffix))?;
            }
        }
    }
    fs::rename(&fresh, &target)?;
    if let Some(dir) = target.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        File::open(dir)?.sync_all()?;
    }
    let restored = Restored { database: target, kept };
    output.result(&restored, || match &restored.kept {
        None => format!("{} restored", restored.database.display()),
        Some(kept) => format!("{} restored; the one before is {}", restored.database.display(), kept.display()),
    })
}
