//! A PostgreSQL of a test's own and a standby that follows it, both gone afterwards.
#![allow(clippy::missing_panics_doc, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");

/// The pair.
pub struct Pair {
    primary: PathBuf,
    standby: PathBuf,
    /// `postgres://` address of the primary, as its superuser.
    pub primary_url: String,
    /// `postgres://` address of the standby.
    pub standby_url: String,
    _dir: TempDir,
}

fn script(dir: &Path, arguments: &[&str]) -> String {
    // Above those that the system hands out to whoever connects: a port that is free now is so a moment later.
    let port = 61_000 + std::process::id() % 4_000;
    let mut command = Command::new(SCRIPT);
    command.args(arguments).env("HOLDFAST_PG_DIR", dir).env("HOLDFAST_PG_PORT", port.to_string());
    let output = command.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{SCRIPT} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Pair {
    /// Starts both. Takes some seconds.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (primary, standby) = (dir.path().join("primary"), dir.path().join("standby"));
        let primary_url = script(&primary, &["start"]);
        let standby_url = script(&standby, &["follow", &primary_url]);
        Self { primary, standby, primary_url, standby_url, _dir: dir }
    }

    /// Runs statements on the primary, as its superuser.
    pub fn on_primary(&self, sql: &str) -> String {
        script(&self.primary, &["sql", sql])
    }

    /// Runs statements on the standby.
    pub fn on_standby(&self, sql: &str) -> String {
        script(&self.standby, &["sql", sql])
    }

    /// Ends the primary at once, as a failure does.
    pub fn stop_primary(&self) {
        script(&self.primary, &["stop"]);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for dir in [&self.standby, &self.primary] {
            let _ = Command::new(SCRIPT).arg("wipe").env("HOLDFAST_PG_DIR", dir).output();
        }
    }
}
