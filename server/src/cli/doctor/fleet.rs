//! The nodes, as the database knows them: which are silent, mixed or off, and what they have not done for too long.

use super::findings::{Findings, words};
use crate::lifecycle::snapshot;
use holdfast_domain::{Seconds, Timestamp};
use holdfast_fleet::{Micros, NodeMode, NodeReport};
use holdfast_service::{Service, admin::proof::ProofRow, runtime::JobDone};
use holdfast_store::{
    Dialect,
    nodes::{NodeRow, NodeState},
};
use std::{collections::BTreeSet, path::Path};

/// How long a node may be silent.
const SILENT: Seconds = Seconds(30);
/// How far clocks may differ before it is worth a word, and before a node signs nothing, in microseconds.
const APART: (i64, i64) = (5_000_000, 30_000_000);
/// The age at which a snapshot was not brought up to date as it should be every hour.
const STALE: Seconds = Seconds::minutes(75);
/// The ages at which a proof of restore is no good any more, and when it should be done again (alert `restore_unproved`).
const PROOF: (Seconds, Seconds) = (Seconds::days(28), Seconds::days(35));

/// Looks at all of it. Returns how many nodes run.
pub(super) async fn look(service: &Service, data_dir: &Path, findings: &mut Findings) -> i64 {
    let now = service.now();
    let postgres = service.store().db().dialect() == Dialect::Postgres;
    match service.store().db().now().await {
        Ok(Some(theirs)) => own_clock(now.micros().saturating_sub(theirs.micros()), findings),
        Ok(None) => {}
        Err(error) => findings.failed("clock", error.to_string(), "Run it again once the database answers."),
    }
    let rows = match service.fleet().await {
        Ok(rows) => rows,
        Err(error) => {
            findings.failed("nodes", error.to_string(), "Run it again once the database answers.");
            return 0;
        }
    };
    let running = nodes(&rows, now, postgres, findings);
    if running > 0 {
        match service.jobs().await {
            Ok(done) => jobs(&done, now, findings),
            Err(error) => findings.failed("jobs", error.to_string(), "Run it again once the database answers."),
        }
    }
    match service.last_proof().await {
        Ok(Some((proof, installed_at))) => proved(proof.as_ref(), installed_at, now, findings),
        Ok(None) => {}
        Err(error) => findings.failed("restore", error.to_string(), "Run it again once the database answers."),
    }
    // What an embedded database needs is on the same disk as it is.
    if postgres && !service.is_sealed() {
        kept(service, data_dir, now, findings);
    }
    running
}

fn own_clock(ahead: i64, findings: &mut Findings) {
    let detail = format!("this machine's clock and the database's differ by {:.1} s", Micros(ahead.abs()).as_seconds());
    let cure = "Look at the time service of both machines: `timedatectl timesync-status`, or `chronyc tracking`.";
    match ahead.abs() {
        off if off > APART.1 => findings.failed("clock", format!("{detail}: a node here signs nothing"), cure),
        off if off > APART.0 => findings.warning("clock", format!("{detail}; from 30 s on a node signs nothing"), cure),
        _ => findings.ok("clock", detail),
    }
}

fn nodes(rows: &[NodeRow], now: Timestamp, postgres: bool, findings: &mut Findings) -> i64 {
    let what = "nodes";
    let running: Vec<&NodeRow> = rows.iter().filter(|row| row.state == NodeState::Running).collect();
    let (silent, heard): (Vec<&NodeRow>, Vec<&NodeRow>) =
        running.into_iter().partition(|row| now.since(row.seen_at) > SILENT);
    let before = findings.0.len();
    for row in &silent {
        findings.warning(
            what,
            format!("{} in {} has not been heard of for {}", row.name, row.region, words(now.since(row.seen_at).0)),
            format!(
                "Start it: `systemctl status holdfast` there. If it will not come back: POST /v1/nodes/{}/declare-gone, so \
                 that floating seats no longer wait for it.",
                row.id
            ),
        );
    }
    let versions: BTreeSet<&str> = heard.iter().map(|row| row.version.as_str()).collect();
    if versions.len() > 1 {
        let versions: Vec<&str> = versions.into_iter().collect();
        findings.warning(
            what,
            format!("versions are mixed: {}", versions.join(" and ")),
            "Finish the upgrade: install the new binary on the other machines and restart them, one after another.",
        );
    }
    for row in &heard {
        let report: NodeReport = serde_json::from_str(&row.report).unwrap_or_default();
        of_node(&row.name, &report, findings);
    }
    if heard.is_empty() && silent.is_empty() && postgres && !rows.is_empty() {
        findings.warning(what, "every node has been stopped", "`systemctl start holdfast` on each machine.");
    } else if findings.0.len() == before && !heard.is_empty() {
        let names: Vec<&str> = heard.iter().map(|row| row.name.as_str()).collect();
        findings.ok(what, format!("{} run version {}", names.join(", "), heard[0].version));
    }
    i64::try_from(heard.len()).unwrap_or(i64::MAX)
}

/// Judges what a node says of itself.
fn of_node(name: &str, report: &NodeReport, findings: &mut Findings) {
    let what = "nodes";
    match report.mode {
        NodeMode::Normal | NodeMode::Unknown => {}
        NodeMode::Sealed => findings.failed(
            what,
            format!("{name} has no master key, or the wrong one: it signs nothing"),
            "Bring the master key of this installation there and restart it.",
        ),
        NodeMode::Clock => findings.failed(
            what,
            format!("the clock of {name} is off by more than 30 s: it signs nothing"),
            "Look at its time service: `timedatectl timesync-status`.",
        ),
        mode => findings.warning(
            what,
            format!("{name} is in the mode `{}`", mode.as_str()),
            "`draining` is undone with POST /v1/nodes/{id}/resume; `continuity` is a way to the database that is cut: look at \
             its HAProxy.",
        ),
    }
    let clock = report.clock.as_ref().and_then(|clock| clock.to_database);
    if let Some(off) = clock.filter(|off| off.0.abs() > APART.0 && report.mode != NodeMode::Clock) {
        findings.warning(
            what,
            format!("the clock of {name} differs from the database's by {:.1} s", off.as_seconds()),
            "Look at its time service: `timedatectl timesync-status`.",
        );
    }
    if let (Some(descriptors), Some(connections)) = (report.descriptors, report.connections)
        && descriptors.limit > 0
        && descriptors.limit < connections.limit.saturating_mul(2)
    {
        findings.warning(
            what,
            format!(
                "{name} may open {} files, and takes {} connections: it runs out before it is full",
                descriptors.limit, connections.limit
            ),
            "`LimitNOFILE=` in its unit above twice --max-connections, then restart it.",
        );
    }
}

fn jobs(done: &[JobDone], now: Timestamp, findings: &mut Findings) {
    let what = "jobs";
    let mut late = 0;
    for JobDone { job, at } in done {
        let silent = at.map(|at| now.since(at));
        if silent.is_some_and(|silent| silent.0 > 3 * job.every.0) {
            late += 1;
            let silent = words(silent.unwrap_or_default().0);
            findings.warning(
                what,
                format!("{} was last done {silent} ago, and should be every {}", job.name, words(job.every.0)),
                "Search the logs of all nodes for its name, or for `housekeeping`: it says why it fails.",
            );
        }
    }
    let names: Vec<&str> = done.iter().filter(|done| done.at.is_some()).map(|done| done.job.name).collect();
    if late == 0 && !names.is_empty() {
        findings.ok(what, format!("done on time: {}", names.join(", ")));
    }
}

/// A length of time that may be less than a second.
fn took(span: Micros) -> String {
    if span.0 < 60_000_000 { format!("{:.1} s", span.as_seconds()) } else { words(span.0 / 1_000_000) }
}

fn proved(proof: Option<&ProofRow>, installed_at: Timestamp, now: Timestamp, findings: &mut Findings) {
    let what = "restore";
    let cure = "`holdfast restore --prove FILE` with the newest backup; with PostgreSQL, the timer of deploy/backup does it \
                every night (`systemctl status holdfast-backup`).";
    let age = now.since(proof.map_or(installed_at, |proof| proof.proved_at));
    let detail = match proof {
        Some(proof) => format!(
            "a restore was last proved {} ago: {} licenses, {} seats, in {}",
            words(age.0),
            proof.licenses,
            proof.seats,
            took(Micros(proof.took))
        ),
        None => format!("no restore was ever proved in {}", words(age.0)),
    };
    match age {
        age if age >= PROOF.1 => findings.failed(what, detail, cure),
        age if age >= PROOF.0 || proof.is_none() && age >= Seconds::DAY => findings.warning(what, detail, cure),
        _ => findings.ok(what, detail),
    }
}

/// Whether a node here could start while the database is away.
fn kept(service: &Service, data_dir: &Path, now: Timestamp, findings: &mut Findings) {
    let what = "snapshot";
    let cure = "A node that runs here with the master key writes it within 15 s; if one does, its log says why it could not be \
                kept.";
    let sealed = match snapshot::read(data_dir) {
        Ok(Some(sealed)) => sealed,
        Ok(None) => {
            let detail = "there is none: no node could be started here while the database is away";
            return findings.warning(what, detail, cure);
        }
        Err(error) => return findings.failed(what, format!("it cannot be read: {error}"), cure),
    };
    match service.load_snapshot(&sealed) {
        Ok(known_at) if now.since(known_at) > STALE => {
            let detail =
                format!("it is {} old, and should be brought up to date every hour", words(now.since(known_at).0));
            findings.warning(what, detail, cure);
        }
        Ok(known_at) => {
            findings.ok(what, format!("a node could start from it; it is {} old", words(now.since(known_at).0)));
        }
        Err(_) => findings.failed(what, "it is damaged, or was sealed under another master key", cure),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::findings::Grade, *};
    use holdfast_domain::NodeId;
    use holdfast_service::runtime::Job;
    use holdfast_store::nodes::Wanted;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn row(name: &str, silent: i64, version: &str, report: &str) -> NodeRow {
        NodeRow {
            id: NodeId::from_bytes([7; 16]),
            name: name.to_owned(),
            region: "eu".to_owned(),
            version: version.to_owned(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            started_at: NOW,
            seen_at: NOW.plus(Seconds(-silent)),
            settled_at: NOW,
            lost_from: NOW,
            lost_until: NOW,
            report: report.to_owned(),
        }
    }

    fn found(judge: impl FnOnce(&mut Findings)) -> Vec<(Grade, String)> {
        let mut findings = Findings::default();
        judge(&mut findings);
        findings.0.into_iter().map(|finding| (finding.grade, finding.detail)).collect()
    }

    #[test]
    fn silent_mixed_and_unwell_nodes_are_named() {
        let of = |rows: &[NodeRow]| found(|findings| assert!(nodes(rows, NOW, true, findings) <= 2));
        let well = of(&[row("hf1", 1, "1.0", "{}"), row("hf2", 2, "1.0", "{}")]);
        assert_eq!(well, [(Grade::Ok, "hf1, hf2 run version 1.0".to_owned())]);
        let silent = of(&[row("hf1", 1, "1.0", "{}"), row("hf2", 90, "0.9", "{}")]);
        assert!(silent.len() == 1 && silent[0].1.contains("hf2 in eu has not been heard of for 1 min"), "{silent:?}");
        let mixed = of(&[row("hf1", 1, "1.0", "{}"), row("hf2", 2, "1.1", "{}")]);
        assert!(mixed[0].1.contains("1.0 and 1.1"), "{mixed:?}");
        for (report, grade, says) in [
            (r#"{"mode":"sealed"}"#, Grade::Failed, "master key"),
            (r#"{"mode":"clock"}"#, Grade::Failed, "clock"),
            (r#"{"mode":"continuity"}"#, Grade::Warning, "continuity"),
            (r#"{"mode":"normal","clock":{"to_database":-7000000}}"#, Grade::Warning, "-7.0 s"),
            (
                r#"{"descriptors":{"used":9,"limit":1024},"connections":{"used":1,"limit":10000}}"#,
                Grade::Warning,
                "1024 files",
            ),
        ] {
            let all = of(&[row("hf1", 1, "1.0", report)]);
            assert!(all.len() == 1 && all[0].0 == grade && all[0].1.contains(says), "{report}: {all:?}");
        }
        let mut stopped = row("hf1", 900, "1.0", "{}");
        stopped.state = NodeState::Stopped;
        assert_eq!(of(&[stopped])[0].0, Grade::Warning);
    }

    #[test]
    fn what_was_not_done_for_too_long_is_named() {
        let job = Job { name: "runtime.housekeeping", every: Seconds::minutes(10) };
        let of = |silent: i64| {
            found(|findings| jobs(&[JobDone { job, at: Some(NOW.plus(Seconds(-silent))) }], NOW, findings))
        };
        assert_eq!(of(1_700)[0].0, Grade::Ok);
        let late = of(1_900);
        assert!(late[0].0 == Grade::Warning && late[0].1.contains("31 min"), "{late:?}");
        let proof = |days: i64| ProofRow {
            proved_at: NOW.plus(Seconds(-days * 86_400)),
            backup_at: NOW,
            took: 65_000_000,
            licenses: 3,
            seats: 2,
        };
        let of = |proof: Option<ProofRow>, installed: i64| {
            let installed_at = NOW.plus(Seconds(-installed * 86_400));
            found(|findings| proved(proof.as_ref(), installed_at, NOW, findings)).remove(0)
        };
        assert_eq!(of(Some(proof(1)), 300).0, Grade::Ok);
        assert_eq!(of(Some(proof(29)), 300).0, Grade::Warning);
        assert_eq!(of(Some(proof(36)), 300).0, Grade::Failed);
        assert_eq!((of(None, 0).0, of(None, 5).0, of(None, 40).0), (Grade::Ok, Grade::Warning, Grade::Failed));
        let clock = |ahead| found(|findings| own_clock(ahead, findings)).remove(0).0;
        assert_eq!((clock(900_000), clock(-6_000_000), clock(31_000_000)), (Grade::Ok, Grade::Warning, Grade::Failed));
    }
}
