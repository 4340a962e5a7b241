//! The licensing server as a process: set up, started, asked as its vendor, killed.

use serde_json::Value;
use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time for a command of the server's program.
const COMMAND_PATIENCE: Duration = Duration::from_mins(1);
/// Longest time for the server to become ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the server did not do what it was asked to; says everything a test's output needs.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The server's installation: its folder, its port, and what `admin bootstrap` printed.
pub struct Installation {
    binary: PathBuf,
    folder: PathBuf,
    database_url: Option<String>,
    address: SocketAddr,
    root_public_key: String,
    token: String,
    agent: ureq::Agent,
}

/// A running server. Killed when dropped.
pub struct Running {
    child: Child,
    address: SocketAddr,
}

/// Finds a program of this workspace (`holdfast`, `examples/desktop`) among those that cargo built together with the one
/// that asks. Fails where it was not built.
pub fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    // Tests lie in a folder below the one with the programs.
    own.ancestors().skip(1).take(3).map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
        format!("{name} is not built: cargo build --package holdfast --package holdfast-sdk --bins --examples").into()
    })
}

impl Installation {
    /// Sets an unused installation up in `folder`: on SQLite, or in the empty database at a `postgres://` address. A free
    /// port of the loopback is its own from then on.
    pub fn new(folder: &Path, database_url: Option<String>) -> Result<Self, Failure> {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut installation = Self {
            binary: program("holdfast")?,
            folder: folder.to_owned(),
            database_url,
            address,
            root_public_key: String::new(),
            token: String::new(),
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .proxy(None)
                .timeout_global(Some(Duration::from_secs(30)))
                .build()
                .new_agent(),
        };
        if installation.is_postgres() {
            installation.command(["migrate"])?;
        }
        let made = installation.command_with(
            ["admin", "bootstrap", "--vendor", "Example Software", "--email", "owner@example.com", "--password-stdin"],
            b"seventeen copper kettles at dawn\n",
        )?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).ok_or(format!("bootstrap printed no {name}"));
        installation.token = text("api_token")?;
        installation.root_public_key = text("root_public_key")?;
        Ok(installation)
    }

    /// Where the server listens when it runs.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The vendor's root public key in base64url.
    pub fn root_public_key(&self) -> &str {
        &self.root_public_key
    }

    /// Whether the database is a PostgreSQL, which runs by a clock of its own.
    pub fn is_postgres(&self) -> bool {
        self.database_url.as_ref().is_some_and(|url| url.starts_with("postgres"))
    }

    fn holdfast(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).arg("--data-dir").arg(&self.folder);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        command
    }

    /// Runs a command of the server's program and returns the JSON it printed.
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Value, Failure> {
        self.command_with(arguments, b"")
    }

    fn command_with<'a>(&self, arguments: impl IntoIterator<Item = &'a str>, input: &[u8]) -> Result<Value, Failure> {
        let mut command = self.holdfast();
        command.arg("--json").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        let id = child.id();
        // A command that hangs must fail the test that waits for it, not the machine that runs it.
        let (ended, watch) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            let hangs = watch.recv_timeout(COMMAND_PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
            if hangs {
                // The child is still ours and not waited for, so that the number cannot mean another process.
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            }
            hangs
        });
        let output = child.wait_with_output();
        drop(ended);
        if watchdog.join().unwrap_or(false) {
            return Err(format!("{command:?} did not end").into());
        }
        let output = output?;
        if !output.status.success() {
            return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Starts the server and waits until it is ready. `adjust` can add flags and variables to its process.
    pub fn start(&self, adjust: impl FnOnce(&mut Command)) -> Result<Running, Failure> {
        let mut command = self.holdfast();
        command.args(["serve", "--metrics-listen", "off", "--listen", &self.address.to_string()]);
        adjust(&mut command);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("server.log"))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut running = Running { child, address: self.address };
        let begun = Instant::now();
        loop {
            let ready = self.agent.get(format!("http://{}/readyz", self.address)).call();
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return Ok(running);
            }
            if let Some(status) = running.child.try_wait()? {
                return Err(format!("the server ended with {status}; see {}", self.log_tail()).into());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("the server did not become ready; see {}", self.log_tail()).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().fold(String::from("its log:"), |text, line| text + "\n  " + line)
    }

    /// A call of the management API with the vendor's own token, `path` below `/v1`; returns the answer's JSON, and fails
    /// for anything but success.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let url = format!("http://{}/v1{path}", self.address);
        let token = format!("Bearer {}", self.token);
        let mut answer = match method {
            "GET" => self.agent.get(&url).header("Authorization", &token).call()?,
            _ => self
                .agent
                .post(&url)
                .header("Authorization", &token)
                .header("Content-Type", "application/json")
                .send(body.to_string())?,
        };
        let status = answer.status();
        let text = answer.body_mut().read_to_string()?;
        if !status.is_success() {
            return Err(format!("{method} {path}: {status}: {text}; {}", self.log_tail()).into());
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

impl Running {
    /// Lets the server stand still, or go on, as a hypervisor does with a whole machine.
    pub fn freeze(&self, frozen: bool) -> Result<(), Failure> {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(format!("kill {signal}: {status}").into()) }
    }

    /// Ends the server without any warning, as a power failure does.
    pub fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            if begun.elapsed() > PATIENCE {
                return Err("something still answers on the server's port".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already dead after `kill`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
