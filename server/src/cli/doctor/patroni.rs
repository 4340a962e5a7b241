//! What Patroni says of the cluster of databases.

use super::{findings::Findings, http::Web};
use serde_json::Value;

const WHAT: &str = "patroni";
/// How many bytes behind a member may be: as many as the load balancer lets it be (`/replica?lag=16MB`).
const BEHIND: i64 = 16 * 1024 * 1024;

/// What was answered by the members that were asked.
#[derive(Default)]
struct Answers {
    /// `/cluster` of the first that answered.
    cluster: Option<Value>,
    /// `/config` of the first that answered.
    config: Option<Value>,
    versions: Vec<String>,
}

/// Asks each of `urls` and judges. Returns the address of the primary, where Patroni names one.
pub(super) fn look(web: &Web, urls: &[String], findings: &mut Findings) -> Option<String> {
    let mut answers = Answers::default();
    for url in urls {
        let url = url.trim_end_matches('/');
        let ask = |path: &str| web.ask(&format!("{url}{path}"), None).and_then(|answer| answer.json());
        let asked = ask("/patroni").and_then(|own| {
            let version = own["patroni"]["version"].as_str().unwrap_or("?").to_owned();
            let cluster = ask("/cluster")?;
            Ok((version, cluster, ask("/config")?))
        });
        match asked {
            Ok((version, cluster, config)) => {
                answers.versions.push(version);
                answers.cluster.get_or_insert(cluster);
                answers.config.get_or_insert(config);
            }
            Err(error) => findings.failed(
                WHAT,
                format!("{url} does not answer: {error}"),
                "Look at `systemctl status holdfast-patroni` there, and at port 8008 between the machines; an error of TLS \
                 wants --ca-file, --cert-file and --key-file.",
            ),
        }
    }
    versions(&answers.versions, findings);
    if let Some(config) = &answers.config {
        settings(config, findings);
    }
    members(&answers.cluster?, findings)
}

/// Whether that version keeps what was acknowledged.
fn is_sound(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (4, 1)
}

fn versions(versions: &[String], findings: &mut Findings) {
    let cure = "Install `patroni[etcd3]==4.1.5` into its environment on every machine and restart it, standbys first.";
    let Some(first) = versions.first() else { return };
    if let Some(old) = versions.iter().find(|version| !is_sound(version)) {
        let detail = format!("version {old} has lost acknowledged rows when the primary was cut off");
        findings.failed(WHAT, detail, cure);
    } else if versions.iter().any(|version| version != first) {
        findings.warning(WHAT, format!("the members run different versions: {}", versions.join(", ")), cure);
    } else {
        findings.ok(WHAT, format!("version {first}"));
    }
}

/// Judges the settings that all members share.
fn settings(config: &Value, findings: &mut Findings) {
    let what = "patroni settings";
    let before = findings.0.len();
    let edit = |setting: &str| format!("`patronictl edit-config -s {setting}`");
    match config["synchronous_mode"].as_str() {
        Some("quorum") => {}
        _ if config["synchronous_mode"] == true || config["synchronous_mode"] == "on" => findings.warning(
            what,
            "commits wait for one named standby, and all of them stop for seconds when that one is lost",
            edit("synchronous_mode=quorum"),
        ),
        _ if config["standby_cluster"].is_object() => {}
        _ => findings.failed(
            what,
            "commits wait for no standby: when the primary is lost, so is what it acknowledged last",
            edit("synchronous_mode=quorum"),
        ),
    }
    if config["failsafe_mode"] != true {
        findings.warning(
            what,
            "failsafe_mode is off: when etcd is lost, so is the primary",
            edit("failsafe_mode=true"),
        );
    }
    let number = |name: &str, default: i64| config[name].as_i64().unwrap_or(default);
    let (ttl, wait, retry) = (number("ttl", 30), number("loop_wait", 10), number("retry_timeout", 10));
    if ttl > 30 {
        let detail = format!("ttl is {ttl}: when the primary is lost, writes stop for about as many seconds");
        findings.warning(what, detail, edit("ttl=20"));
    } else if wait + 2 * retry > ttl {
        let detail = format!(
            "loop_wait {wait} and twice retry_timeout {retry} are more than ttl {ttl}: a slow look costs the primary its place"
        );
        findings.warning(what, detail, edit("ttl=20 -s loop_wait=3 -s retry_timeout=3"));
    }
    let starts = number("primary_start_timeout", 300);
    if starts > 0 {
        let detail = format!("a primary that died is waited for, up to {starts} s, before a standby takes over");
        findings.warning(what, detail, edit("primary_start_timeout=0"));
    }
    if findings.0.len() == before {
        findings.ok(what, format!("synchronous by quorum, failsafe, ttl {ttl} s"));
    }
}

fn text<'a>(member: &'a Value, name: &str) -> &'a str {
    member[name].as_str().unwrap_or("?")
}

/// Judges the members. Returns the primary's address.
fn members(cluster: &Value, findings: &mut Findings) -> Option<String> {
    let what = "members";
    let none = Vec::new();
    let members = cluster["members"].as_array().unwrap_or(&none);
    let leader = members.iter().find(|member| matches!(text(member, "role"), "leader" | "standby_leader" | "master"));
    match leader {
        None => findings.failed(
            what,
            "nobody is primary: nothing can be written",
            "`patronictl list`, then the logs of Patroni: usually etcd has no majority, or no standby is fit to take over.",
        ),
        Some(leader) if text(leader, "state") != "running" => findings.failed(
            what,
            format!("the primary {} is in the state `{}`", text(leader, "name"), text(leader, "state")),
            "Look at the log of Patroni on that machine.",
        ),
        Some(leader) => findings.ok(what, format!("{} is {}", text(leader, "name"), text(leader, "role"))),
    }
    for member in members {
        let (name, state, lag) = (text(member, "name"), text(member, "state"), member["lag"].as_i64().unwrap_or(0));
        if !matches!(state, "running" | "streaming" | "in archive recovery") {
            findings.failed(
                what,
                format!("{name} is in the state `{state}`"),
                format!(
                    "Look at the log of Patroni there; if it cannot mend itself, `patronictl reinit {} {name}`.",
                    cluster["scope"].as_str().unwrap_or("CLUSTER")
                ),
            );
        } else if lag > BEHIND {
            findings.warning(
                what,
                format!("{name} is {} MB behind", lag / 1024 / 1024),
                "Look at its disk and network, and for a long query on it that holds up the replay.",
            );
        }
    }
    let timelines: Vec<i64> = members.iter().filter_map(|member| member["timeline"].as_i64()).collect();
    if timelines.windows(2).any(|pair| pair[0] != pair[1]) {
        findings.warning(
            what,
            "they are not all on the same timeline: one has not yet followed the last failover",
            "`patronictl list`; if it does not follow within minutes, look at its log, then `patronictl reinit`.",
        );
    }
    // A region that follows another acknowledges nothing itself.
    if leader.is_none_or(|leader| text(leader, "role") != "standby_leader") {
        quorum(members, findings);
    }
    if cluster["pause"] == true {
        findings.warning(what, "Patroni is paused: nobody takes over when the primary is lost", "`patronictl resume`");
    }
    let leader = leader?;
    Some(text(leader, "host").to_owned())
}

fn quorum(members: &[Value], findings: &mut Findings) {
    let what = "standbys";
    let in_it = |member: &&Value| {
        matches!(text(member, "role"), "quorum_standby" | "sync_standby") && text(member, "state") != "stopped"
    };
    let names: Vec<&str> = members.iter().filter(in_it).map(|member| text(member, "name")).collect();
    let cure = "Bring the missing machine back, or replace it within days; wait until `patronictl list` shows two members \
                as Quorum Standby before anything else is done to the cluster.";
    match names.as_slice() {
        [] => findings.failed(what, "no member may take over, and commits may be waiting for one", cure),
        [one] => findings.warning(what, format!("only {one} may take over: one more loss stops writes"), cure),
        _ => findings.ok(what, format!("{} may take over", names.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::findings::Grade, *};
    use serde_json::json;

    fn found(judge: impl FnOnce(&mut Findings)) -> Vec<(Grade, String)> {
        let mut findings = Findings::default();
        judge(&mut findings);
        findings.0.into_iter().map(|finding| (finding.grade, finding.detail)).collect()
    }

    fn member(name: &str, role: &str, state: &str) -> Value {
        json!({ "name": name, "role": role, "state": state, "host": "10.0.0.1", "timeline": 3, "lag": 0 })
    }

    #[test]
    fn the_reference_cluster_is_well() {
        let members = [
            member("hf1", "leader", "running"),
            member("hf2", "quorum_standby", "streaming"),
            member("hf3", "quorum_standby", "streaming"),
        ];
        let all = found(|findings| {
            let at = super::members(&json!({ "members": members, "scope": "holdfast" }), findings);
            assert_eq!(at.as_deref(), Some("10.0.0.1"));
            settings(
                &json!({ "ttl": 20, "loop_wait": 3, "retry_timeout": 3, "failsafe_mode": true,
                    "synchronous_mode": "quorum", "primary_start_timeout": 0 }),
                findings,
            );
            versions(&["4.1.5".to_owned(), "4.1.5".to_owned()], findings);
        });
        assert!(all.iter().all(|(grade, _)| *grade == Grade::Ok), "{all:?}");
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of = |members: &[Value], more: Value| {
            let mut cluster = json!({ "members": members, "scope": "holdfast" });
            for (name, value) in more.as_object().unwrap() {
                cluster[name] = value.clone();
            }
            let all = found(|findings| {
                super::members(&cluster, findings);
            });
            all.into_iter().filter(|(grade, _)| *grade != Grade::Ok).collect::<Vec<_>>()
        };
        let leader = || member("hf1", "leader", "running");
        let standby = |name| member(name, "quorum_standby", "streaming");
        let nobody = of(&[standby("hf2"), standby("hf3")], json!({}));
        assert!(nobody[0].0 == Grade::Failed && nobody[0].1.contains("nobody is primary"), "{nobody:?}");
        let one = of(&[leader(), standby("hf2"), member("hf3", "replica", "starting")], json!({}));
        assert_eq!(one.iter().map(|(grade, _)| *grade).collect::<Vec<_>>(), [Grade::Failed, Grade::Warning], "{one:?}");
        assert!(one[0].1.contains("hf3") && one[1].1.contains("only hf2"), "{one:?}");
        let paused = of(&[leader(), standby("hf2"), standby("hf3")], json!({ "pause": true }));
        assert!(paused.len() == 1 && paused[0].1.contains("paused"), "{paused:?}");
        let mut late = standby("hf3");
        late["lag"] = json!(100 * 1024 * 1024);
        late["timeline"] = json!(2);
        let late = of(&[leader(), standby("hf2"), late], json!({}));
        assert!(late.len() == 2 && late[0].1.contains("100 MB") && late[1].1.contains("timeline"), "{late:?}");
        assert!(
            of(&[member("s1", "standby_leader", "running")], json!({})).is_empty(),
            "a region that follows another"
        );
    }

    #[test]
    fn settings_that_lose_or_stop_writes_are_named() {
        let of = |config: Value| found(|findings| settings(&config, findings));
        let defaults = of(json!({}));
        assert_eq!(defaults.iter().filter(|(grade, _)| *grade == Grade::Failed).count(), 1, "{defaults:?}");
        assert!(defaults.iter().any(|(_, detail)| detail.contains("failsafe")), "{defaults:?}");
        assert!(defaults.iter().any(|(_, detail)| detail.contains("300 s")), "{defaults:?}");
        let strict = of(json!({ "ttl": 20, "loop_wait": 10, "retry_timeout": 10, "failsafe_mode": true,
            "synchronous_mode": true, "primary_start_timeout": 0 }));
        assert!(strict.iter().all(|(grade, _)| *grade == Grade::Warning) && strict.len() == 2, "{strict:?}");
        let old = found(|findings| versions(&["3.0.2".to_owned()], findings));
        assert_eq!(old[0].0, Grade::Failed);
        assert!(is_sound("4.1.5") && is_sound("5.0.0") && !is_sound("4.0.9") && !is_sound("?"));
    }
}
