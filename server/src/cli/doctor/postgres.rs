//! What a PostgreSQL shows of itself: whether what is acknowledged outlives its machine, and how long a failure stops writes.

use super::findings::Findings;
use holdfast_store::{cluster::Server, replication::MemberRole};

const WHAT: &str = "postgresql";
/// How many connections one node may have open.
const CONNECTIONS_OF_A_NODE: i64 = 9;
/// How many bytes a slot that nobody receives through may hold back before it is worth a word.
const HELD: i64 = 1024 * 1024 * 1024;

/// Judges one server. `clustered` where it is, or should be, one of several; `primary` is where its cluster says that the
/// primary is; `nodes` is how many nodes use it.
pub(super) fn judge(server: &Server, clustered: bool, primary: Option<&str>, nodes: i64, findings: &mut Findings) {
    let version = server.setting("server_version");
    if server.number("server_version_num").unwrap_or(0) < 150_000 {
        let detail = format!("version {version} is too old for Holdfast");
        findings.failed(WHAT, detail, "Move to PostgreSQL 15 or newer; see \"Upgrade\" in the cluster guide.");
    } else {
        findings.ok(WHAT, format!("version {version}"));
    }
    port(server, primary, findings);
    durability(server, clustered, findings);
    connections(server, nodes, findings);
    slots(server, findings);
    if clustered && server.replication.role != MemberRole::Replica {
        synchronous(server, findings);
        timeouts(server, findings);
    }
}

/// Whether the address that nodes use leads to the server that takes writes.
fn port(server: &Server, primary: Option<&str>, findings: &mut Findings) {
    let what = "database port";
    let here = server.address.as_deref().unwrap_or("this machine");
    let cure = "Look at `primary` in HAProxy's configuration and in `show stat`: its check asks Patroni for /primary.";
    if server.replication.role == MemberRole::Replica {
        let detail = format!("the database URL leads to a standby ({here}), where nothing can be written");
        return findings.failed(what, detail, cure);
    }
    // Only addresses can be compared; a name is as good as unknown.
    let known = primary.filter(|host| host.parse::<std::net::IpAddr>().is_ok());
    match (known, &server.address) {
        (Some(primary), Some(address)) if primary != address => {
            let detail =
                format!("it leads to {address}, which takes writes, and Patroni says that {primary} is primary");
            findings.failed(what, detail, format!("Two primaries are worse than none. {cure}"));
        }
        (Some(primary), Some(_)) => findings.ok(what, format!("leads to the primary, {primary}")),
        _ => findings.ok(what, format!("leads to a server that takes writes ({here})")),
    }
}

fn durability(server: &Server, clustered: bool, findings: &mut Findings) {
    let what = "durability";
    let before = findings.0.len();
    for (name, harm) in [
        ("fsync", "a power failure damages the database"),
        ("full_page_writes", "a power failure damages the database"),
    ] {
        if server.setting(name) == "off" {
            findings.failed(what, format!("{name} is off: {harm}"), format!("Set {name} to on and reload."));
        }
    }
    if matches!(server.setting("synchronous_commit"), "off" | "local") {
        let detail = format!(
            "synchronous_commit is {}: what was acknowledged is lost with its machine",
            server.setting("synchronous_commit")
        );
        findings.failed(what, detail, "Set it to on, in the configuration and for the role.");
    }
    let (sums, hints) = (server.setting("data_checksums") == "on", server.setting("wal_log_hints") == "on");
    if clustered && !sums && !hints {
        findings.failed(
            what,
            "wal_log_hints and data checksums are off: a member that lost its place cannot be rewound",
            "`patronictl edit-config -p wal_log_hints=on`, then `patronictl restart --pending`.",
        );
    } else if !sums {
        findings.warning(
            what,
            "data checksums are off: a page that the disk has damaged is read as if it were right",
            "`pg_checksums --enable` on a stopped member, standbys first; new clusters: `initdb --data-checksums`.",
        );
    }
    if findings.0.len() == before {
        findings.ok(what, "commits are synced, pages have checksums");
    }
}

fn synchronous(server: &Server, findings: &mut Findings) {
    let what = "synchronous";
    let names = server.setting("synchronous_standby_names");
    let edit = "`patronictl edit-config -s synchronous_mode=quorum`; Patroni then keeps the names by itself.";
    if names.is_empty() {
        return findings.failed(
            what,
            "synchronous_standby_names is empty: commits wait for nobody, and what was acknowledged last is lost with the primary",
            edit,
        );
    }
    if !names.to_ascii_uppercase().starts_with("ANY") {
        let detail = format!("commits wait for the first of {names}: when it is lost, all of them stop for seconds");
        findings.warning(what, detail, edit);
    }
    if !server.monitors {
        return findings.warning(
            what,
            "this user may not see which standbys stream, so their lag is not watched either",
            "As the superuser: `GRANT pg_monitor TO holdfast;`",
        );
    }
    let counted = server
        .standbys
        .iter()
        .filter(|standby| standby.state == "streaming" && matches!(standby.sync_state.as_str(), "quorum" | "sync"));
    let counted: Vec<&str> = counted.map(|standby| standby.name.as_str()).collect();
    let cure = "Bring the missing machine back, or replace it within days (\"Lose a machine\" in the cluster guide).";
    match counted.as_slice() {
        [] => findings.failed(what, "no standby streams synchronously: commits wait until one does", cure),
        [one] => findings.warning(what, format!("only {one} streams synchronously: one more loss stops writes"), cure),
        _ => {
            findings
                .ok(what, format!("{} stream synchronously, and a commit waits for {names}", counted.join(" and ")));
        }
    }
    match server.replication.lag {
        Some(lag) if lag.as_secs() >= 10 => findings.warning(
            what,
            format!("the slowest standby is {} s behind", lag.as_secs()),
            "Look at its disk and network, and for a long query on it that holds up the replay.",
        ),
        _ => {}
    }
}

fn timeouts(server: &Server, findings: &mut Findings) {
    let what = "timeouts";
    let before = findings.0.len();
    let edit = |setting: &str| format!("`patronictl edit-config -p {setting}`");
    for (name, reference) in [("wal_sender_timeout", "5s"), ("wal_receiver_timeout", "5s")] {
        // In milliseconds; 0 is for ever.
        let millis = server.number(name).unwrap_or(0);
        if millis == 0 || millis > 15_000 {
            let found = if millis == 0 { "off".to_owned() } else { format!("{} s", millis / 1_000) };
            let detail = format!("{name} is {found}: a member that was cut off is believed in for so long");
            findings.warning(what, detail, edit(&format!("{name}={reference}")));
        }
    }
    let number = |name| server.number(name).unwrap_or(0);
    let (idle, interval, count) =
        (number("tcp_keepalives_idle"), number("tcp_keepalives_interval"), number("tcp_keepalives_count"));
    let gone_after = idle + interval * count;
    // Over a socket of the machine they are 0, and of no use.
    if idle > 0 && gone_after > 60 {
        let detail =
            format!("a client whose machine vanished is noticed after {gone_after} s, and holds its locks until then");
        let set = "tcp_keepalives_idle=5 -p tcp_keepalives_interval=2 -p tcp_keepalives_count=3";
        findings.warning(what, detail, edit(set));
    }
    if idle > 0 && number("tcp_user_timeout") == 0 {
        let detail = "tcp_user_timeout is off: what was sent to a machine that vanished is waited for, for minutes";
        findings.warning(what, detail, edit("tcp_user_timeout=6s"));
    }
    if findings.0.len() == before {
        findings.ok(what, "a lost member or client is noticed within seconds");
    }
}

fn connections(server: &Server, nodes: i64, findings: &mut Findings) {
    let what = "connections";
    let most = server.number("max_connections").unwrap_or(0);
    let wanted = nodes.max(1) * CONNECTIONS_OF_A_NODE;
    // Patroni, replication, backups and people want some as well.
    if most < wanted + 20 {
        findings.warning(
            what,
            format!("max_connections is {most}; {} nodes alone may open {wanted}", nodes.max(1)),
            format!("Set it to {} or more.", wanted + 50),
        );
    } else if server.connections * 10 > most * 9 {
        findings.warning(
            what,
            format!("{} of {most} are taken", server.connections),
            "Look at `pg_stat_activity` for who holds them.",
        );
    } else {
        findings.ok(what, format!("{} of {most} are taken", server.connections));
    }
}

fn slots(server: &Server, findings: &mut Findings) {
    let what = "slots";
    let before = findings.0.len();
    let drop = |name: &str| {
        format!(
            "Bring back what receives through it. If nothing will: take it out of `slots` in `patronictl edit-config`, or \
             `SELECT pg_drop_replication_slot('{name}')`."
        )
    };
    for slot in &server.slots {
        let name = &slot.name;
        if slot.wal_status == "lost" {
            let detail = format!("what {name} waits for is gone: it received nothing for too long");
            findings.failed(what, detail, "Copy the member anew (`patronictl reinit`), or take a new base backup.");
        } else if !slot.active && slot.held > HELD {
            let detail = format!("nobody receives through {name}, which holds back {} MB", slot.held / 1024 / 1024);
            findings.warning(what, detail, drop(name));
        }
    }
    if !server.slots.is_empty() && server.number("max_slot_wal_keep_size").unwrap_or(-1) < 0 {
        findings.warning(
            what,
            "max_slot_wal_keep_size is unbounded: a standby that stays away fills the primary's disk",
            "`patronictl edit-config -p max_slot_wal_keep_size=8GB`",
        );
    }
    if !server.slots.is_empty() && findings.0.len() == before {
        findings.ok(what, format!("{} slots, none holds back much", server.slots.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::findings::Grade, *};
    use holdfast_store::{
        cluster::{Slot, Standby},
        replication::Replication,
    };
    use std::time::Duration;

    fn reference() -> Server {
        let settings = [
            ("data_checksums", "on"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("max_connections", "200"),
            ("max_slot_wal_keep_size", "8192"),
            ("server_version", "15.14"),
            ("server_version_num", "150014"),
            ("synchronous_commit", "on"),
            ("synchronous_standby_names", "ANY 1 (hf2,hf3)"),
            ("tcp_keepalives_count", "3"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_user_timeout", "6000"),
            ("wal_log_hints", "on"),
            ("wal_receiver_timeout", "5000"),
            ("wal_sender_timeout", "5000"),
        ];
        let standby = |name: &str| Standby {
            name: name.to_owned(),
            state: "streaming".to_owned(),
            sync_state: "quorum".to_owned(),
        };
        let slot =
            |name: &str| Slot { name: name.to_owned(), active: true, held: 0, wal_status: "reserved".to_owned() };
        Server {
            address: Some("10.0.0.11".to_owned()),
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            monitors: true,
            standbys: vec![standby("hf2"), standby("hf3")],
            slots: vec![slot("hf2"), slot("hf3"), slot("backup")],
            connections: 20,
            replication: Replication { role: MemberRole::Primary, lag: Some(Duration::ZERO) },
        }
    }

    fn found(change: impl FnOnce(&mut Server)) -> Vec<(Grade, String)> {
        let mut server = reference();
        change(&mut server);
        let mut findings = Findings::default();
        judge(&server, true, Some("10.0.0.11"), 3, &mut findings);
        findings.0.into_iter().map(|finding| (finding.grade, finding.detail)).collect()
    }

    fn wrong(change: impl FnOnce(&mut Server)) -> (Grade, String) {
        let mut all = found(change);
        all.retain(|(grade, _)| *grade != Grade::Ok);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn the_reference_is_well_and_each_fault_is_named_alone() {
        assert!(found(|_| {}).iter().all(|(grade, _)| *grade == Grade::Ok), "{:?}", found(|_| {}));
        let set = |name: &'static str, value: &'static str| {
            wrong(move |server| drop(server.settings.insert(name.to_owned(), value.to_owned())))
        };
        for (name, value, grade, says) in [
            ("server_version_num", "140010", Grade::Failed, "too old"),
            ("fsync", "off", Grade::Failed, "fsync"),
            ("synchronous_commit", "local", Grade::Failed, "local"),
            ("data_checksums", "off", Grade::Warning, "checksums"),
            ("synchronous_standby_names", "", Grade::Failed, "nobody"),
            ("synchronous_standby_names", "hf2", Grade::Warning, "first of hf2"),
            ("wal_sender_timeout", "60000", Grade::Warning, "60 s"),
            ("wal_receiver_timeout", "0", Grade::Warning, "off"),
            ("tcp_keepalives_idle", "7200", Grade::Warning, "7206 s"),
            ("tcp_user_timeout", "0", Grade::Warning, "tcp_user_timeout"),
            ("max_slot_wal_keep_size", "-1", Grade::Warning, "unbounded"),
            ("max_connections", "40", Grade::Warning, "27"),
        ] {
            let (found, detail) = set(name, value);
            assert!(found == grade && detail.contains(says), "{name} {value}: {found:?} {detail}");
        }
    }

    #[test]
    fn what_streams_and_where_the_port_leads_is_judged() {
        let (grade, detail) = wrong(|server| drop(server.standbys.pop()));
        assert!(grade == Grade::Warning && detail.contains("only hf2"), "{detail}");
        let (grade, detail) = wrong(|server| server.standbys.clear());
        assert!(grade == Grade::Failed && detail.contains("no standby"), "{detail}");
        let (grade, detail) = wrong(|server| server.monitors = false);
        assert!(grade == Grade::Warning && detail.contains("may not see"), "{detail}");
        let (grade, detail) = wrong(|server| server.address = Some("10.0.0.12".to_owned()));
        assert!(grade == Grade::Failed && detail.contains("10.0.0.12"), "{detail}");
        let (grade, detail) = wrong(|server| server.replication.role = MemberRole::Replica);
        assert!(grade == Grade::Failed && detail.contains("standby"), "{detail}");
        let (grade, detail) = wrong(|server| server.slots[2].wal_status = "lost".to_owned());
        assert!(grade == Grade::Failed && detail.contains("backup"), "{detail}");
        let (grade, detail) = wrong(|server| (server.slots[2].active, server.slots[2].held) = (false, 5 << 30));
        assert!(grade == Grade::Warning && detail.contains("5120 MB"), "{detail}");
        let (grade, detail) = wrong(|server| server.replication.lag = Some(Duration::from_secs(90)));
        assert!(grade == Grade::Warning && detail.contains("90 s"), "{detail}");
        let (grade, detail) = wrong(|server| server.connections = 195);
        assert!(grade == Grade::Warning && detail.contains("195"), "{detail}");
    }

    #[test]
    fn one_server_alone_is_not_asked_for_standbys() {
        let mut server = reference();
        server.standbys.clear();
        server.slots.clear();
        server.settings.insert("synchronous_standby_names".to_owned(), String::new());
        server.replication = Replication { role: MemberRole::Single, lag: None };
        let mut findings = Findings::default();
        judge(&server, false, None, 1, &mut findings);
        assert!(findings.0.iter().all(|finding| finding.grade == Grade::Ok), "{}", findings.text());
    }
}
