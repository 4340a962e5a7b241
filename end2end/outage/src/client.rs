//! A customer's application as a process, at any day, traced on demand.

use crate::Failure;
use holdfast_testkit::installation::program;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Where Debian puts the library that makes a program believe in another time.
const FAKETIME: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// One customer who runs the application.
pub struct Customer {
    pub number: usize,
    pub key: String,
    pub endpoint: String,
    pub product: String,
    pub root: String,
    pub folder: PathBuf,
}

/// What one run of the application showed.
#[derive(Debug)]
pub struct Run {
    pub lines: Vec<Value>,
    /// Network calls of the process and all its threads; `None` where it was not traced.
    pub network_calls: Option<usize>,
}

impl Run {
    /// The last verdict that was printed.
    fn last(&self) -> &Value {
        self.lines.iter().rev().find(|line| line.get("verdict").is_some()).unwrap_or(&Value::Null)
    }

    pub fn verdict(&self) -> &str {
        self.last()["verdict"].as_str().unwrap_or("none")
    }

    pub fn reason(&self) -> &str {
        self.last()["reason"].as_str().unwrap_or("none")
    }

    /// The number of the lease in use.
    pub fn seq(&self) -> i64 {
        self.last()["seq"].as_i64().unwrap_or(0)
    }

    /// Whether the application works in full, with what the plan promises.
    pub fn works(&self) -> bool {
        self.last()["entitled"] == true && self.last()["entitlements"]["projects"] == 25
    }

    pub fn is_silent(&self) -> bool {
        self.network_calls == Some(0)
    }
}

/// Lets a program believe that it is so many days later. Its monotonic clock stays true, so that it can wait.
pub fn faketime_variables(days: u32) -> Result<[(&'static str, String); 4], Failure> {
    let library = FAKETIME
        .iter()
        .find(|path| Path::new(path).exists())
        .ok_or("libfaketime is missing: apt-get install libfaketime")?;
    Ok([
        ("LD_PRELOAD", (*library).to_owned()),
        ("FAKETIME", format!("+{days}d")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        // Without it, every process would share memory with all the others.
        ("FAKETIME_DISABLE_SHM", "1".to_owned()),
    ])
}

impl Customer {
    fn flags(&self, command: &mut Command) {
        command.args(["--json", "--product", &self.product, "--root", &self.root, "--endpoint", &self.endpoint]);
        command.args([
            "--device",
            &format!("computer-{}", self.number),
            "--name",
            &format!("Computer {}", self.number),
        ]);
        command.arg("--storage").arg(&self.folder);
    }

    /// Enters the license key.
    pub fn activate(&self) -> Result<Run, Failure> {
        let mut command = Command::new(program("examples/desktop")?);
        self.flags(&mut command);
        command.args(["--key", &self.key, "--once"]);
        run(command, None)
    }

    /// Starts the application on this day and ends it after the launch check, every network call traced.
    pub fn launch(&self, day: u32) -> Result<Run, Failure> {
        self.traced(day, &["--once"])
    }

    /// Asks for a renewal by hand, every network call traced.
    pub fn refresh(&self) -> Result<Run, Failure> {
        self.traced(0, &["--refresh", "--once"])
    }

    fn traced(&self, day: u32, flags: &[&str]) -> Result<Run, Failure> {
        let trace = self.folder.with_extension("strace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=network", "-o"]).arg(&trace);
        if day > 0 {
            for (name, value) in faketime_variables(day)? {
                command.arg("-E").arg(format!("{name}={value}"));
            }
        }
        command.arg(program("examples/desktop")?);
        self.flags(&mut command);
        command.args(flags);
        run(command, Some(&trace))
    }

    /// Starts the application on this day and lets it run for some seconds, its background work included.
    pub fn work(&self, day: u32, seconds: u32) -> Result<Run, Failure> {
        let mut command = Command::new(program("examples/desktop")?);
        if day > 0 {
            command.envs(faketime_variables(day)?);
        }
        self.flags(&mut command);
        command.args(["--seconds", &seconds.to_string()]);
        run(command, None)
    }
}

fn run(mut command: Command, trace: Option<&Path>) -> Result<Run, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    if lines.is_empty() {
        return Err(format!("{command:?} printed nothing: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let network_calls = match trace {
        Some(path) => Some(std::fs::read_to_string(path)?.lines().filter(|line| line.contains('(')).count()),
        None => None,
    };
    Ok(Run { lines, network_calls })
}

/// Does the same with every customer, all at once.
pub fn all_at_once<'a>(
    customers: impl IntoIterator<Item = &'a Customer>,
    act: impl Fn(&Customer) -> Result<Run, Failure> + Sync,
) -> Result<Vec<Run>, Failure> {
    let act = &act;
    thread::scope(|scope| {
        let running: Vec<_> = customers.into_iter().map(|customer| scope.spawn(move || act(customer))).collect();
        running.into_iter().map(|one| one.join().map_err(|_| "a thread of the rehearsal died")?).collect()
    })
}
