//! `holdfast doctor`: looks at everything a node and its cluster need, and says what is wrong and what to do.
//!
//! It changes nothing, not even a folder. What it is not told of (Patroni, etcd) it does not ask.

mod endpoints;
mod etcd;
mod findings;
mod fleet;
mod here;
mod http;
mod mail;
mod patroni;
mod postgres;

use super::{Failure, explained, node, output::Output};
use crate::config::Config;
use findings::{Finding, Findings};
use holdfast_store::{
    Db, DbOptions, DbUrl,
    cluster::{self, Server},
    replication::MemberRole,
};
use http::Web;
use serde::Serialize;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How long the database has to describe itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// What there is besides the node.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Args {
    /// The address of a member's Patroni, `https://HOST:8008`; repeatable.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub patroni: Vec<String>,
    /// The address of a member of etcd, `https://HOST:2379`; repeatable.
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub etcd: Vec<String>,
    /// The authority that their certificates are signed by (PEM).
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to them (PEM).
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report<'a> {
    healthy: bool,
    findings: &'a [Finding],
}

/// Looks. Failed where something has failed.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    let web = Arc::new(Web::new(args.ca_file.as_deref(), args.cert_file.as_deref(), args.key_file.as_deref())?);
    let mut findings = Findings::default();
    here::folder(config, &mut findings);
    mail::way(config, &mut findings).await;
    let primary = members(&args, &web, &mut findings).await?;
    let server = describe(config).await;
    let clustered = !args.patroni.is_empty()
        || !args.etcd.is_empty()
        || server.as_ref().is_some_and(|server| server.replication.role != MemberRole::Single);
    let mut nodes = 0;
    if let Some(db) = database(config, &mut findings).await {
        nodes = installation(config, db, &web, &mut findings).await?;
    }
    if let Some(server) = &server {
        postgres::judge(server, clustered, primary.as_deref(), nodes, &mut findings);
    }
    let report = Report { healthy: findings.is_healthy(), findings: &findings.0 };
    output.result(&report, || findings.text())?;
    if report.healthy { Ok(()) } else { Err(Failure::Failed("something is wrong".to_owned())) }
}

/// Asks Patroni and etcd. Returns where the primary is said to be.
async fn members(args: &Args, web: &Arc<Web>, findings: &mut Findings) -> Result<Option<String>, Failure> {
    let (args, web) = (args.clone(), Arc::clone(web));
    let asked = tokio::task::spawn_blocking(move || {
        let mut found = Findings::default();
        if !args.etcd.is_empty() {
            etcd::look(&web, &args.etcd, &mut found);
        }
        let primary = if args.patroni.is_empty() { None } else { patroni::look(&web, &args.patroni, &mut found) };
        (found, primary)
    });
    let (found, primary) = asked.await.map_err(|error| Failure::Failed(error.to_string()))?;
    findings.0.extend(found.0);
    Ok(primary)
}

/// What a PostgreSQL says of itself, be it one that takes writes or not; `None` for an embedded database, or where it
/// cannot be asked, which the next look names.
async fn describe(config: &Config) -> Option<Server> {
    let Ok(DbUrl::Postgres(url)) = node::parse_database_url(config) else { return None };
    cluster::look(&url, PATIENCE).await.ok()
}

async fn database(config: &Config, findings: &mut Findings) -> Option<Db> {
    let what = "database";
    let url = match node::parse_database_url(config) {
        Ok(url) => url,
        Err(failure) => {
            findings.failed(what, failure.message().to_owned(), "Correct --database-url.");
            return None;
        }
    };
    if let DbUrl::Sqlite(path) = &url
        && !path.exists()
    {
        findings.warning(what, format!("{url} does not exist yet"), "`holdfast serve` creates it.");
        return None;
    }
    let db = match Db::open(&url, DbOptions::default()).await {
        Ok(db) => db,
        Err(error) => {
            let cure = match &url {
                DbUrl::Sqlite(_) => "`holdfast restore FILE --replace` puts the newest backup in its place.",
                DbUrl::Postgres(_) => {
                    "Refused or silent: look at the HAProxy in front (port 5000) and `patronictl list`. A sign-in that is \
                     refused: look at the password in the database URL, and at `pg_hba`."
                }
            };
            findings.failed(what, format!("{url}: {}", explained(&error)), cure);
            return None;
        }
    };
    match holdfast_store::check_schema(&db).await {
        Ok(()) => {
            findings.ok(what, format!("{url}, schema version {}", holdfast_store::SCHEMA_VERSION));
            Some(db)
        }
        Err(error) => {
            let cure = "`holdfast migrate` with the newest version installed.";
            findings.failed(what, format!("{url}: {}", explained(&error)), cure);
            None
        }
    }
}

/// Looks at what is in the database. Returns how many nodes run.
async fn installation(config: &Config, db: Db, web: &Arc<Web>, findings: &mut Findings) -> Result<i64, Failure> {
    let Some(service) = here::keys(config, db, findings).await else { return Ok(0) };
    here::audit(&service, findings).await;
    mail::line(&service, findings).await;
    let nodes = fleet::look(&service, &config.data_dir, findings).await;
    let announced = service.announced_endpoints().await.unwrap_or_default();
    let (web, set, now) = (Arc::clone(web), config.endpoints.clone(), service.now());
    let asked = tokio::task::spawn_blocking(move || {
        let mut found = Findings::default();
        endpoints::look(&web, &set, &announced, now, &mut found);
        found
    });
    findings.0.extend(asked.await.map_err(|error| Failure::Failed(error.to_string()))?.0);
    node::close(service).await;
    Ok(nodes)
}
