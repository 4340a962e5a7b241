//! Machines that are network namespaces on one machine: a bridge, an address each, processes that can be frozen and killed,
//! a cable that can be pulled. All of it is in namespaces of the rehearsal's own and ends with it.

use crate::options::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How many machines the cluster has.
pub const MACHINES: usize = 3;

/// The customers' and the vendor's side of the network.
pub const OUTSIDE: &str = "10.0.0.1";

/// Polls until `ready` says so; the error names `what` did not come, and why it was not there at last.
pub fn wait<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    loop {
        let why = match ready() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => String::new(),
            Err(error) => format!(": {error}"),
        };
        if begun.elapsed() > limit {
            return Err(format!("{what}: not within {} s{why}", limit.as_secs()).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command to its end; its output is the answer, and the error where it fails.
pub fn run(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}: {}", line(command), output.status, said.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as a person would type it, without its variables: they hold passwords.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn ip(arguments: &str) -> Result<String, Failure> {
    run(Command::new("ip").args(arguments.split_whitespace()))
}

/// A machine.
#[derive(Debug)]
pub struct Machine {
    /// From 0.
    pub number: usize,
    pub name: String,
    pub address: String,
    /// Its files, among them the logs of its processes.
    pub folder: PathBuf,
}

/// Lays the network out. Only within namespaces of our own.
pub fn make_network(folder: &Path) -> Result<Vec<Machine>, Failure> {
    // Where `ip netns` keeps its names; nobody outside of the namespace sees this one.
    run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]))?;
    ip("link set lo up")?;
    ip("link add bridge type bridge")?;
    ip(&format!("addr add {OUTSIDE}/24 dev bridge"))?;
    ip("link set bridge up")?;
    (0..MACHINES)
        .map(|number| make_machine(folder, number, &format!("hf{}", number + 1), &format!("10.0.0.1{}", number + 1)))
        .collect()
}

/// Adds a machine to the network.
pub fn make_machine(folder: &Path, number: usize, name: &str, address: &str) -> Result<Machine, Failure> {
    ip(&format!("netns add {name}"))?;
    ip(&format!("link add {name} type veth peer name eth0 netns {name}"))?;
    ip(&format!("link set {name} master bridge up"))?;
    ip(&format!("-n {name} link set lo up"))?;
    ip(&format!("-n {name} addr add {address}/24 dev eth0"))?;
    ip(&format!("-n {name} link set eth0 up"))?;
    let folder = folder.join(name);
    fs::create_dir_all(folder.join("log"))?;
    Ok(Machine { number, name: name.to_owned(), address: address.to_owned(), folder })
}

impl Machine {
    /// The address for applications: its edge.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The entrance of its own node.
    pub fn entrance(&self) -> String {
        format!("https://{}:8443", self.address)
    }

    /// A command on this machine.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program.as_ref());
        command
    }

    /// Starts a process on this machine, its output into a log of that name.
    pub fn start(&self, name: &'static str, mut command: Command) -> Result<Process, Failure> {
        let path = self.folder.join("log").join(format!("{name}.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", line(&command)))?;
        Ok(Process { child, name, log: path, started: Instant::now() })
    }

    /// Pulls the cable out, or puts it back.
    pub fn set_link(&self, up: bool) -> Result<(), Failure> {
        ip(&format!("link set {} {}", self.name, if up { "up" } else { "down" })).map(|_| ())
    }

    /// Lets nothing through to another machine, nor its answers, or everything again. Both still reach the outside.
    pub fn cut_off_from(&self, other: &Self, cut: bool) -> Result<(), Failure> {
        let change = if cut { "add" } else { "del" };
        ip(&format!("-n {} route {change} blackhole {}", self.name, other.address)).map(|_| ())
    }

    /// The processes on this machine whose command line `wanted` picks.
    pub fn processes(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Pid>, Failure> {
        use std::os::unix::fs::MetadataExt;
        let own = fs::metadata(Path::new("/run/netns").join(&self.name))?;
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // What ended meanwhile is not among them.
            let Ok(theirs) = fs::metadata(entry.path().join("ns/net")) else { continue };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if (theirs.dev(), theirs.ino()) == (own.dev(), own.ino()) && !line.is_empty() && wanted(&line) {
                found.extend(Pid::from_raw(pid));
            }
        }
        Ok(found)
    }

    /// Sends a signal to those processes; returns how many there were.
    pub fn signal(&self, signal: Signal, wanted: impl Fn(&str) -> bool) -> Result<usize, Failure> {
        let found = self.processes(wanted)?;
        for pid in &found {
            // One that ended meanwhile needs no signal.
            let _ = kill_process(*pid, signal);
        }
        Ok(found.len())
    }
}

/// A process that the rehearsal started and may end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
    started: Instant,
}

impl Process {
    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let pid = self.pid().ok_or("a process without a number")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Ends it without any warning.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// For how long it has been running, or has been given up.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        self.signal(Signal::TERM)?;
        wait(&format!("the end of {}", self.name), limit, || self.ended())
    }

    /// Everything that it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(8).collect();
        lines.into_iter().rev().fold(format!("the log of {}:", self.name), |text, line| text + "\n  " + line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone after `kill` and `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
