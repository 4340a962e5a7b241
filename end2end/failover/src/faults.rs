//! Each fault: how it is made, how it is healed, and what is promised about it.

use crate::cluster::Service;
use crate::customers::{Said, lock};
use crate::harder;
use crate::history::Act;
use crate::machines::wait;
use crate::measure::{Stretch, answered_percent};
use crate::options::{Failure, Options, Profile};
use crate::region;
use crate::rehearsal::Stage;
use crate::report::seconds;
use rustix::process::Signal;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// What customers do with a server.
pub const LIBRARY: [Act; 3] = [Act::Activate, Act::Renew, Act::Release];
/// And what the vendor does.
pub const EVERYBODY: [Act; 4] = [Act::Activate, Act::Renew, Act::Release, Act::Read];

/// Longest time for a fault to take effect.
pub const EFFECT: Duration = Duration::from_mins(1);

/// Where Debian puts the library that makes a program believe in another time.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// Makes a fault, heals it, and reports.
type Play = fn(&mut Stage) -> Result<(), Failure>;

/// A fault.
pub struct Fault {
    pub name: &'static str,
    pub play: Play,
    /// Whether the short rehearsal has it: what takes minutes is for the others.
    short: bool,
}

/// Every fault that this profile plays, in order.
pub fn all(options: &Options) -> Vec<Fault> {
    let fault = |name, play| Fault { name, play, short: true };
    let mut faults = vec![
        fault("revocation", revocation),
        fault("node killed", node_killed),
        fault("node frozen", node_frozen),
        fault("etcd member lost", etcd_lost),
        fault("load balancer restarted", balancer_restarted),
        fault("planned switch-over", switched_over),
        fault("primary killed", primary_killed),
        fault("primary partitioned", primary_partitioned),
        fault("machine cut off", harder::machine_alone),
        Fault { short: false, ..fault("several at once", harder::several_at_once) },
        fault("rolling upgrade", rolling_upgrade),
        fault("database gone", database_gone),
        fault("watched in a browser", crate::screen::watched),
        fault("clock an hour off", clock_off),
        Fault { short: false, ..fault("disk full", harder::disk_full) },
        Fault { short: false, ..fault("backup restored", backup_restored) },
        Fault { short: false, ..fault("second region", region::set_up) },
        Fault { short: false, ..fault("second region cut off", region::cut_off) },
    ];
    if options.profile == Profile::Short {
        faults.retain(|fault| fault.short);
    }
    if options.previous.is_some() {
        // Everything begins with the previous release then.
        faults.sort_by_key(|fault| fault.name != "rolling upgrade");
    }
    faults
}

pub fn is_database(line: &str) -> bool {
    line.contains("patroni") || line.contains("postgres")
}

fn revocation(stage: &mut Stage) -> Result<(), Failure> {
    stage.revoke("nothing broken")
}

fn node_killed(stage: &mut Stage) -> Result<(), Failure> {
    let stretch = stage.stretch("node killed", |stage| {
        stage.cluster.process(0, Service::Node)?.kill()?;
        stage.traffic_since(stage.world.now(), 40, 8)?;
        // `heal` starts it again, as its supervisor does.
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations of the client library, node killed", stretch, &LIBRARY);
    Ok(())
}

fn node_frozen(stage: &mut Stage) -> Result<(), Failure> {
    let stretch = stage.stretch("node frozen", |stage| {
        let begun = stage.world.now();
        stage.cluster.process(1, Service::Node)?.signal(Signal::STOP)?;
        let waited = stage.traffic_since(begun, 60, 8);
        stage.cluster.process(1, Service::Node)?.signal(Signal::CONT)?;
        stage.frozen.push((begun, stage.world.now()));
        waited?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations of the client library, node frozen", stretch, &LIBRARY);
    Ok(())
}

fn etcd_lost(stage: &mut Stage) -> Result<(), Failure> {
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let stretch = stage.stretch("etcd member lost", |stage| {
        // The one beside the primary.
        stage.cluster.process(primary, Service::Etcd)?.kill()?;
        stage.traffic_since(stage.world.now(), 60, 10)?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations, etcd member lost", stretch, &EVERYBODY);
    Ok(())
}

fn balancer_restarted(stage: &mut Stage) -> Result<(), Failure> {
    let stretch = stage.stretch("load balancer reloaded", |stage| {
        stage.cluster.process(0, Service::Edge)?.signal(Signal::USR2)?;
        stage.cluster.process(0, Service::Database)?.signal(Signal::USR2)?;
        stage.traffic_since(stage.world.now(), 40, 6)?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations, load balancers reloaded", stretch, &EVERYBODY);

    let stretch = stage.stretch("load balancer killed", |stage| {
        stage.cluster.machines[1].signal(Signal::KILL, |line| line.contains("haproxy"))?;
        stage.traffic_since(stage.world.now(), 20, 4)?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations of the client library, load balancers killed", stretch, &LIBRARY);
    Ok(())
}

fn switched_over(stage: &mut Stage) -> Result<(), Failure> {
    let from = stage.cluster.primary()?.ok_or("there is no primary")?;
    let to = (from + 1) % stage.cluster.machines.len();
    let stretch = stage.stretch("planned switch-over", |stage| {
        let names = [from, to].map(|machine| stage.cluster.machines[machine].name.clone());
        let arguments = ["switchover", "--leader", &names[0], "--candidate", &names[1], "--force"];
        stage.cluster.patronictl(from, &arguments)?;
        wait("the new primary", EFFECT, || Ok((stage.cluster.primary()? == Some(to)).then_some(())))?;
        Ok(Vec::new())
    })?;
    writes_back(stage, "writes back after a planned switch-over", stretch, None);
    stage.none_failed("failed operations of the client library, planned switch-over", stretch, &LIBRARY);
    stage.none_failed("failed reads of the vendor's program, planned switch-over", stretch, &[Act::Read]);
    Ok(())
}

/// When the first claim was acknowledged again, as a note or against what is promised.
pub fn writes_back(stage: &mut Stage, what: &str, stretch: Stretch, promised: Option<Duration>) {
    let tally = stretch.tally(&stage.world.operations(), |operation| operation.act == Act::Activate);
    let measured = seconds(tally.silence_ended_ms);
    match promised {
        Some(promised) => {
            let target = format!("≤ {} s", promised.as_secs());
            let holds = u128::from(tally.silence_ended_ms) <= promised.as_millis();
            stage.report.time(what, measured, &target, holds);
        }
        None => stage.report.line(what, measured, "", true),
    }
}

fn new_primary(stage: &Stage, old: usize) -> Result<usize, Failure> {
    wait("another primary", EFFECT, || Ok(stage.cluster.primary()?.filter(|now| *now != old)))
}

fn primary_killed(stage: &mut Stage) -> Result<(), Failure> {
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let stretch = stage.stretch("primary killed", |stage| {
        // Patroni with it: otherwise it would give the place up in an orderly way.
        stage.cluster.machines[primary].signal(Signal::KILL, is_database)?;
        new_primary(stage, primary)?;
        Ok(Vec::new())
    })?;
    let promised = stage.options.profile.writes_back();
    writes_back(stage, "writes back after the primary was killed (kill -9)", stretch, Some(promised));
    renewals(stage, "renewals answered around the kill", stretch, None);
    stage.revoke("after a failover")
}

fn primary_partitioned(stage: &mut Stage) -> Result<(), Failure> {
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let stretch = stage.stretch("primary partitioned", |stage| {
        stage.cluster.machines[primary].set_link(false)?;
        let found = new_primary(stage, primary);
        let served = found.and_then(|_| stage.traffic_since(stage.world.now(), 8, 4));
        stage.cluster.machines[primary].set_link(true)?;
        served?;
        Ok(Vec::new())
    })?;
    let promised = stage.options.profile.writes_back();
    writes_back(stage, "writes back after the primary was cut off", stretch, Some(promised));
    renewals(stage, "renewals answered around the cut, a machine's edge gone, too", stretch, None);
    Ok(())
}

pub fn renewals(stage: &mut Stage, what: &str, stretch: Stretch, promised: Option<f64>) {
    let (failed, asked) = stage.failed(stretch, &[Act::Renew]);
    let percent = answered_percent(asked, failed);
    let measured = format!("{percent:.1} % of {asked}");
    let target = promised.map_or_else(String::new, |promised| format!("≥ {promised} %"));
    stage.report.line(what, measured, &target, promised.is_none_or(|promised| percent >= promised));
}

fn clock_off(stage: &mut Stage) -> Result<(), Failure> {
    let library = FAKETIME
        .iter()
        .find(|path| Path::new(path).exists())
        .ok_or("libfaketime is missing: run scripts/setup.sh test")?;
    let variables = [
        ("LD_PRELOAD", (*library).to_owned()),
        ("FAKETIME", "+1h".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        // Without it, every process would share memory with all the others.
        ("FAKETIME_DISABLE_SHM", "1".to_owned()),
    ];
    let mut ahead = 0;
    let stretch = stage.stretch("clock of a node an hour off", |stage| {
        stage.cluster.process(2, Service::Node)?.stop(EFFECT)?;
        stage.cluster.start_with(2, Service::Node, &variables)?;
        wait("the node that notices its clock", EFFECT, || Ok((stage.cluster.node_mode(2)? == "clock").then_some(())))?;
        stage.traffic_since(stage.world.now(), 30, 4)?;
        for customer in &stage.load.crowd.steady {
            ahead += usize::from(lock(customer).signed_ahead() > 60);
        }
        stage.cluster.process(2, Service::Node)?.stop(EFFECT)?;
        stage.cluster.start(2, Service::Node)?;
        Ok(Vec::new())
    })?;
    stage.none_failed("failed operations, a node's clock an hour off", stretch, &EVERYBODY);
    stage.report.line("leases signed by the clock that is off", ahead.to_string(), "0", ahead == 0);
    Ok(())
}

fn rolling_upgrade(stage: &mut Stage) -> Result<(), Failure> {
    let new = stage.options.binary.clone();
    let stretch = stage.stretch("rolling upgrade", |stage| {
        stage.cluster.set_binary(&new);
        // While the old nodes work.
        stage.cluster.holdfast(0, &["migrate"], "")?;
        replace_nodes(stage)?;
        Ok(Vec::new())
    })?;
    let from = if stage.options.previous.is_some() { "the previous release" } else { "the same release" };
    stage.none_failed(&format!("failed requests, rolling upgrade from {from}"), stretch, &EVERYBODY);
    Ok(())
}

/// Replaces the nodes one after another.
fn replace_nodes(stage: &mut Stage) -> Result<(), Failure> {
    for machine in 0..stage.cluster.machines.len() {
        stage.cluster.process(machine, Service::Node)?.stop(EFFECT)?;
        stage.cluster.start(machine, Service::Node)?;
        stage.cluster.wait_for_nodes(EFFECT)?;
    }
    Ok(())
}

fn database_gone(stage: &mut Stage) -> Result<(), Failure> {
    let length = stage.options.profile.outage();
    let mut gone = Stretch { begun: 0, ended: 0 };
    stage.stretch("whole database gone", |stage| {
        warm_up(stage)?;
        gone.begun = stage.world.now();
        for machine in &stage.cluster.machines {
            machine.signal(Signal::KILL, is_database)?;
        }
        let begun = Instant::now();
        let notes = during_the_outage(stage, begun + length)?;
        thread::sleep((begun + length).saturating_duration_since(Instant::now()));
        gone.ended = stage.world.now();
        Ok(notes)
    })?;
    let what = format!("renewals answered while the database is gone ({} s)", length.as_secs());
    renewals(stage, &what, gone, Some(99.9));
    Ok(())
}

/// Lets every node see every steady customer.
pub fn warm_up(stage: &Stage) -> Result<(), Failure> {
    for node in stage.cluster.node_addresses() {
        for customer in &stage.load.crowd.steady {
            if lock(customer).renew_at(&stage.world, &node)? != Said::Renewed {
                return Err("a steady customer could not renew at every node".into());
            }
        }
    }
    Ok(())
}

/// What is specified beyond the cache: a node that starts without the database, and seats that no node has seen.
fn during_the_outage(stage: &mut Stage, until: Instant) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    stage.traffic_since(stage.world.now(), 20, 0)?;
    stage.cluster.process(2, Service::Node)?.kill()?;
    stage.cluster.start(2, Service::Node)?;
    let limit = until.saturating_duration_since(Instant::now()).min(Duration::from_secs(20));
    let mode = wait("the node", limit, || {
        let mode = stage.cluster.node_mode(2)?;
        Ok((mode == "continuity").then_some(()))
    });
    let serves = mode.is_ok();
    stage.report.line("a node that is started while the database is gone serves", yes(serves), "yes", serves);
    if let Err(error) = mode {
        notes.push(error.to_string());
    }
    let node = stage.cluster.node_addresses().swap_remove(2);
    let mut renewed = 0;
    for customer in &stage.load.crowd.steady {
        renewed += usize::from(lock(customer).renew_at(&stage.world, &node)? == Said::Renewed);
    }
    let all = stage.load.crowd.steady.len();
    stage.report.line(
        "seats it has never seen that it renews",
        format!("{renewed} of {all}"),
        &format!("{all} of {all}"),
        renewed == all,
    );
    Ok(notes)
}

/// Takes a backup while everybody works, and proves it by a restore that is timed.
fn backup_restored(stage: &mut Stage) -> Result<(), Failure> {
    let mut printed = String::new();
    let stretch = stage.stretch("backup taken and restored", |stage| {
        let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
        // Beside a replica, as the units do it.
        let machine = (primary + 1) % stage.cluster.machines.len();
        stage.cluster.patronictl(machine, &["edit-config", "--force", "-s", "slots.backup.type=physical"])?;
        let receiver = stage.cluster.receive_wal(machine)?;
        stage.traffic_since(stage.world.now(), 4, 4)?;
        let backup = stage.cluster.backup(machine)?;
        stage.traffic_since(stage.world.now(), 4, 4)?;
        printed = stage.cluster.prove(machine, &backup)?;
        drop(receiver);
        stage.cluster.patronictl(machine, &["edit-config", "--force", "-s", "slots.backup=null"])?;
        Ok(printed.lines().map(str::to_owned).collect())
    })?;
    let took = printed.lines().find_map(|line| line.strip_prefix("took ")?.split(':').next());
    let took = took.ok_or_else(|| format!("restore.sh does not say how long it took: {printed}"))?.to_owned();
    if !printed.contains("; recorded") {
        return Err(format!("the proof is not recorded in the cluster's database: {printed}").into());
    }
    stage.report.line("a backup restored to a scratch folder, recovered and checked", took, "", true);
    stage.none_failed("failed operations while a backup is taken and restored", stretch, &EVERYBODY);
    Ok(())
}

pub const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
