//! Programs under measurement: the server as it ships, and a PostgreSQL of our own that really writes.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The folder that the release programs were built into.
pub fn built() -> Result<PathBuf, Box<dyn Error>> {
    Ok(std::env::current_exe()?.parent().ok_or("no folder")?.to_owned())
}

/// A running `holdfast serve`; ends with this value.
pub struct Node {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Node {
    /// Starts the server on `database` and waits until it is ready.
    pub fn start(database: &str, data_dir: &Path) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let log = fs::File::create(data_dir.join("server.log"))?;
        let child = Command::new(built()?.join("holdfast"))
            .args(["serve", "--database-url", database, "--listen", &address.to_string()])
            .args(["--metrics-listen", &free_address()?.to_string()])
            // All of the load comes from one address.
            .args(["--address-rate", "1000000000"])
            .arg("--data-dir")
            .arg(data_dir)
            .env("HOLDFAST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let node = Self { child, address };
        let started = Instant::now();
        while !is_ready(address) {
            if started.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(data_dir.join("server.log")).unwrap_or_default();
                return Err(format!("the server did not become ready:\n{log}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(node)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

/// An address on the loopback that is free at this moment.
pub fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The yardstick server: this program as [`crate::crypto::serve`].
pub struct Yardstick {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Yardstick {
    /// Starts it.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?).arg("crypto-server").stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Yardstick {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The library that makes every sync take a millisecond; compiled on first use.
pub fn slow_disk(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let library = folder.join("libslowdisk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/slowdisk.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).args([source, "-ldl"]).status()?;
    if built.success() { Ok(library) } else { Err("cc could not compile slowdisk.c".into()) }
}

/// A PostgreSQL that syncs every commit, each sync taking at least `sync_micros`; stopped with this value.
pub struct Postgres {
    folder: PathBuf,
    /// The URL of an empty database.
    pub url: String,
}

impl Postgres {
    /// Starts one with its data in `folder`.
    pub fn start(folder: &Path, preload: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let mut command = Self::script(folder);
        command.arg("start").env("HOLDFAST_PG_DURABLE", "1");
        if let Some(library) = preload {
            command.env("HOLDFAST_PG_PRELOAD", library);
        }
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("PostgreSQL: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let url = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self { folder: folder.to_owned(), url })
    }

    /// The id of its first process, which starts all others.
    pub fn pid(&self) -> Result<u32, Box<dyn Error>> {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    fn script(folder: &Path) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh"));
        command.env("HOLDFAST_PG_DIR", folder).env("HOLDFAST_PG_PORT", "54729").stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Self::script(&self.folder).arg("wipe").status();
    }
}
