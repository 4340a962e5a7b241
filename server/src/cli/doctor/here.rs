//! What one node needs on its own machine, and what only its master key can tell.

use super::findings::Findings;
use crate::{
    cli::{explained, node},
    config::Config,
};
use holdfast_service::{ErrorCode, Service};
use holdfast_store::Db;
use std::{fs, path::Path};

fn writable(dir: &Path) -> std::io::Result<()> {
    let trial = dir.join(".doctor");
    fs::write(&trial, vec![0x5a; 64 * 1024])?;
    fs::remove_file(trial)
}

/// The node's own folder.
pub(super) fn folder(config: &Config, findings: &mut Findings) {
    let what = "data directory";
    let dir = config.data_dir.display();
    if config.data_dir.exists() && !config.data_dir.is_dir() {
        findings.failed(what, format!("{dir} is not a directory"), "Name another with --data-dir, or move it away.");
    } else if config.data_dir.is_dir() {
        match writable(&config.data_dir) {
            Ok(()) => findings.ok(what, dir.to_string()),
            Err(error) => findings.failed(
                what,
                format!("{dir} cannot be written: {error}"),
                "Make room on its disk, and make it belong to the user that runs the node.",
            ),
        }
    } else {
        findings.warning(what, format!("{dir} does not exist yet"), "`holdfast serve` creates it.");
    }
}

/// The master key, and whether it opens what is in the database. `None` where there is nothing more to look at.
pub(super) async fn keys(config: &Config, db: Db, findings: &mut Findings) -> Option<Service> {
    let unused = match node::is_unused(&db).await {
        Ok(unused) => unused,
        Err(error) => {
            findings.failed("database", explained(&error), "Run it again once the database answers.");
            return None;
        }
    };
    if unused {
        findings.warning(
            "set-up",
            "no vendor yet",
            "Start `holdfast serve` and open it, or run `holdfast admin bootstrap`.",
        );
    }
    let what = "master key";
    let safe_copy = "Bring it back from your safe copy.";
    let key = match node::existing_master_key(config) {
        Ok(Some(key)) => {
            findings.ok(what, format!("key {} is there", key.id()));
            Some(key)
        }
        Ok(None) if unused => {
            findings.ok(what, "none yet: the first start creates it");
            None
        }
        Ok(None) => {
            findings.failed(what, format!("{} is missing", config.master_key_file.display()), safe_copy);
            None
        }
        Err(failure) => {
            findings.failed(what, failure.message().to_owned(), safe_copy);
            return None;
        }
    };
    let service = node::service(config, db, key.as_ref());
    let what = "self-test";
    match service.self_test().await {
        Ok(test) if test.sealed => {}
        Ok(test) => {
            findings.ok(what, format!("signing and verifying work, {} stored keys open", test.keys_checked));
        }
        Err(error) if error.code == ErrorCode::Sealed => {
            findings.failed(what, "the master key is not the one that sealed this installation's keys", safe_copy);
        }
        Err(error) => findings.failed(what, error.to_string(), "Do not let this node sign; report what it says."),
    }
    Some(service)
}

/// The audit log of each vendor.
pub(super) async fn audit(service: &Service, findings: &mut Findings) {
    let what = "audit log";
    let again = "Run it again once the database answers.";
    let vendors = match service.vendors().await {
        Ok(vendors) => vendors,
        Err(error) => return findings.failed(what, error.to_string(), again),
    };
    for vendor in vendors {
        match service.verify_chain(vendor.id).await {
            Ok(report) => match report.broken_at {
                None => findings.ok(what, format!("{}: {} events", vendor.id, report.events)),
                Some(number) => findings.failed(
                    what,
                    format!("{}: event {number} is missing or was changed", vendor.id),
                    "Somebody wrote into the database by hand, or it is damaged: compare with the newest backup that is whole.",
                ),
            },
            Err(error) => findings.failed(what, error.to_string(), again),
        }
    }
}
