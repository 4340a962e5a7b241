//! The outage rehearsal: what this project promises, played through with real programs.
//!
//! A vendor imports 1 000 customers; 50 of them activate; the server is killed; all 50 start their application again at
//! once, on the same day, on day 13 and on day 29; the server comes back; one order is refunded. Prints a table that a
//! vendor understands, and fails where any line of it is not as promised.
//!
//! ```text
//! make outage
//! cargo run -p holdfast-outage -- [--database-url postgres://…] [--keep]
//! ```
//!
//! Needs `strace` and `libfaketime`. `--keep` leaves the working folder behind.

mod client;
mod rehearsal;
mod report;
mod vendor;

pub use holdfast_testkit::installation::Failure;
use std::process::ExitCode;

/// What can be asked for on the command line.
#[derive(Debug, Default)]
pub struct Options {
    /// Another database than an SQLite file: an empty one, at a `postgres://` address.
    pub database_url: Option<String>,
    /// Leave the working folder behind.
    pub keep: bool,
}

fn main() -> ExitCode {
    let result = options().and_then(|options| rehearsal::run(&options));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("outage rehearsal: {error}");
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, Failure> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--database-url" => options.database_url = Some(arguments.next().ok_or("--database-url needs a value")?),
            "--keep" => options.keep = true,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    Ok(options)
}
