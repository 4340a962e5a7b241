//! A device with its folder, clocks that a test moves, and the example program as a process.

use crate::server::{KEY, PRODUCT, Server, wall};
use holdfast_sdk::{Builder, Clock, Device, Licensing, Report, Standing, UnixSeconds, Verdict};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Clocks that stand still until a test moves them.
#[derive(Clone)]
pub struct Hands {
    wall: Arc<AtomicI64>,
    running: Arc<AtomicI64>,
}

impl Hands {
    pub fn now() -> Self {
        Self { wall: Arc::new(AtomicI64::new(wall())), running: Arc::default() }
    }

    /// Lets time pass on both clocks.
    pub fn pass(&self, seconds: i64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.running.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the wall clock forward or back, as a user does.
    pub fn set(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::SeqCst);
    }

    /// Lets the device run while its wall clock stands still.
    pub fn freeze(&self, seconds: i64) {
        self.running.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn wall(&self) -> UnixSeconds {
        UnixSeconds(self.wall.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_secs(self.running.load(Ordering::SeqCst).try_into().unwrap())
    }
}

/// A device of the one product.
pub struct Machine {
    pub folder: TempDir,
    pub root: String,
    pub reports: Arc<Mutex<Vec<Report>>>,
}

impl Machine {
    pub fn new(server: &Server) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), root: server.root_key(), reports: Arc::default() }
    }

    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Settings for this device, without background work.
    pub fn builder(&self, endpoint: &str) -> Builder {
        let reports = self.reports.clone();
        Licensing::builder(PRODUCT, [&self.root])
            .endpoints([endpoint])
            .storage(self.state_folder())
            .device(Device::fingerprint("machine-1").name("Reception"))
            .background(false)
            .log(move |report| reports.lock().unwrap().push(report.clone()))
    }

    /// The application on this device, without background work.
    pub fn app(&self, endpoint: &str) -> Licensing {
        self.builder(endpoint).build().unwrap()
    }

    /// Activates against `server` itself, and ends the application.
    pub fn activated(server: &Server) -> Self {
        let machine = Self::new(server);
        let standing = machine.app(&server.url()).activate(KEY).unwrap();
        assert_eq!(standing.verdict, Verdict::Licensed);
        machine
    }

    /// The example program with the flags that every run needs.
    pub fn program(&self, endpoint: &str) -> Command {
        let mut command = Command::new(desktop());
        self.program_flags(&mut command, endpoint);
        command
    }

    /// The flags that every run of the example program needs.
    pub fn program_flags(&self, command: &mut Command, endpoint: &str) {
        command.args(["--json", "--device", "machine-1", "--product", PRODUCT, "--root", &self.root]);
        command.args(["--endpoint", endpoint, "--storage"]).arg(self.state_folder());
    }

    /// The `seq` of the stored lease, as a launch finds it; 0 without one.
    pub fn stored_seq(&self) -> i64 {
        let standing = self.app("http://127.0.0.1:1").check_on_launch();
        standing.lease.map_or(0, |lease| lease.seq)
    }
}

/// The example program, which cargo builds beside the tests.
pub fn desktop() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join("examples").join("desktop");
    assert!(path.exists(), "{} is missing: run `cargo build -p holdfast-sdk --examples`", path.display());
    path
}

/// What the example program printed, one JSON value per line.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty(), "no output; on stderr: {}", String::from_utf8_lossy(&output.stderr));
    lines
}

/// Waits until `condition` holds; fails the test where it does not within ten seconds.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asserts that nothing was taken away.
pub fn assert_licensed(standing: &Standing, after: &str) {
    assert_eq!(standing.verdict, Verdict::Licensed, "{after}");
    assert!(standing.entitled() && standing.entitlement("export.pdf").is_some(), "{after}");
}

/// Every file in a folder with its content.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}
