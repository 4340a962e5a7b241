//! The cluster as `deploy/three-machines` describes it: its files are written by the scripts there, and every service is
//! started by the command of its own unit.

use crate::machines::{Machine, Process, make_network, run, wait};
use crate::options::{Failure, Options, Profile};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// Longest time for a service to be there on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a service that ended is left alone.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Where the templates are.
const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/three-machines");
/// Patroni with a lower floor for its times.
const QUICK_PATRONI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/patroni_quick.py");
/// Whether scripts/setup.sh put it there.
const PATRONI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/patroni");

/// A service of a machine, by the name of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    Etcd,
    Patroni,
    Database,
    Edge,
    Node,
}

impl Service {
    const ALL: [Self; 5] = [Self::Etcd, Self::Patroni, Self::Database, Self::Edge, Self::Node];

    const fn unit(self) -> &'static str {
        match self {
            Self::Etcd => "holdfast-etcd",
            Self::Patroni => "holdfast-patroni",
            Self::Database => "holdfast-database",
            Self::Edge => "holdfast-edge",
            Self::Node => "holdfast",
        }
    }
}

/// What the vendor got when the installation was set up.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: String,
    pub root_public_key: String,
}

/// The cluster.
pub struct Cluster {
    pub machines: Vec<Machine>,
    folder: PathBuf,
    profile: Profile,
    secrets: BTreeMap<String, String>,
    running: BTreeMap<(usize, Service), Process>,
    agent: Agent,
    authority: Vec<u8>,
    /// The program that nodes are started from.
    binary: PathBuf,
}

impl Cluster {
    /// Lays out network, files, certificates and passwords. Starts nothing.
    pub fn prepare(folder: &Path, options: &Options) -> Result<Self, Failure> {
        let machines = make_network(folder)?;
        let owner = database_owner()?;
        let settings = |machine: &Machine| -> Result<PathBuf, Failure> {
            let text = fs::read_to_string(Path::new(DEPLOY).join("cluster.env.example"))?;
            let at = machine.folder.display();
            let (ttl, wait, retry) = options.profile.times();
            let ours = [
                ("ETC", format!("{at}/etc")),
                ("STATE", format!("{at}/state")),
                ("RUN", format!("{at}/run")),
                ("PG_BIN", postgres_programs()?.display().to_string()),
                ("PATRONI", folder.join("patroni").display().to_string()),
                ("HOLDFAST", options.binary.display().to_string()),
                ("TLS_GROUP", owner.group.clone()),
                ("ENDPOINT_1", format!("https://{}", machines[0].address)),
                ("ENDPOINT_2", format!("https://{}", machines[1].address)),
                ("ENDPOINT_3", format!("https://{}", machines[2].address)),
                ("TTL", ttl.to_string()),
                ("LOOP_WAIT", wait.to_string()),
                ("RETRY_TIMEOUT", retry.to_string()),
                // The device belongs to the whole machine, and pulling it would reset that.
                ("WATCHDOG", "off".to_owned()),
            ];
            // Later lines win.
            let text = ours.iter().fold(text, |text, (name, value)| format!("{text}\n{name}={value}"));
            let path = machine.folder.join("cluster.env");
            fs::write(&path, text + "\n")?;
            Ok(path)
        };
        let deploy = |script: &str| Command::new(Path::new(DEPLOY).join(script));

        let environment = settings(&machines[0])?;
        let (secrets, tls) = (folder.join("secrets"), folder.join("tls"));
        run(deploy("make-secrets.sh").arg(&environment).arg(&secrets))?;
        run(deploy("make-certificates.sh").arg(&environment).arg(&tls))?;
        // Copied with its owner's eyes: the tree of the sources may be closed to the database's user.
        let patroni = folder.join("patroni");
        fs::create_dir(&patroni)?;
        run(Command::new("mount").args(["--bind", PATRONI]).arg(&patroni))?;
        fs::copy(QUICK_PATRONI, folder.join("patroni_quick.py"))?;

        for machine in &machines {
            let environment = settings(machine)?;
            let etc = machine.folder.join("etc");
            run(deploy("render.sh").arg(&environment).arg((machine.number + 1).to_string()).arg(&etc))?;
            run(Command::new("cp").arg("-a").arg(tls.join(&machine.name)).arg(etc.join("tls")))?;
            fs::copy(secrets.join("master.key"), etc.join("master.key"))?;
            let url = fs::read_to_string(secrets.join("database-url"))?;
            let here = machine.folder.display().to_string();
            fs::write(etc.join("database-url"), url.replace(&machines[0].folder.display().to_string(), &here))?;
            for folder in ["state/postgres", "state/etcd", "run/postgres"] {
                fs::create_dir_all(machine.folder.join(folder))?;
            }
            fs::set_permissions(machine.folder.join("state/etcd"), fs::Permissions::from_mode(0o700))?;
            for folder in ["state/postgres", "run/postgres", "log"] {
                owner.give(&machine.folder.join(folder))?;
            }
        }

        let secrets = fs::read_to_string(secrets.join("patroni.secrets"))?
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let authority = fs::read(tls.join("ca.crt"))?;
        let first = tls.join(&machines[0].name);
        let agent = agent(&authority, &fs::read(first.join("machine.crt"))?, &fs::read(first.join("machine.key"))?)?;
        Ok(Self {
            machines,
            folder: folder.to_owned(),
            profile: options.profile,
            secrets,
            running: BTreeMap::new(),
            agent,
            authority,
            binary: options.binary.clone(),
        })
    }

    /// Starts etcd, the database and the load balancers, and waits until one more failure would be survived.
    pub fn start_database(&mut self) -> Result<(), Failure> {
        for service in [Service::Etcd, Service::Patroni, Service::Database, Service::Edge] {
            for machine in 0..self.machines.len() {
                self.start(machine, service)?;
            }
        }
        self.wait_until_redundant(PATIENCE)?;
        for machine in 0..self.machines.len() {
            wait("the database through HAProxy", PATIENCE, || self.holdfast(machine, &["migrate"], "").map(Some))?;
        }
        Ok(())
    }

    /// Makes the vendor.
    pub fn bootstrap(&self) -> Result<Access, Failure> {
        let arguments =
            ["admin", "bootstrap", "--vendor", "Example Software", "--email", "owner@example.com", "--password-stdin"];
        let password = format!("{}\n", self.secret("HOLDFAST_DATABASE_PASSWORD")?);
        let made: Value = serde_json::from_str(&self.holdfast(0, &arguments, &password)?)?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).ok_or(format!("bootstrap printed no {name}"));
        Ok(Access { token: text("api_token")?, root_public_key: text("root_public_key")? })
    }

    /// Runs a command of the server's program on a machine, as its operator would.
    pub fn holdfast(&self, machine: usize, arguments: &[&str], input: &str) -> Result<String, Failure> {
        use std::io::Write as _;
        let machine = &self.machines[machine];
        let mut command = machine.command(&self.binary);
        command.arg("--config").arg(machine.folder.join("etc/holdfast.toml")).arg("--json").args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("holdfast {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn secret(&self, name: &str) -> Result<&str, Failure> {
        Ok(self.secrets.get(name).ok_or_else(|| format!("make-secrets.sh made no {name}"))?)
    }

    /// Starts a service by the command of its unit.
    pub fn start(&mut self, machine: usize, service: Service) -> Result<(), Failure> {
        self.start_with(machine, service, &[])
    }

    /// The same with variables added.
    pub fn start_with(
        &mut self,
        machine: usize,
        service: Service,
        variables: &[(&str, String)],
    ) -> Result<(), Failure> {
        let on = &self.machines[machine];
        let unit = fs::read_to_string(on.folder.join(format!("etc/systemd/{}.service", service.unit())))?;
        let line = unit
            .lines()
            .find_map(|line| line.strip_prefix("ExecStart="))
            .ok_or_else(|| format!("{} has no ExecStart", service.unit()))?;
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let mut command = match service {
            Service::Patroni => {
                // Its own interpreter by this path, which the database's user can reach.
                let python = self.folder.join("patroni/bin/python3").display().to_string();
                if self.profile == Profile::Short {
                    self.folder.join("patroni_quick.py").display().to_string().clone_into(&mut words[0]);
                }
                let mut command = on.command("env");
                command.args(database_owner()?.prefix()).arg(python);
                // Our own home is not the database user's.
                command.envs(&self.secrets).env("HOME", on.folder.join("state/postgres"));
                command
            }
            Service::Node => {
                self.binary.display().to_string().clone_into(&mut words[0]);
                on.command("env")
            }
            _ => on.command("env"),
        };
        if service == Service::Patroni {
            command.args(&words);
        } else {
            // After `ip`, so that only the service itself sees them.
            command.args(variables.iter().map(|(name, value)| format!("{name}={value}"))).args(&words);
        }
        let process = on.start(service.unit(), command)?;
        self.running.insert((machine, service), process);
        Ok(())
    }

    /// The process of a service.
    pub fn process(&mut self, machine: usize, service: Service) -> Result<&mut Process, Failure> {
        Ok(self.running.get_mut(&(machine, service)).ok_or_else(|| format!("{} does not run", service.unit()))?)
    }

    /// What a supervisor does: starts again what has ended.
    pub fn restart_what_ended(&mut self) -> Result<(), Failure> {
        for machine in 0..self.machines.len() {
            for service in Service::ALL {
                let Some(process) = self.running.get_mut(&(machine, service)) else { continue };
                // As in the units: what ends at once is not started again at once.
                if process.ended()?.is_some() && process.age() > RESTART_AFTER {
                    self.start(machine, service)?;
                }
            }
        }
        Ok(())
    }

    /// Uses another program for the nodes that are started from now on.
    pub fn set_binary(&mut self, binary: &Path) {
        binary.clone_into(&mut self.binary);
    }

    /// The certificate of the cluster's authority.
    pub fn authority(&self) -> &[u8] {
        &self.authority
    }

    /// The addresses for applications: the edge of each machine.
    pub fn endpoints(&self) -> Vec<String> {
        self.machines.iter().map(|machine| format!("https://{}", machine.address)).collect()
    }

    /// The entrance of each machine's own node.
    pub fn node_addresses(&self) -> Vec<String> {
        self.machines.iter().map(|machine| format!("https://{}:8443", machine.address)).collect()
    }

    /// An agent that shows the certificate of a machine.
    pub const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// What a node says about itself, asked through its own entrance.
    pub fn node_mode(&self, machine: usize) -> Result<String, Failure> {
        let address = &self.machines[machine].address;
        let mut answer = self.agent.get(format!("https://{address}:8443/v1/status")).call()?;
        let status: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        Ok(status["mode"].as_str().unwrap_or("none").to_owned())
    }

    /// What Patroni says about its members, asked of whichever answers.
    pub fn members(&self) -> Result<Vec<(usize, String, String)>, Failure> {
        let mut last: Failure = "no machine".into();
        for machine in &self.machines {
            match self.members_by(machine) {
                Ok(members) => return Ok(members),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn members_by(&self, machine: &Machine) -> Result<Vec<(usize, String, String)>, Failure> {
        let mut answer = self.agent.get(format!("https://{}:8008/cluster", machine.address)).call()?;
        let cluster: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let members = cluster["members"].as_array().ok_or("no members")?;
        let text = |member: &Value, name: &str| member[name].as_str().unwrap_or_default().to_owned();
        Ok(members
            .iter()
            .filter_map(|member| {
                let name = text(member, "name");
                let number = self.machines.iter().position(|machine| machine.name == name)?;
                Some((number, text(member, "role"), text(member, "state")))
            })
            .collect())
    }

    /// Which machine has the primary, as the others see it.
    pub fn primary(&self) -> Result<Option<usize>, Failure> {
        let leads = |(number, role, state): &(usize, String, String)| {
            (role == "leader" && state == "running").then_some(*number)
        };
        Ok(self.members()?.iter().find_map(leads))
    }

    /// Waits until there is a primary with two standbys in its quorum: before that, one more failure is not survived.
    pub fn wait_until_redundant(&mut self, limit: Duration) -> Result<(), Failure> {
        let mut said = String::new();
        wait("a primary with two standbys", limit, || {
            self.restart_what_ended()?;
            let members = self.members()?;
            said.clear();
            for (number, role, state) in &members {
                write!(said, " {}:{role}:{state}", number + 1)?;
            }
            let standbys = members.iter().filter(|(_, role, _)| role == "quorum_standby").count();
            let primary = members.iter().any(|(_, role, state)| role == "leader" && state == "running");
            if primary && standbys == 2 { Ok(Some(())) } else { Err(said.clone().into()) }
        })
    }

    /// Waits until every node serves normally.
    pub fn wait_for_nodes(&mut self, limit: Duration) -> Result<(), Failure> {
        for machine in 0..self.machines.len() {
            wait("a node", limit, || {
                self.restart_what_ended()?;
                Ok((self.node_mode(machine)? == "normal").then_some(()))
            })
            .map_err(|error| {
                let log = self.running.get(&(machine, Service::Node)).map(Process::log_tail).unwrap_or_default();
                format!("{error}; {log}")
            })?;
        }
        Ok(())
    }

    /// A question to one machine's own PostgreSQL, as its superuser, from outside of the product.
    pub fn sql(&self, machine: usize, statement: &str) -> Result<Vec<String>, Failure> {
        let connection = format!(
            "host={} port=5432 user=postgres dbname=holdfast connect_timeout=3 sslmode=verify-full sslrootcert={}",
            self.machines[machine].address,
            self.folder.join("tls/ca.crt").display()
        );
        let mut command = Command::new(postgres_programs()?.join("psql"));
        command.env("PGPASSWORD", self.secret("PATRONI_SUPERUSER_PASSWORD")?);
        let printed = run(command.args(["-X", "-A", "-t", "-c", statement]).arg(connection))?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// A command as the database's user of a machine, in that user's world.
    fn as_database_user(&self, machine: usize) -> Result<Command, Failure> {
        let on = &self.machines[machine];
        let mut command = on.command("env");
        command.args(database_owner()?.prefix()).env("HOME", on.folder.join("state/postgres"));
        command
            .env("PG_BIN", postgres_programs()?)
            .env("PGHOST", "127.0.0.1")
            .env("PGUSER", "replicator")
            .env("PGPASSWORD", self.secret("PATRONI_REPLICATION_PASSWORD")?)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", on.folder.join("etc/tls/ca.crt"));
        Ok(command)
    }

    /// Where the backups of a machine are.
    fn backups(&self, machine: usize) -> PathBuf {
        self.machines[machine].folder.join("state/postgres/backups")
    }

    /// Starts to receive what the primary writes, as `holdfast-wal.service` does.
    pub fn receive_wal(&self, machine: usize) -> Result<Process, Failure> {
        let folder = self.backups(machine).join("wal");
        run(self.as_database_user(machine)?.args(["mkdir", "-p"]).arg(&folder))?;
        let mut command = self.as_database_user(machine)?;
        command.env("PGPORT", "5000").arg(postgres_programs()?.join("pg_receivewal"));
        command.args(["--slot=backup", "--no-password", "--synchronous", "--directory"]).arg(&folder);
        // `--no-loop` is absent: the slot appears with Patroni's next look.
        self.machines[machine].start("holdfast-wal", command)
    }

    /// Takes a base backup; returns where it is.
    pub fn backup(&self, machine: usize) -> Result<PathBuf, Failure> {
        let mut command = self.as_database_user(machine)?;
        command.env("PGPORT", "5001").arg("sh").arg(self.backup_script("backup.sh")?).arg(self.backups(machine));
        Ok(PathBuf::from(run(&mut command)?.trim()))
    }

    /// Restores a backup into a scratch folder and looks at it; returns what the script says.
    pub fn prove(&self, machine: usize, backup: &Path) -> Result<String, Failure> {
        // Where the database's user can reach them.
        let programs = self.folder.join("programs");
        if !programs.exists() {
            fs::create_dir(&programs)?;
            let from = self.binary.parent().ok_or("a program without a folder")?;
            run(Command::new("mount").arg("--bind").arg(from).arg(&programs))?;
        }
        let key = self.machines[machine].folder.join("state/postgres/master.key");
        fs::copy(self.folder.join("secrets/master.key"), &key)?;
        let owner = database_owner()?;
        owner.give(&key)?;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        let mut command = self.as_database_user(machine)?;
        command
            .env("HOLDFAST", programs.join(self.binary.file_name().unwrap_or_default()))
            .env("MASTER_KEY_FILE", key)
            .env("TMPDIR", self.machines[machine].folder.join("state/postgres"))
            .arg("sh")
            .arg(self.backup_script("restore.sh")?)
            .arg("prove")
            .arg(backup)
            .arg("--wal")
            .arg(self.backups(machine).join("wal"));
        run(&mut command)
    }

    /// A script of `deploy/backup`, where the database's user can reach it.
    fn backup_script(&self, name: &str) -> Result<PathBuf, Failure> {
        let to = self.folder.join(name);
        fs::copy(Path::new(DEPLOY).join("../backup").join(name), &to)?;
        Ok(to)
    }

    /// Runs patronictl on a machine, as its operator would.
    pub fn patronictl(&self, machine: usize, arguments: &[&str]) -> Result<String, Failure> {
        let on = &self.machines[machine];
        let mut command = on.command(self.folder.join("patroni/bin/python3"));
        command.arg(self.folder.join("patroni/bin/patronictl")).arg("-c").arg(on.folder.join("etc/patroni.yml"));
        run(command.args(arguments))
    }

    /// Copies the logs of all machines to `target`, since these are gone with the rehearsal.
    pub fn keep_logs(&self, target: &Path) -> Result<(), Failure> {
        for machine in &self.machines {
            let to = target.join(&machine.name);
            fs::create_dir_all(&to)?;
            run(Command::new("cp").arg("-a").arg(machine.folder.join("log/.")).arg(&to))?;
        }
        Ok(())
    }
}

fn agent(authority: &[u8], certificate: &[u8], key: &[u8]) -> Result<Agent, Failure> {
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
struct Owner {
    user: String,
    group: String,
    /// Whether we are root only within a user namespace of our own, in which nobody else exists.
    mapped: bool,
}

fn database_owner() -> Result<Owner, Failure> {
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
    fn give(&self, folder: &Path) -> Result<(), Failure> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        if !self.mapped {
            run(Command::new("chown").arg(format!("{}:{}", self.user, self.group)).arg(folder))?;
        }
        Ok(())
    }

    /// What goes before a command so that it runs as this user.
    fn prefix(&self) -> Vec<String> {
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
