//! A second region, by the files of `deploy/second-region`.

use crate::cluster::{Cluster, Service};
use crate::ground::{DEPLOY, database_owner, furnish, script, settings};
use crate::machines::{MACHINES, Machine, Process, make_machine, run, wait};
use crate::options::{Failure, Options};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longest time until it follows.
const PATIENCE: Duration = Duration::from_mins(1);

/// A second region.
pub struct Region {
    pub machine: Machine,
    /// They end with it.
    _processes: Vec<Process>,
}

impl Region {
    /// Promotes it as its operator would; returns what the script says.
    pub fn promote(&self) -> Result<String, Failure> {
        let on = &self.machine;
        let promote = Path::new(DEPLOY).join("second-region/promote.sh");
        run(on.command(promote).arg(&on.address).arg(on.folder.join("etc")))
    }
}

impl Cluster {
    /// Sets up a second region that follows this one, by the files of `deploy/second-region`; one machine stands for its
    /// three. Returns once it streams.
    pub fn start_second_region(&mut self, options: &Options) -> Result<Region, Failure> {
        let machine = make_machine(&self.folder, 0, "so1", "10.0.0.21")?;
        let environment = settings(&self.folder, &machine, &[format!("https://{}", machine.address)], options)?;
        let mut text = fs::read_to_string(&environment)?;
        text += &fs::read_to_string(Path::new(DEPLOY).join("second-region/region.env.example"))?;
        for number in 1..=MACHINES {
            writeln!(text, "NAME_{number}=so{number}\nADDRESS_{number}=10.0.0.2{number}")?;
        }
        fs::write(&environment, text)?;
        let (etc, tls) = (machine.folder.join("etc"), self.folder.join("tls"));
        run(script("make-certificates.sh").arg(&environment).arg(&tls))?;
        let render = Path::new(DEPLOY).join("second-region/render.sh");
        run(Command::new(render).arg(&environment).arg("1").arg(&etc))?;
        // Alone, it is a majority.
        let path = etc.join("etcd.yml");
        let alone = |line: &str| match line.strip_prefix("initial-cluster: ") {
            Some(all) => format!("initial-cluster: {}", all.split(',').next().unwrap_or_default()),
            None => line.to_owned(),
        };
        let text: Vec<String> = fs::read_to_string(&path)?.lines().map(alone).collect();
        fs::write(&path, text.join("\n"))?;
        furnish(&machine, &tls, &database_owner()?)?;

        self.patronictl(0, &["edit-config", "--force", "-s", "slots.south.type=physical"])?;
        let mut processes = Vec::new();
        for service in [Service::Etcd, Service::Database, Service::Patroni] {
            processes.push(machine.start(service.unit(), self.command_of(&machine, service, &[])?)?);
        }
        wait("the second region", PATIENCE, || {
            let mut answer = self.agent().get(format!("https://{}:8008/cluster", machine.address)).call()?;
            let said = answer.body_mut().read_to_string()?;
            let cluster: Value = serde_json::from_str(&said)?;
            let follows = &cluster["members"][0];
            let ready = follows["role"] == "standby_leader" && follows["state"] == "streaming";
            if ready { Ok(Some(())) } else { Err(said.into()) }
        })?;
        Ok(Region { machine, _processes: processes })
    }
}
