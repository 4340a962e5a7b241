//! The cluster as `deploy/three-machines` describes it: its files are written by the scripts there, and every service is
//! started by the command of its own unit.

use crate::ground::{agent, database_owner, endpoints_of, furnish, postgres_programs, script, settings};
use crate::machines::{Machine, Process, make_network, run, wait};
use crate::options::{Failure, Options, Profile};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use ureq::Agent;

/// Longest time for a service to be there on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a service that ended is left alone.
const RESTART_AFTER: Duration = Duration::from_secs(1);

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

    pub const fn unit(self) -> &'static str {
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

/// The number of a member that leads.
fn leads((number, role, state): &(usize, String, String)) -> Option<usize> {
    (role == "leader" && state == "running").then_some(*number)
}

/// The cluster.
pub struct Cluster {
    pub machines: Vec<Machine>,
    pub folder: PathBuf,
    profile: Profile,
    secrets: BTreeMap<String, String>,
    running: BTreeMap<(usize, Service), Process>,
    agent: Agent,
    authority: Vec<u8>,
    /// The program that nodes are started from.
    pub binary: PathBuf,
}

impl Cluster {
    /// Lays out network, files, certificates and passwords. Starts nothing.
    pub fn prepare(folder: &Path, options: &Options) -> Result<Self, Failure> {
        let machines = make_network(folder)?;
        let owner = database_owner()?;
        let environment = settings(folder, &machines[0], &endpoints_of(&machines), options)?;
        let (secrets, tls) = (folder.join("secrets"), folder.join("tls"));
        run(script("make-secrets.sh").arg(&environment).arg(&secrets))?;
        run(script("make-certificates.sh").arg(&environment).arg(&tls))?;
        // Copied with its owner's eyes: the tree of the sources may be closed to the database's user.
        let patroni = folder.join("patroni");
        fs::create_dir(&patroni)?;
        run(Command::new("mount").args(["--bind", PATRONI]).arg(&patroni))?;
        fs::copy(QUICK_PATRONI, folder.join("patroni_quick.py"))?;

        for machine in &machines {
            let environment = settings(folder, machine, &endpoints_of(&machines), options)?;
            let etc = machine.folder.join("etc");
            run(script("render.sh").arg(&environment).arg((machine.number + 1).to_string()).arg(&etc))?;
            fs::copy(secrets.join("master.key"), etc.join("master.key"))?;
            let url = fs::read_to_string(secrets.join("database-url"))?;
            let here = machine.folder.display().to_string();
            fs::write(etc.join("database-url"), url.replace(&machines[0].folder.display().to_string(), &here))?;
            furnish(machine, &tls, &owner)?;
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
            binary: options.previous.as_ref().unwrap_or(&options.binary).clone(),
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
        self.holdfast_at(&self.machines[machine], arguments, input)
    }

    /// The same on any machine.
    pub fn holdfast_at(&self, machine: &Machine, arguments: &[&str], input: &str) -> Result<String, Failure> {
        use std::io::Write as _;
        let mut command = machine.command(&self.binary);
        command.arg("--config").arg(machine.folder.join("etc/holdfast.toml")).arg("--json").args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("holdfast {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub fn secret(&self, name: &str) -> Result<&str, Failure> {
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
        let command = self.command_of(on, service, variables)?;
        let process = on.start(service.unit(), command)?;
        self.running.insert((machine, service), process);
        Ok(())
    }

    /// The command of a service's unit.
    pub fn command_of(&self, on: &Machine, service: Service, variables: &[(&str, String)]) -> Result<Command, Failure> {
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
        Ok(command)
    }

    /// The process of a service.
    pub fn process(&mut self, machine: usize, service: Service) -> Result<&mut Process, Failure> {
        Ok(self.running.get_mut(&(machine, service)).ok_or_else(|| format!("{} does not run", service.unit()))?)
    }

    /// Everything that a service has said.
    pub fn log_of(&self, machine: usize, service: Service) -> Result<String, Failure> {
        let process = self.running.get(&(machine, service));
        Ok(process.ok_or_else(|| format!("{} does not run", service.unit()))?.log())
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
        endpoints_of(&self.machines)
    }

    /// The entrance of each machine's own node.
    pub fn node_addresses(&self) -> Vec<String> {
        self.machines.iter().map(Machine::entrance).collect()
    }

    /// An agent that shows the certificate of a machine.
    pub const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// What a node says about itself, asked through its own entrance.
    pub fn node_mode(&self, machine: usize) -> Result<String, Failure> {
        self.node_mode_at(&self.machines[machine])
    }

    /// The same of any machine.
    pub fn node_mode_at(&self, machine: &Machine) -> Result<String, Failure> {
        let mut answer = self.agent.get(format!("{}/v1/status", machine.entrance())).call()?;
        let status: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        Ok(status["mode"].as_str().unwrap_or("none").to_owned())
    }

    /// What Patroni says about its members: where two machines agree on the primary, what they say, since one that was cut off
    /// until just now may believe that it still is; otherwise what the first to answer says.
    pub fn members(&self) -> Result<Vec<(usize, String, String)>, Failure> {
        let mut heard: Vec<Vec<(usize, String, String)>> = Vec::new();
        let mut last: Failure = "no machine".into();
        for machine in &self.machines {
            match self.members_by(machine) {
                Ok(members) => {
                    let primary = members.iter().find_map(leads);
                    if heard.iter().any(|other| other.iter().find_map(leads) == primary) {
                        return Ok(members);
                    }
                    heard.push(members);
                }
                Err(error) => last = error,
            }
        }
        heard.into_iter().next().ok_or(last)
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
        Ok(self.members()?.iter().find_map(leads))
    }

    /// Which machine has the primary, in the eyes of one of them.
    pub fn primary_seen_by(&self, machine: usize) -> Result<Option<usize>, Failure> {
        let members = self.members_by(&self.machines[machine])?;
        Ok(members.iter().find_map(leads))
    }

    /// Cuts a machine off from all others, or brings it back. Whoever is outside still reaches it.
    pub fn isolate(&self, machine: usize, cut: bool) -> Result<(), Failure> {
        let alone = &self.machines[machine];
        self.machines
            .iter()
            .filter(|other| other.number != machine)
            .try_for_each(|other| alone.cut_off_from(other, cut))
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
            let stands_by = |role: &str, state: &str| role == "quorum_standby" && state == "streaming";
            let standbys = members.iter().filter(|(_, role, state)| stands_by(role, state)).count();
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
        self.sql_at(&self.machines[machine], statement)
    }

    /// The same of any machine.
    pub fn sql_at(&self, machine: &Machine, statement: &str) -> Result<Vec<String>, Failure> {
        let connection = format!(
            "host={} port=5432 user=postgres dbname=holdfast connect_timeout=3 sslmode=verify-full sslrootcert={}",
            machine.address,
            self.folder.join("tls/ca.crt").display()
        );
        let mut command = Command::new(postgres_programs()?.join("psql"));
        command.env("PGPASSWORD", self.secret("PATRONI_SUPERUSER_PASSWORD")?);
        let printed = run(command.args(["-X", "-A", "-t", "-c", statement]).arg(connection))?;
        Ok(printed.lines().map(str::to_owned).collect())
    }

    /// Runs patronictl on a machine, as its operator would.
    pub fn patronictl(&self, machine: usize, arguments: &[&str]) -> Result<String, Failure> {
        self.patronictl_at(&self.machines[machine], arguments, "")
    }

    /// The same on any machine, with what it is told when it asks.
    pub fn patronictl_at(&self, on: &Machine, arguments: &[&str], answers: &str) -> Result<String, Failure> {
        let mut command = on.command("sh");
        command.args(["-c", "printf '%s' \"$0\" | \"$@\"", answers]);
        command.arg(self.folder.join("patroni/bin/python3")).arg(self.folder.join("patroni/bin/patronictl"));
        run(command.arg("-c").arg(on.folder.join("etc/patroni.yml")).args(arguments))
    }

    /// What `doctor.sh` of a machine says of it and of the whole cluster. Fails where something has failed.
    pub fn doctor(&self, machine: usize) -> Result<String, Failure> {
        let on = &self.machines[machine];
        let program = self.binary.parent().ok_or("a program without a folder")?;
        let path = format!("{}:{}", program.display(), std::env::var("PATH")?);
        let said = on.command("sh").arg(on.folder.join("etc/doctor.sh")).env("PATH", path).output()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let errors = String::from_utf8_lossy(&said.stderr);
        fs::write(on.folder.join("log/doctor.log"), &text)?;
        if said.status.success() { Ok(text) } else { Err(format!("{text}{errors}").into()) }
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
