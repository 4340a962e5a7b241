//! `holdfast restore`: puts a backup in the place of the embedded database, or proves that one could be.

use super::{Failure, explained, node, output::Output};
use crate::{api::time, config::Config};
use holdfast_service::admin::proof::{Restored, Unproved};
use holdfast_store::{Db, DbOptions, DbUrl};
use serde::Serialize;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a statement may take that walks over a whole table.
const WALK: Duration = Duration::from_hours(1);

/// Where from.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Replace the database that is there; it is kept beside the new one. The node must not be running.
    #[arg(long)]
    pub replace: bool,
    /// Restore it into a scratch folder only, look through it, and record in the database that is in use that it held.
    #[arg(long, conflicts_with = "replace")]
    pub prove: bool,
    /// With --prove, in place of FILE: a file with the URL of a PostgreSQL into which a backup was restored.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "replace"])]
    pub restored_url_file: Option<PathBuf>,
    /// With --prove: look through it and record nothing.
    #[arg(long)]
    pub no_record: bool,
}

#[derive(Serialize)]
struct Put {
    database: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<PathBuf>,
}

#[derive(Serialize)]
struct Proved {
    licenses: i64,
    seats: i64,
    events: i64,
    keys: usize,
    manifests: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    restore_seconds: f64,
    check_seconds: f64,
    recorded: bool,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Restores, or proves that it could be done.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    match (&args.from, &args.restored_url_file) {
        (from, Some(file)) if from.is_none() && args.prove => {
            let url = fs::read_to_string(file)
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?
                .trim()
                .parse()
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
            prove(&url, Duration::ZERO, &args, config, output).await
        }
        (Some(file), None) if args.prove => prove_file(file, &args, config, output).await,
        (Some(file), None) => put(file, args.replace, config, output).await,
        _ => Err(Failure::Usage("say which FILE, or --prove and --restored-url-file".to_owned())),
    }
}

async fn check(file: &Path) -> Result<(), Failure> {
    if !file.is_file() {
        return Err(Failure::Failed(format!("{}: there is no such file", file.display())));
    }
    holdfast_store::backup::check_file(file)
        .await
        .map_err(|error| Failure::Refused(format!("{}: {error}: not restored", file.display())))
}

/// Copies `from` to the new file `to`, for its owner only, and checks the copy.
async fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut copy = holdfast_store::backup::create_private(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()?;
    Ok(holdfast_store::backup::check_file(to).await?)
}

/// Checks the backup, then copies it. Nothing is touched before the copy is complete.
async fn put(from: &Path, replace: bool, config: &Config, output: Output) -> Result<(), Failure> {
    let DbUrl::Sqlite(target) = node::database_url(config)? else {
        return Err(Failure::Refused("PostgreSQL is restored with its own tools".to_owned()));
    };
    check(from).await?;
    if target.exists() && !replace {
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
    copy(from, &fresh).await?;
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
    let put = Put { database: target, kept };
    output.result(&put, || match &put.kept {
        None => format!("{} restored", put.database.display()),
        Some(kept) => format!("{} restored; the one before is {}", put.database.display(), kept.display()),
    })
}

/// A folder that is gone with this value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Restores a copy of the embedded database where nobody looks for one, and proves that.
async fn prove_file(from: &Path, args: &Args, config: &Config, output: Output) -> Result<(), Failure> {
    let began = Instant::now();
    check(from).await?;
    let scratch = Scratch(config.data_dir.join(format!("proving-{}", std::process::id())));
    node::create_private_dir(&scratch.0)?;
    let file = scratch.0.join("holdfast.db");
    copy(from, &file).await?;
    prove(&DbUrl::Sqlite(file), began.elapsed(), args, config, output).await
}

/// Looks through the database that was restored to `url`, which took `restoring`, and records that it held.
async fn prove(url: &DbUrl, restoring: Duration, args: &Args, config: &Config, output: Output) -> Result<(), Failure> {
    let key = node::existing_master_key(config)?.ok_or_else(|| {
        let path = config.master_key_file.display();
        Failure::Failed(format!("{path} is missing: without the master key a restored database signs nothing"))
    })?;
    let began = Instant::now();
    let options = DbOptions { statement_timeout: WALK, ..DbOptions::default() };
    let db = Db::open(url, options).await.map_err(|error| Failure::Failed(format!("{url}: {}", explained(&error))))?;
    // An older backup is brought up to date as the next start would do it.
    node::ready_schema(&db, true).await?;
    let restored = node::service(config, db, Some(&key));
    let found = restored.look_through().await;
    node::close(restored).await;
    let found = found.map_err(|unproved| failure(&unproved))?;
    let checking = began.elapsed();
    if !args.no_record {
        let service = node::open_service(config).await?;
        let recorded = service.record_proof(&found, restoring + checking).await;
        node::close(service).await;
        recorded.map_err(|unproved| failure(&unproved))?;
    }
    told(&found, restoring, checking, !args.no_record, output)
}

fn failure(unproved: &Unproved) -> Failure {
    if unproved.is_sealed() {
        return Failure::Failed("not proved: its keys are sealed under another master key".to_owned());
    }
    Failure::Failed(format!("not proved: {unproved}"))
}

fn told(
    found: &Restored,
    restoring: Duration,
    checking: Duration,
    recorded: bool,
    output: Output,
) -> Result<(), Failure> {
    let proved = Proved {
        licenses: found.licenses,
        seats: found.seats,
        events: found.events,
        keys: found.keys,
        manifests: found.manifests,
        as_of: found.as_of.map(time::format),
        restore_seconds: restoring.as_secs_f64(),
        check_seconds: checking.as_secs_f64(),
        recorded,
    };
    let restoring =
        if restoring.is_zero() { String::new() } else { format!("{:.1} s to restore and ", proved.restore_seconds) };
    output.result(&proved, || {
        format!(
            "Proved: {} licenses, {} taken seats, {} events, {} keys, {} manifests, as of {}.\nTook {restoring}{:.1} s to look \
             through{}.",
            proved.licenses,
            proved.seats,
            proved.events,
            proved.keys,
            proved.manifests,
            proved.as_of.as_deref().unwrap_or("an unknown moment"),
            proved.check_seconds,
            if recorded { "; recorded" } else { "" }
        )
    })
}
