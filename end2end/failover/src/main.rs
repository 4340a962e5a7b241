//! The failover rehearsal: three machines in network namespaces, with real PostgreSQL under Patroni and etcd, HAProxy and
//! three Holdfast nodes, set up by the very files of `deploy/three-machines`, under a steady load of the real client
//! library. Everything is broken, one thing at a time. What everybody asked for and was answered is recorded, and a program
//! decides about it ([`checker`]).
//!
//! ```text
//! make failover
//! cargo run -p holdfast-failover -- [--short | --full] [--previous PATH] [--only FAULT] [--keep]
//! ```
//!
//! Needs Linux with network namespaces, as root or in a user namespace, and what `scripts/setup.sh test` installs. Where
//! namespaces are not allowed, it says so and fails: there is no lesser rehearsal that could be mistaken for this one.

mod backup;
mod checker;
mod cluster;
mod customers;
mod faults;
mod ground;
mod harder;
mod history;
mod load;
mod machines;
mod measure;
mod options;
mod region;
mod rehearsal;
mod report;
mod screen;

use options::{Failure, Options};
use std::process::{Command, ExitCode};

/// Holds the working folder in the process that is inside of the namespaces.
const INSIDE: &str = "HOLDFAST_FAILOVER_INSIDE";

fn main() -> ExitCode {
    match perform() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failover rehearsal: {error}");
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn perform() -> Result<bool, Failure> {
    let options = Options::read(std::env::args().skip(1))?;
    if let Some(folder) = std::env::var_os(INSIDE) {
        return rehearsal::run(folder.as_ref(), &options);
    }
    let flags = namespaces()?;
    let folder = tempfile::Builder::new().prefix("holdfast-failover-").tempdir()?;
    let status = Command::new("unshare")
        .args(flags)
        .args(NAMESPACES)
        // A shell as process 1 that takes in whatever loses its parent: a database that was killed must be seen to be gone.
        .args(["--", "sh", "-c", "\"$@\" & wait $!", "sh"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, folder.path())
        .status()?;
    Ok(status.success())
}

const NAMESPACES: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// How this process may make namespaces: as root, or as root of a user namespace of its own.
fn namespaces() -> Result<&'static [&'static str], Failure> {
    let mut refused = String::new();
    for flags in [&[][..], &["--user", "--map-root-user"]] {
        let output = Command::new("unshare").args(flags).args(NAMESPACES).args(["--", "ip", "link"]).output()?;
        if output.status.success() {
            return Ok(flags);
        }
        refused += String::from_utf8_lossy(&output.stderr).trim();
        refused.push(' ');
    }
    Err(format!(
        "this machine allows no network namespaces, and there is no rehearsal without them: run it as root, or allow user \
         namespaces ({})",
        refused.trim()
    )
    .into())
}
