//! `holdfast doctor`: looks at everything a node needs and says what is wrong and what to do.

use super::{Failure, explained, node, output::Output};
use crate::config::Config;
use holdfast_service::ErrorCode;
use holdfast_store::{Db, DbOptions};
use serde::Serialize;
use std::{fmt::Write as _, fs, path::Path};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Good,
    Warning,
    Bad,
}

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    grade: Grade,
    detail: String,
}

#[derive(Serialize)]
struct Report {
    healthy: bool,
    findings: Vec<Finding>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &'static str, grade: Grade, detail: impl Into<String>) {
        self.0.push(Finding { what, grade, detail: detail.into() });
    }
}

fn writable(dir: &Path) -> std::io::Result<()> {
    let trial = dir.join(".doctor");
    fs::write(&trial, vec![0x5a; 64 * 1024])?;
    fs::remove_file(trial)
}

/// Looks. Failed where something is bad.
pub async fn run(config: &Config, output: Output) -> Result<(), Failure> {
    let mut findings = Findings::default();
    look(config, &mut findings).await;
    let report = Report { healthy: findings.0.iter().all(|finding| finding.grade != Grade::Bad), findings: findings.0 };
    output.result(&report, || {
        report.findings.iter().fold(String::new(), |mut text, finding| {
            let mark = match finding.grade {
                Grade::Good => "good   ",
                Grade::Warning => "WARNING",
                Grade::Bad => "BAD    ",
            };
            let _ = writeln!(text, "{mark}  {:14} {}", finding.what, finding.detail);
            text
        })
    })?;
    if report.healthy { Ok(()) } else { Err(Failure::Failed("something is wrong".to_owned())) }
}

async fn look(config: &Config, findings: &mut Findings) {
    let dir = config.data_dir.display();
    if config.data_dir.exists() && !config.data_dir.is_dir() {
        findings.add("data directory", Grade::Bad, format!("{dir} is not a directory"));
    } else if config.data_dir.is_dir() {
        match writable(&config.data_dir) {
            Ok(()) => findings.add("data directory", Grade::Good, dir.to_string()),
            Err(error) => findings.add("data directory", Grade::Bad, format!("{dir} cannot be written: {error}")),
        }
    } else {
        findings.add("data directory", Grade::Warning, format!("{dir} does not exist yet; `serve` creates it"));
    }
    let Some(db) = look_at_database(config, findings).await else { return };
    let unused = match node::is_unused(&db).await {
        Ok(unused) => unused,
        Err(error) => return findings.add("database", Grade::Bad, explained(&error)),
    };
    if unused {
        findings.add("set-up", Grade::Warning, "no vendor yet: start `serve` and open it, or run `admin bootstrap`");
    }
    let key = match node::existing_master_key(config) {
        Ok(Some(key)) => {
            findings.add("master key", Grade::Good, format!("key {} is there", key.id()));
            Some(key)
        }
        Ok(None) if unused => {
            findings.add("master key", Grade::Good, "none yet: the first start creates it");
            None
        }
        Ok(None) => {
            let path = config.master_key_file.display();
            findings.add("master key", Grade::Bad, format!("{path} is missing: bring it back from your safe copy"));
            None
        }
        Err(failure) => return findings.add("master key", Grade::Bad, failure.message().to_owned()),
    };
    let service = node::service(config, db, key.as_ref());
    match service.self_test().await {
        Ok(test) if test.sealed => {}
        Ok(test) => {
            let detail = format!("signing and verifying work, {} stored keys open", test.keys_checked);
            findings.add("self-test", Grade::Good, detail);
        }
        Err(error) if error.code == ErrorCode::Sealed => {
            let detail = "the master key is not the one that sealed this installation's keys: bring that one back";
            findings.add("self-test", Grade::Bad, detail);
        }
        Err(error) => findings.add("self-test", Grade::Bad, error.to_string()),
    }
    match service.vendors().await {
        Ok(vendors) => {
            for vendor in vendors {
                match service.verify_chain(vendor.id).await {
                    Ok(report) => match report.broken_at {
                        None => {
                            findings.add("audit log", Grade::Good, format!("{}: {} events", vendor.id, report.events));
                        }
                        Some(number) => {
                            let detail = format!("{}: event {number} is missing or was changed", vendor.id);
                            findings.add("audit log", Grade::Bad, detail);
                        }
                    },
                    Err(error) => findings.add("audit log", Grade::Bad, error.to_string()),
                }
            }
        }
        Err(error) => findings.add("vendors", Grade::Bad, error.to_string()),
    }
    if config.endpoints.is_empty() {
        findings.add("endpoints", Grade::Warning, "no --endpoint: applications are not told where to go if you move");
    } else if config.endpoints.iter().any(|url| !url.starts_with("https://")) {
        findings.add("endpoints", Grade::Warning, "an endpoint is not https: clients never fall back to http");
    } else {
        findings.add("endpoints", Grade::Good, config.endpoints.join(", "));
    }
    node::close(service).await;
}

async fn look_at_database(config: &Config, findings: &mut Findings) -> Option<Db> {
    // Looking must not make anything, not even a folder.
    let url = match node::parse_database_url(config) {
        Ok(url) => url,
        Err(failure) => {
            findings.add("database", Grade::Bad, failure.message().to_owned());
            return None;
        }
    };
    if let holdfast_store::DbUrl::Sqlite(path) = &url
        && !path.exists()
    {
        findings.add("database", Grade::Warning, format!("{url} does not exist yet; `serve` creates it"));
        return None;
    }
    let db = match Db::open(&url, DbOptions::default()).await {
        Ok(db) => db,
        Err(error) => {
            findings.add("database", Grade::Bad, format!("{url}: {}", explained(&error)));
            return None;
        }
    };
    match holdfast_store::check_schema(&db).await {
        Ok(()) => {
            let detail = format!("{url}, schema version {}", holdfast_store::SCHEMA_VERSION);
            findings.add("database", Grade::Good, detail);
            Some(db)
        }
        Err(error) => {
            findings.add("database", Grade::Bad, format!("{url}: {}", explained(&error)));
            None
        }
    }
}
