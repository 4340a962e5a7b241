//! Faults that take several things away at once, or that only show after minutes.

use crate::cluster::Service;
use crate::customers::{Said, lock};
use crate::faults::{EFFECT, LIBRARY, is_database, renewals, warm_up, writes_back};
use crate::machines::{run, wait};
use crate::measure::Stretch;
use crate::options::Failure;
use crate::rehearsal::Stage;
use rustix::process::Signal;
use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

/// Longest time until a disk that is full has raised its alert: it is believed after five minutes.
const ALERTED: Duration = Duration::from_mins(7);

/// The machine with the primary is cut off from the others, and its customers still reach it: a region whose lines are
/// cut. What it goes on granting must not oversell, and is accounted for when it is back.
pub fn machine_alone(stage: &mut Stage) -> Result<(), Failure> {
    const RECONCILED: &str = "SELECT count(*) FROM events WHERE action = 'continuity.reconciled'";
    let alone = stage.cluster.primary()?.ok_or("there is no primary")?;
    let beside = (alone + 1) % stage.cluster.machines.len();
    let (mut renewed, mut before, mut cut) = (0, Vec::new(), 0);
    let stretch = stage.stretch("machine cut off from the others", |stage| {
        warm_up(stage)?;
        before = stage.cluster.sql(alone, RECONCILED)?;
        cut = stage.world.now();
        stage.cluster.isolate(alone, true)?;
        let served = serve_alone(stage, alone, beside, &mut renewed);
        stage.cluster.isolate(alone, false)?;
        served?;
        Ok(Vec::new())
    })?;
    let all = stage.load.crowd.steady.len();
    let measured = format!("{renewed} of {all}");
    stage.report.line("seats that the machine on its own renews", measured, &format!("{all} of {all}"), renewed == all);
    let promised = stage.options.profile.writes_back();
    let since = Stretch { begun: cut, ..stretch };
    writes_back(stage, "writes back beside a machine that is cut off", since, Some(promised));
    renewals(stage, "renewals answered while a machine is cut off", stretch, Some(99.9));
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let accounted = wait("the account of the machine on its own", EFFECT, || {
        Ok((stage.cluster.sql(primary, RECONCILED)? != before).then_some(()))
    });
    let words = if accounted.is_ok() { "yes" } else { "no" };
    stage.report.line("what it granted is accounted for afterwards", words, "yes", accounted.is_ok());
    Ok(())
}

fn serve_alone(stage: &mut Stage, alone: usize, beside: usize, renewed: &mut usize) -> Result<(), Failure> {
    wait("another primary", EFFECT, || {
        Ok(stage.cluster.primary_seen_by(beside)?.filter(|now| *now != alone).map(|_| ()))
    })?;
    wait("the node that finds itself alone", EFFECT, || {
        Ok((stage.cluster.node_mode(alone)? == "continuity").then_some(()))
    })?;
    let node = stage.cluster.node_addresses().swap_remove(alone);
    for customer in &stage.load.crowd.steady {
        *renewed += usize::from(lock(customer).renew_at(&stage.world, &node)? == Said::Renewed);
    }
    stage.traffic_since(stage.world.now(), 20, 6)
}

/// A node, the primary and an etcd member die in the same moment, each on another machine.
pub fn several_at_once(stage: &mut Stage) -> Result<(), Failure> {
    let primary = stage.cluster.primary()?.ok_or("there is no primary")?;
    let machines = stage.cluster.machines.len();
    let stretch = stage.stretch("node, primary and etcd member killed at once", |stage| {
        stage.cluster.machines[primary].signal(Signal::KILL, is_database)?;
        stage.cluster.process((primary + 1) % machines, Service::Node)?.kill()?;
        stage.cluster.process((primary + 2) % machines, Service::Etcd)?.kill()?;
        stage.traffic_since(stage.world.now(), 40, 4)?;
        Ok(Vec::new())
    })?;
    let promised = stage.options.profile.writes_back();
    writes_back(stage, "writes back after a node, the primary and an etcd member were killed", stretch, Some(promised));
    renewals(stage, "renewals answered around that", stretch, Some(99.9));
    Ok(())
}

/// The disk of a node's own folder is full. Renewals need none; the node says so, and leaves the work to the others.
pub fn disk_full(stage: &mut Stage) -> Result<(), Failure> {
    const NODE: usize = 1;
    let folder = stage.cluster.machines[NODE].folder.join("state/node");
    let (mut alerted, mut drained) = (false, false);
    let stretch = stage.stretch("disk of a node full", |stage| {
        stage.cluster.process(NODE, Service::Node)?.stop(EFFECT)?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs"]).arg(&folder))?;
        stage.cluster.start(NODE, Service::Node)?;
        stage.cluster.wait_for_nodes(EFFECT)?;
        fill(&folder)?;
        stage.traffic_since(stage.world.now(), 60, 8)?;
        let said = wait("the alert", ALERTED, || {
            Ok(stage.cluster.log_of(NODE, Service::Node)?.contains("\"disk_full\"").then_some(()))
        });
        alerted = said.is_ok();
        let left = wait("the node that leaves the work to others", EFFECT, || {
            Ok((stage.cluster.node_mode(NODE)? == "draining").then_some(()))
        });
        drained = left.is_ok();
        stage.traffic_since(stage.world.now(), 20, 4)?;
        stage.cluster.process(NODE, Service::Node)?.stop(EFFECT)?;
        run(Command::new("umount").arg("--lazy").arg(&folder))?;
        stage.cluster.start(NODE, Service::Node)?;
        Ok([said.err(), left.err()].into_iter().flatten().map(|error| error.to_string()).collect())
    })?;
    stage.none_failed("failed operations of the client library, a node's disk full", stretch, &LIBRARY);
    for (what, is) in [("the full disk is told", alerted), ("the node with the full disk drains itself", drained)] {
        stage.report.line(what, if is { "yes" } else { "no" }, "yes", is);
    }
    Ok(())
}

/// Writes until there is no room left.
fn fill(folder: &std::path::Path) -> Result<(), Failure> {
    let mut file = fs::File::create(folder.join("filler"))?;
    let block = [b'x'; 4_096];
    // The end is the error that says so.
    while file.write_all(&block).is_ok() {}
    Ok(())
}
