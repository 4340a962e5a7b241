//! The play: a cluster is built, everything is broken in turn, and in the end the history is judged.

use crate::checker::{check, with_hidden_tries};
use crate::cluster::{Cluster, Service};
use crate::customers::{Customer, World, denied_after};
use crate::faults;
use crate::ground::postgres_programs;
use crate::history::{Act, Copy, History, Micros, Outcome};
use crate::load::Load;
use crate::machines::{run as run_command, wait};
use crate::measure::{Stretch, is_failure};
use crate::options::{Failure, Options, Profile};
use crate::region::{self, Region};
use crate::report::{Report, Stretched, seconds};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Longest time until everything is as it was after a fault.
const HEALED: Duration = Duration::from_secs(90);
/// Within how long a revocation is effective on every healthy node.
const REVOKED_WITHIN: Duration = Duration::from_secs(2);

/// Where the published report is.
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/failover.md");
/// Where that of a short rehearsal and the logs go.
const LOCAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/failover");

/// Everything on the stage.
pub struct Stage<'a> {
    pub cluster: Cluster,
    pub world: Arc<World>,
    pub load: Load,
    pub report: Report,
    pub options: &'a Options,
    /// When a node was frozen.
    pub frozen: Vec<(Micros, Micros)>,
    /// The second region, once there is one.
    pub region: Option<Region>,
}

/// Plays the rehearsal in `folder`, inside of the namespaces. Returns whether everything was as promised.
pub fn run(folder: &Path, options: &Options) -> Result<bool, Failure> {
    // In memory, and gone with the namespace.
    run_command(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755,size=4g", "tmpfs"]).arg(folder))?;
    let report = Report::begin(options.profile.name(), options.profile != Profile::Short);
    let mut cluster = Cluster::prepare(folder, options)?;
    let built = build(&mut cluster);
    let world = match built {
        Ok(world) => Arc::new(world),
        Err(error) => {
            cluster.keep_logs(&logs())?;
            return Err(format!("{error}; the logs are in {}", logs().display()).into());
        }
    };
    let load = Load::begin(&world)?;
    let mut stage = Stage { cluster, world, load, report, options, frozen: Vec::new(), region: None };
    let played = play(&mut stage);
    let failed = played.is_err() || stage.report.failed() > 0;
    if failed || options.keep {
        stage.cluster.keep_logs(&logs())?;
        println!("  The logs are in {}", logs().display());
    }
    let Stage { mut cluster, world, load, mut report, frozen, region, .. } = stage;
    // Even a rehearsal that could not be played to its end has a history.
    load.end()?;
    let judged = judge(&cluster, &world, &mut report, &frozen);
    // What comes after a region is lost is another history, which that region knows nothing of.
    let region = region.filter(|_| played.is_ok());
    let judged =
        judged.and_then(|()| region.map_or(Ok(()), |region| region::lose(&mut cluster, region, &world, &mut report)));
    if judged.is_err() {
        cluster.keep_logs(&logs())?;
    }
    report.versions = versions(&cluster)?;
    if played.is_ok() && judged.is_ok() {
        let operations = world.operations().len();
        let whole = options.only.is_none() && options.profile != Profile::Short;
        let path = if whole { PathBuf::from(PUBLISHED) } else { Path::new(LOCAL).join("report.md") };
        report.write(&path, operations)?;
        return Ok(report.end(operations));
    }
    played?;
    judged?;
    Ok(false)
}

fn logs() -> PathBuf {
    Path::new(LOCAL).join("logs")
}

fn build(cluster: &mut Cluster) -> Result<World, Failure> {
    let begun = Instant::now();
    cluster.start_database()?;
    let access = cluster.bootstrap()?;
    for machine in 0..cluster.machines.len() {
        cluster.start(machine, Service::Node)?;
    }
    cluster.wait_for_nodes(HEALED)?;
    wait("the edges", HEALED, || {
        for endpoint in cluster.endpoints() {
            let answer = cluster.agent().get(format!("{endpoint}/readyz")).call()?;
            if answer.status() != 200 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })?;
    let took = u64::try_from(begun.elapsed().as_millis())?;
    println!("      three machines are up after {}", seconds(took));
    World::new(
        cluster.endpoints(),
        cluster.authority(),
        cluster.agent().clone(),
        access.token,
        access.root_public_key,
        "studio",
    )
}

fn play(stage: &mut Stage) -> Result<(), Failure> {
    let mut looked = false;
    for fault in faults::all(stage.options) {
        // A cluster as it was set up is well, by the eyes of what an operator looks with: the doctor of this release.
        if !looked && stage.cluster.binary == stage.options.binary {
            looked = true;
            let found = stage.cluster.doctor(0);
            let said = found.map_err(|said| format!("the doctor finds fault with the cluster:\n{said}"))?;
            let last = said.lines().last().unwrap_or_default();
            stage.report.line("what `doctor` says of the cluster", last, "0 failed", true);
        }
        if stage.options.only.as_ref().is_none_or(|only| fault.name.contains(only.as_str())) {
            let begun = Instant::now();
            (fault.play)(stage).map_err(|error| format!("{}: {error}", fault.name))?;
            println!("      {}: {} s in all", fault.name, begun.elapsed().as_secs());
        }
    }
    Ok(())
}

impl Stage<'_> {
    /// Waits until nothing is broken any more.
    pub fn heal(&mut self) -> Result<(), Failure> {
        self.cluster.wait_until_redundant(HEALED)?;
        self.cluster.wait_for_nodes(HEALED)
    }

    /// Waits until the load got so many successful answers, all asked for since then: the work of a few seconds.
    pub fn traffic_since(&self, since: Micros, renewals: usize, claims: usize) -> Result<(), Failure> {
        wait("answers to the load", HEALED, || {
            let operations = self.world.operations();
            let count = |act: Act| {
                let good = operations.iter().rev().take_while(|operation| operation.ended >= since);
                good.filter(|operation| operation.act == act && operation.begun >= since && !is_failure(operation))
                    .count()
            };
            Ok((count(Act::Renew) >= renewals && count(Act::Activate) >= claims).then_some(()))
        })
    }

    /// Breaks something, heals it, waits until the load runs as before, and reports what it did to everybody.
    pub fn stretch(
        &mut self,
        name: &str,
        fault: impl FnOnce(&mut Self) -> Result<Vec<String>, Failure>,
    ) -> Result<Stretch, Failure> {
        self.heal()?;
        let begun = self.world.now();
        self.traffic_since(begun, 4, 2)?;
        let begun = self.world.now();
        let notes = fault(self)?;
        self.heal()?;
        self.traffic_since(self.world.now(), 8, 3)?;
        let stretch = Stretch { begun, ended: self.world.now() };
        let tallies = stretch.tallies(&self.world.operations());
        let reasons = self.reasons(stretch);
        self.report.stretch(Stretched {
            name: name.to_owned(),
            tallies,
            notes: notes.into_iter().chain(reasons).collect(),
        });
        Ok(stretch)
    }

    /// Why operations failed, each reason with its number.
    fn reasons(&self, stretch: Stretch) -> Vec<String> {
        let mut reasons = std::collections::BTreeMap::<String, usize>::new();
        for operation in stretch.of(&self.world.operations(), is_failure) {
            if let Outcome::Failed(why) = &operation.outcome {
                *reasons.entry(format!("{}: {why}", operation.act.name())).or_default() += 1;
            }
        }
        reasons.into_iter().map(|(why, count)| format!("{count} failed {why}")).collect()
    }

    /// How many of these acts failed in a stretch, and of how many.
    pub fn failed(&self, stretch: Stretch, acts: &[Act]) -> (usize, usize) {
        let tally = stretch.tally(&self.world.operations(), |operation| acts.contains(&operation.act));
        (tally.failed, tally.asked)
    }

    /// A line of the table on how many operations failed.
    pub fn none_failed(&mut self, what: &str, stretch: Stretch, acts: &[Act]) {
        let (failed, asked) = self.failed(stretch, acts);
        self.report.line(what, format!("{failed} of {asked}"), "0", failed == 0);
    }

    /// Revokes a license and measures until the node of each machine denies it.
    pub fn revoke(&mut self, when: &str) -> Result<(), Failure> {
        let mut nodes = self.cluster.node_addresses();
        nodes.extend(self.region.as_ref().map(|region| region.machine.entrance()));
        let world = &self.world;
        let license = world.issue(nodes.len())?;
        let customers: Vec<Customer> = nodes.iter().map(|_| Customer::new(world, license)).collect::<Result<_, _>>()?;
        for customer in &customers {
            if customer.activate(world) != Outcome::Done {
                return Err("a customer to be revoked could not activate".into());
            }
        }
        // Everybody has renewed once, at their node, before the license goes.
        let (ready, gone) = (Barrier::new(nodes.len() + 1), Barrier::new(nodes.len() + 1));
        let mut slowest = Duration::ZERO;
        std::thread::scope(|scope| {
            let watching: Vec<_> = nodes
                .iter()
                .zip(&customers)
                .map(|(node, customer)| {
                    let (ready, gone) = (&ready, &gone);
                    scope.spawn(move || {
                        let since = || {
                            ready.wait();
                            gone.wait();
                            Instant::now()
                        };
                        denied_after(world, node, customer, since, Duration::from_secs(10))
                    })
                })
                .collect();
            ready.wait();
            let revoked = world.revoke(license);
            gone.wait();
            revoked?;
            for one in watching {
                slowest = slowest.max(one.join().map_err(|_| "a thread of the rehearsal died")??);
            }
            Ok::<(), Failure>(())
        })?;
        let measured = seconds(u64::try_from(slowest.as_millis())?);
        let what = format!("revocation effective on every healthy node, {when}");
        self.report.time(&what, measured, "≤ 2 s", slowest <= REVOKED_WITHIN);
        Ok(())
    }
}

/// Looks at what every copy of the database holds, and lets the checker decide.
fn judge(cluster: &Cluster, world: &World, report: &mut Report, frozen: &[(Micros, Micros)]) -> Result<(), Failure> {
    let copies = settled_copies(cluster, world)?;
    let strict =
        History { seats: world.seats(), operations: world.operations().clone(), revoked: world.revoked(), copies };
    strict.write(&Path::new(LOCAL).join("history.tsv"))?;
    let operations = with_hidden_tries(strict.operations.clone(), frozen);
    let history = History { operations, ..strict.clone() };
    let findings = check(&history);
    for (kind, text) in findings.all() {
        report.finding(format!("{kind}: {text}"));
    }
    let launches = history.operations.iter().filter(|operation| operation.act == Act::Launch).count();
    let mut line = |what: &str, found: &[String], of: usize| {
        report.line(what, format!("{} of {of}", found.len()), "0", found.is_empty());
    };
    let acknowledged =
        |act: Act| history.operations.iter().filter(|one| one.act == act && one.outcome == Outcome::Done).count();
    line("failed launches, whatever happened", &findings.failed_launches, launches);
    let writes = acknowledged(Act::Activate) + acknowledged(Act::Release);
    line("acknowledged writes lost, on the primary or a replica", &findings.lost, writes);
    line("licenses oversold, at any time", &findings.oversold, history.seats.len());
    line("wrong denials", &findings.wrong_denials, history.operations.len());

    // A node that thaws must not carry out what it had in its hand, although the customer was served elsewhere since: a
    // seat that was given up would be taken again, and somebody else refused for it.
    let known: Vec<(&str, &str)> = findings.all().collect();
    let with_late = check(&strict);
    let late: Vec<_> = with_late.all().filter(|found| !known.contains(found)).collect();
    for (kind, text) in &late {
        report.finding(format!("carried out late by a thawed node: {kind}: {text}"));
    }
    let what = "wrong denials and seats taken again, carried out late by a thawed node";
    report.line(what, late.len().to_string(), "0", late.is_empty());

    let primary = cluster.primary()?.ok_or("there is no primary")?;
    let miscounted = cluster.sql(
        primary,
        "SELECT count(*) FROM licenses l WHERE l.seats_used <> \
         (SELECT count(*) FROM seats s WHERE s.license = l.id AND s.state = 'active')",
    )?;
    report.line(
        "licenses whose count of seats is not that of their seats",
        miscounted.join(" "),
        "0",
        miscounted == ["0"],
    );
    let audit = cluster.holdfast(0, &["audit", "verify"], "");
    let whole = if audit.is_ok() { "whole" } else { "broken" };
    report.line("the audit log's hash chain", whole, "whole", audit.is_ok());
    if let Err(error) = audit {
        report.finding(format!("audit log: {error}"));
    }
    Ok(())
}

/// The seats on every machine, once nothing moves any more: a replica may be a moment behind.
fn settled_copies(cluster: &Cluster, world: &World) -> Result<Vec<Copy>, Failure> {
    let mut last = Vec::new();
    let settled = wait("the same seats on every machine", Duration::from_secs(20), || {
        let mut copies = Vec::new();
        for machine in &cluster.machines {
            let rows = cluster.sql(machine.number, "SELECT encode(device, 'hex') FROM seats WHERE state = 'active'")?;
            let devices = rows.iter().filter_map(|hash| world.device_of(hash.trim())).collect();
            copies.push(Copy { name: machine.name.clone(), devices });
        }
        let same = copies.windows(2).all(|pair| pair[0].devices == pair[1].devices);
        last.clone_from(&copies);
        Ok(same.then_some(copies))
    });
    match settled {
        // What differs in the end is what the checker is there for.
        Err(_) if last.len() == cluster.machines.len() => Ok(last),
        settled => settled,
    }
}

fn versions(cluster: &Cluster) -> Result<Vec<(String, String)>, Failure> {
    let first_line = |command: &mut Command| {
        let printed = run_command(command).unwrap_or_default();
        printed.lines().next().unwrap_or("unknown").trim().to_owned()
    };
    let patroni = cluster.patronictl(0, &["version"]).unwrap_or_default();
    let patroni = patroni.lines().find(|line| line.contains("version")).unwrap_or("unknown").trim().to_owned();
    Ok(vec![
        ("Holdfast".to_owned(), cluster.holdfast(0, &["--version"], "")?.trim().to_owned()),
        (
            "Sources".to_owned(),
            first_line(Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"])),
        ),
        ("PostgreSQL".to_owned(), first_line(Command::new(postgres_programs()?.join("postgres")).arg("--version"))),
        ("Patroni".to_owned(), patroni),
        ("etcd".to_owned(), first_line(Command::new("etcd").arg("--version"))),
        ("HAProxy".to_owned(), first_line(Command::new("haproxy").arg("-v"))),
        ("Linux".to_owned(), first_line(Command::new("uname").arg("-r"))),
    ])
}
