//! What stands before anything is started: settings, folders, who the database's user is, an agent with a certificate.

use crate::machines::{Machine, run};
use crate::options::{Failure, Options};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// Where the reference configuration is.
pub const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");

/// A script of `deploy/three-machines`.
pub fn script(name: &str) -> Command {
    Command::new(Path::new(DEPLOY).join("three-machines").join(name))
}

/// The addresses of the edges.
pub fn endpoints_of(machines: &[Machine]) -> Vec<String> {
    machines.iter().map(Machine::endpoint).collect()
}

/// Writes the settings of a machine: those of the example, with what differs here after them. Later lines win.
pub fn settings(folder: &Path, machine: &Machine, endpoints: &[String], options: &Options) -> Result<PathBuf, Failure> {
    let mut text = fs::read_to_string(Path::new(DEPLOY).join("three-machines/cluster.env.example"))?;
    let at = machine.folder.display();
    let (ttl, wait, retry) = options.profile.times();
    let ours = [
        ("ETC", format!("{at}/etc")),
        ("STATE", format!("{at}/state")),
        ("RUN", format!("{at}/run")),
        ("PG_BIN", postgres_programs()?.display().to_string()),
        ("PATRONI", folder.join("patroni").display().to_string()),
        ("HOLDFAST", options.binary.display().to_string()),
        ("TLS_GROUP", database_owner()?.group),
        ("TTL", ttl.to_string()),
        ("LOOP_WAIT", wait.to_string()),
        ("RETRY_TIMEOUT", retry.to_string()),
        // The device belongs to the whole machine, and pulling it would reset that.
        ("WATCHDOG", "off".to_owned()),
    ];
    for (name, value) in ours {
        write!(text, "\n{name}={value}")?;
    }
    for (number, endpoint) in endpoints.iter().enumerate() {
        write!(text, "\nENDPOINT_{}={endpoint}", number + 1)?;
    }
    let path = machine.folder.join("cluster.env");
    fs::write(&path, text + "\n")?;
    Ok(path)
}

/// Brings its certificates to a machine, and makes the folders that systemd would.
pub fn furnish(machine: &Machine, tls: &Path, owner: &Owner) -> Result<(), Failure> {
    run(Command::new("cp").arg("-a").arg(tls.join(&machine.name)).arg(machine.folder.join("etc/tls")))?;
    if owner.mapped {
        // In a user namespace the database's user owns them, and PostgreSQL is stricter about a key of its own.
        fs::set_permissions(machine.folder.join("etc/tls/machine.key"), fs::Permissions::from_mode(0o600))?;
    }
    for folder in ["state/postgres", "state/etcd", "run/postgres"] {
        fs::create_dir_all(machine.folder.join(folder))?;
    }
    fs::set_permissions(machine.folder.join("state/etcd"), fs::Permissions::from_mode(0o700))?;
    for folder in ["state/postgres", "run/postgres"] {
        owner.give(&machine.folder.join(folder))?;
    }
    Ok(())
}

pub fn agent(authority: &[u8], certificate: &[u8], key: &[u8]) -> Result<Agent, Failure> {
    let own = ClientCert::new_with_certs(&[Certificate::from_pem(certificate)?], PrivateKey::from_pem(key)?);
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(authority)?]))
        .client_cert(Some(own))
        .build();
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .timeout_connect(Some(Duration::from_secs(3)))
        .timeout_global(Some(Duration::from_secs(10)))
        .tls_config(tls)
        .build()
        .new_agent())
}

/// Where PostgreSQL's programs are.
pub fn postgres_programs() -> Result<PathBuf, Failure> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    found.retain(|folder| folder.join("initdb").is_file());
    found.sort();
    found.pop().ok_or_else(|| "PostgreSQL is missing: run scripts/setup.sh test".into())
}

/// Whom the database belongs to: PostgreSQL refuses to run as root.
pub struct Owner {
    user: String,
    pub group: String,
    /// Whether we are root only within a user namespace of our own, in which nobody else exists.
    pub mapped: bool,
}

pub fn database_owner() -> Result<Owner, Failure> {
    let mapped = fs::read_to_string("/proc/self/uid_map")?
        .split_whitespace()
        .map(str::to_owned)
        .next_back()
        .is_some_and(|length| length == "1");
    if mapped {
        return Ok(Owner { user: "root".to_owned(), group: String::new(), mapped });
    }
    let user = if run(Command::new("id").args(["-u", "postgres"])).is_ok() { "postgres" } else { "nobody" };
    let group = run(Command::new("id").args(["-g", "-n", user]))?.trim().to_owned();
    Ok(Owner { user: user.to_owned(), group, mapped })
}

impl Owner {
    pub fn give(&self, folder: &Path) -> Result<(), Failure> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        if !self.mapped {
            run(Command::new("chown").arg(format!("{}:{}", self.user, self.group)).arg(folder))?;
        }
        Ok(())
    }

    /// What goes before a command so that it runs as this user.
    pub fn prefix(&self) -> Vec<String> {
        if self.mapped {
            return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"].map(str::to_owned).to_vec();
        }
        vec![
            "setpriv".to_owned(),
            format!("--reuid={}", self.user),
            format!("--regid={}", self.group),
            "--clear-groups".to_owned(),
            "--".to_owned(),
        ]
    }
}
