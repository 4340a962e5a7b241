//! A second region, by the files of `deploy/second-region`: set up under load, cut off from the first, and in the end the only
//! one there is.

use crate::checker::check;
use crate::cluster::{Cluster, Service};
use crate::customers::{Customer, Said, World, denied_after};
use crate::faults::{EFFECT, EVERYBODY, LIBRARY, is_database, renewals, yes};
use crate::ground::{DEPLOY, database_owner, furnish, script, settings};
use crate::history::{Act, Copy, History, Micros, Operation, Outcome};
use crate::load::Load;
use crate::machines::{MACHINES, Machine, Process, make_machine, run, wait};
use crate::measure::{Stretch, answered_percent, is_failure};
use crate::options::{Failure, Options};
use crate::rehearsal::Stage;
use crate::report::{Report, Stretched, seconds};
use rustix::process::Signal;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time until it follows, and until its node serves.
const PATIENCE: Duration = Duration::from_mins(1);
/// Customers whose way leads to the second region alone.
const SOUTHERN: usize = 12;
/// How long the person who decides about a promotion takes here. In earnest it is the longest part.
const DECISION: Duration = Duration::from_secs(10);
/// What the first region acknowledged last may not have reached the second one when it is lost.
const LAST_MOMENT: Micros = 1_000_000;
/// How often what one region granted alone has been accounted for.
const RECONCILED: &str = "SELECT count(*) FROM events WHERE action = 'continuity.reconciled'";

/// A second region. One machine stands for its three.
pub struct Region {
    pub machine: Machine,
    /// They end with it.
    running: Vec<Process>,
    /// Those who reach nobody else.
    southern: Option<Load>,
}

impl Region {
    /// Starts a service by the command of its unit.
    fn start(&mut self, cluster: &Cluster, service: Service) -> Result<(), Failure> {
        let command = cluster.command_of(&self.machine, service, &[])?;
        self.running.push(self.machine.start(service.unit(), command)?);
        Ok(())
    }

    /// Lets nothing through between its machine and those of the first region, or everything again.
    fn cut_off(&self, cluster: &Cluster, cut: bool) -> Result<(), Failure> {
        cluster.machines.iter().try_for_each(|other| self.machine.cut_off_from(other, cut))
    }

    fn wait_for_mode(&self, cluster: &Cluster, mode: &str) -> Result<(), Failure> {
        wait(&format!("the second region's node in mode {mode}"), PATIENCE, || {
            Ok((cluster.node_mode_at(&self.machine)? == mode).then_some(()))
        })
    }

    /// Makes it the region that takes writes, as its operator would; returns what the script says.
    fn promote(&self) -> Result<String, Failure> {
        let promote = Path::new(DEPLOY).join("second-region/promote.sh");
        run(self.machine.command(promote).arg(&self.machine.address).arg(self.machine.folder.join("etc")))
    }
}

impl Cluster {
    /// Sets up a second region that follows this one, with a node of its own. Returns once it streams and serves.
    fn start_second_region(&self, options: &Options) -> Result<Region, Failure> {
        let machine = make_machine(&self.folder, 0, "so1", "10.0.0.21")?;
        // Its own endpoint first.
        let mut endpoints = vec![machine.endpoint()];
        endpoints.extend(self.endpoints().into_iter().take(MACHINES - 1));
        let environment = settings(&self.folder, &machine, &endpoints, options)?;
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
        let first = &self.machines[0].folder;
        fs::copy(first.join("etc/master.key"), etc.join("master.key"))?;
        let url = fs::read_to_string(first.join("etc/database-url"))?;
        let here = url.replace(&first.display().to_string(), &machine.folder.display().to_string());
        fs::write(etc.join("database-url"), here)?;

        self.patronictl(0, &["edit-config", "--force", "-s", "slots.south.type=physical"])?;
        let mut region = Region { machine, running: Vec::new(), southern: None };
        for service in [Service::Etcd, Service::Database, Service::Patroni, Service::Edge] {
            region.start(self, service)?;
        }
        wait("the second region", PATIENCE, || {
            let mut answer = self.agent().get(format!("https://{}:8008/cluster", region.machine.address)).call()?;
            let said = answer.body_mut().read_to_string()?;
            let cluster: Value = serde_json::from_str(&said)?;
            let follows = &cluster["members"][0];
            let ready = follows["role"] == "standby_leader" && follows["state"] == "streaming";
            if ready { Ok(Some(())) } else { Err(said.into()) }
        })?;
        region.start(self, Service::Node)?;
        region.wait_for_mode(self, "normal")?;
        wait("its edge", PATIENCE, || {
            let answer = self.agent().get(format!("{}/readyz", region.machine.endpoint())).call()?;
            Ok((answer.status() == 200).then_some(()))
        })?;
        Ok(region)
    }
}

/// Sets it up while everybody works; from then on customers ask in both.
pub fn set_up(stage: &mut Stage) -> Result<(), Failure> {
    const SEATS: &str = "SELECT count(*) FROM seats";
    let stretch = stage.stretch("second region set up", |stage| {
        let mut made = stage.cluster.start_second_region(stage.options)?;
        stage.traffic_since(stage.world.now(), 4, 8)?;
        let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
        let here = stage.cluster.sql(primary, SEATS)?;
        // What was there a moment ago is there, too, a moment later.
        let number = |rows: &[String]| rows.first().and_then(|row| row.parse::<u64>().ok()).unwrap_or(0);
        wait("what the first region has", EFFECT, || {
            let there = stage.cluster.sql_at(&made.machine, SEATS)?;
            Ok((number(&there) >= number(&here)).then_some(()))
        })?;
        made.southern = Some(Load::of_renewals(&stage.world, SOUTHERN, &[made.machine.endpoint()])?);
        stage.world.add_endpoint(made.machine.endpoint());
        stage.region = Some(made);
        stage.traffic_since(stage.world.now(), 40, 12)?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations while a second region is set up", stretch, &EVERYBODY);
    stage.revoke("two regions")
}

/// The lines between the regions are cut; customers go on reaching both, or only the second one.
pub fn cut_off(stage: &mut Stage) -> Result<(), Failure> {
    let length = stage.options.profile.outage().min(Duration::from_mins(1));
    let mut cut = Stretch { begun: 0, ended: 0 };
    let mut landed = Duration::ZERO;
    let mut before = Vec::new();
    let stretch = stage.stretch("second region cut off", |stage| {
        let region = stage.region.as_ref().ok_or("there is no second region")?;
        let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
        before = stage.cluster.sql(primary, RECONCILED)?;
        let refunded = Customer::reaching(&stage.world, stage.world.issue(1)?, vec![region.machine.endpoint()])?;
        if refunded.activate(&stage.world) != Outcome::Done {
            return Err("a customer of the second region could not activate".into());
        }
        let node = region.machine.entrance();
        cut.begun = stage.world.now();
        region.cut_off(&stage.cluster, true)?;
        let begun = Instant::now();
        let played = region.wait_for_mode(&stage.cluster, "continuity").and_then(|()| {
            stage.world.revoke(refunded.license)?;
            stage.traffic_since(stage.world.now(), 40, 12)?;
            thread::sleep(length.saturating_sub(begun.elapsed()));
            // It cannot know.
            match refunded.renew_at(&stage.world, &node)? {
                Said::Renewed => Ok(()),
                said => Err(format!("a region that is cut off said {said:?} to a customer it knows").into()),
            }
        });
        cut.ended = stage.world.now();
        region.cut_off(&stage.cluster, false)?;
        played?;
        landed = denied_after(&stage.world, &node, &refunded, Instant::now, EFFECT)?;
        region.wait_for_mode(&stage.cluster, "normal")?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations of the client library, a region cut off", stretch, &LIBRARY);
    renewals(stage, "renewals answered while a region is cut off", cut, Some(99.9));
    let took = seconds(u64::try_from(landed.as_millis())?);
    stage.report.line("a revocation lands in that region, once the line is back, after", took, "", landed < EFFECT);
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let accounted = wait("the account of the region on its own", EFFECT, || {
        Ok((stage.cluster.sql(primary, RECONCILED)? != before).then_some(()))
    });
    stage.report.line(
        "what that region granted is accounted for afterwards",
        yes(accounted.is_ok()),
        "yes",
        accounted.is_ok(),
    );
    Ok(())
}

/// The first region is lost for good, and a person promotes the second. A history of its own, since the first region knows
/// nothing of what comes after.
pub fn lose(cluster: &mut Cluster, mut region: Region, world: &Arc<World>, report: &mut Report) -> Result<(), Failure> {
    if let Some(southern) = region.southern.take() {
        southern.end()?;
    }
    let world = Arc::new(world.another("studio-south")?);
    let load = Load::begin(&world)?;
    let southern = Load::of_renewals(&world, SOUTHERN, &[region.machine.endpoint()])?;
    let begun = world.now();
    answered_since(&world, begun, 40, 20)?;

    let gone = world.now();
    cluster.machines.iter().try_for_each(|machine| machine.set_link(false))?;
    region.wait_for_mode(cluster, "continuity")?;
    let decided = gone + Micros::try_from(DECISION.as_micros())?;
    thread::sleep(Duration::from_micros(decided.saturating_sub(world.now())));
    let promoting = world.now();
    let said = region.promote()?;
    region.wait_for_mode(cluster, "normal")?;
    answered_since(&world, world.now(), 40, 20)?;
    let ended = world.now();
    southern.end()?;
    load.end()?;

    let stretch = Stretch { begun: gone, ended };
    let tallies = stretch.tallies(&world.operations());
    let notes = vec![format!("promote.sh: {}", said.trim())];
    report.stretch(Stretched { name: "region lost, the other promoted".to_owned(), tallies, notes });
    let claimed = |one: &&Operation| one.act == Act::Activate && one.outcome == Outcome::Done && one.ended > promoting;
    let first = world.operations().iter().filter(claimed).map(|one| one.ended).min();
    let took = seconds(first.unwrap_or(ended).saturating_sub(promoting) / 1_000);
    report.line("a region lost: writes back after a person promotes the other", took, "", first.is_some());
    let renewed = stretch.tally(&world.operations(), |operation| operation.act == Act::Renew);
    let percent = answered_percent(renewed.asked, renewed.failed);
    let measured = format!("{percent:.1} % of {}", renewed.asked);
    report.line("a region lost: renewals answered by the other", measured, "≥ 99.9 %", percent >= 99.9);
    judge(cluster, &region, &world, report, gone)?;
    let (took, agrees) = first_returns(cluster, &region)?;
    report.line("a region lost: after its return it follows the other one within", took, "", true);
    report.line("and holds the same seats, and its nodes serve", yes(agrees), "yes", agrees);
    Ok(())
}

/// Lets the first region come back as the one that follows, step by step as the guide says. Returns how long that took, and
/// whether it then has what the second one has and its nodes serve.
fn first_returns(cluster: &mut Cluster, region: &Region) -> Result<(String, bool), Failure> {
    const SEATS: &str = "SELECT count(*), max(last_seen_at) FROM seats";
    let machines = 0..cluster.machines.len();
    // What was cut off is stopped before anybody reaches it again.
    for machine in machines.clone() {
        cluster.machines[machine].signal(Signal::KILL, is_database)?;
        cluster.process(machine, Service::Node)?.kill()?;
        cluster.process(machine, Service::Database)?.kill()?;
    }
    for machine in &cluster.machines {
        machine.set_link(true)?;
    }
    let begun = Instant::now();
    cluster.patronictl_at(&region.machine, &["edit-config", "--force", "-s", "slots.north.type=physical"], "")?;
    wait("the end of the old cluster", PATIENCE, || {
        let answers = "holdfast\nYes I am aware\n";
        cluster.patronictl_at(&cluster.machines[0], &["remove", "holdfast"], answers).map(Some)
    })?;
    for machine in &cluster.machines {
        let data = machine.folder.join("state/postgres/data");
        fs::rename(&data, data.with_extension("before"))?;
        let environment = machine.folder.join("cluster.env");
        let mut text = fs::read_to_string(&environment)?;
        for number in 1..=MACHINES {
            writeln!(text, "OTHER_NAME_{number}=so{number}\nOTHER_ADDRESS_{number}=10.0.0.2{number}")?;
        }
        fs::write(&environment, text + "SLOT=north\n")?;
        let render = Path::new(DEPLOY).join("second-region/render.sh");
        let number = (machine.number + 1).to_string();
        run(Command::new(render).arg(&environment).arg(number).arg(machine.folder.join("etc")))?;
    }
    for machine in machines.clone() {
        cluster.start(machine, Service::Database)?;
        cluster.start(machine, Service::Patroni)?;
    }
    wait("the first region, following", PATIENCE * 2, || {
        let members = cluster.members()?;
        let follows = |role: &str| members.iter().filter(|(_, is, state)| is == role && state == "streaming").count();
        let ready = follows("standby_leader") == 1 && follows("replica") == MACHINES - 1;
        if ready { Ok(Some(())) } else { Err(format!("{members:?}").into()) }
    })?;
    let took = seconds(u64::try_from(begun.elapsed().as_millis())?);
    let same = wait("the same seats in both regions", EFFECT, || {
        let there = cluster.sql_at(&region.machine, SEATS)?;
        for machine in machines.clone() {
            if cluster.sql(machine, SEATS)? != there {
                return Ok(None);
            }
        }
        Ok(Some(()))
    });
    for machine in machines {
        cluster.start(machine, Service::Node)?;
    }
    let serve = cluster.wait_for_nodes(PATIENCE);
    if let Some(error) = same.as_ref().err().or(serve.as_ref().err()) {
        println!("      {error}");
    }
    Ok((took, same.is_ok() && serve.is_ok()))
}

/// Waits until the load got so many answers.
fn answered_since(world: &World, since: Micros, renewals: usize, claims: usize) -> Result<(), Failure> {
    wait("answers to the load", PATIENCE, || {
        let operations = world.operations();
        let good = |act: Act| {
            let of = operations.iter().filter(|one| one.act == act && one.begun >= since && !is_failure(one));
            of.count()
        };
        Ok((good(Act::Renew) >= renewals && good(Act::Activate) >= claims).then_some(()))
    })
}

/// Decides about what the second region holds. What the first one acknowledged in its last moment, it may have taken with it:
/// whether that was done is then as uncertain as if no answer had come.
fn judge(cluster: &Cluster, region: &Region, world: &World, report: &mut Report, gone: Micros) -> Result<(), Failure> {
    let rows = cluster.sql_at(&region.machine, "SELECT encode(device, 'hex') FROM seats WHERE state = 'active'")?;
    let devices = rows.iter().filter_map(|hash| world.device_of(hash.trim())).collect();
    let copies = vec![Copy { name: region.machine.name.clone(), devices }];
    let strict =
        History { seats: world.seats(), operations: world.operations().clone(), revoked: world.revoked(), copies };
    let mut history = strict.clone();
    let mut last = 0;
    for one in &mut history.operations {
        let write = matches!(one.act, Act::Activate | Act::Release) && one.outcome == Outcome::Done;
        if write && (gone.saturating_sub(LAST_MOMENT)..=gone + LAST_MOMENT).contains(&one.ended) {
            one.outcome = Outcome::Failed("perhaps lost with its region".to_owned());
            last += 1;
        }
    }
    let findings = check(&history);
    for (kind, text) in findings.all() {
        report.finding(format!("a region lost: {kind}: {text}"));
    }
    let missing = check(&strict).lost.len().saturating_sub(findings.lost.len());
    let what = "a region lost: writes of its last second that were lost with it";
    report.line(what, format!("{missing} of {last}"), "", true);
    for (what, found) in [
        ("acknowledged writes lost that are older", &findings.lost),
        ("licenses oversold", &findings.oversold),
        ("wrong denials", &findings.wrong_denials),
        ("failed launches", &findings.failed_launches),
    ] {
        report.line(&format!("a region lost: {what}"), found.len().to_string(), "0", found.is_empty());
    }
    let audit = cluster.holdfast_at(&region.machine, &["audit", "verify"], "");
    let whole = if audit.is_ok() { "whole" } else { "broken" };
    report.line("a region lost: the audit log's hash chain", whole, "whole", audit.is_ok());
    Ok(())
}
