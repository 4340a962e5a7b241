//! What the members of etcd say: who is primary is agreed upon there.

use super::{findings::Findings, http::Web};
use serde_json::Value;
use std::collections::BTreeSet;

const WHAT: &str = "etcd";
/// The size of its database at which it should be looked after, below the 256 MB at which it takes no more.
const LARGE: u64 = 200 * 1024 * 1024;

/// What one member said.
struct Member {
    url: String,
    /// `None` where it does not answer, with why.
    status: Result<Value, String>,
    healthy: bool,
}

/// Asks each of `urls` and judges.
pub(super) fn look(web: &Web, urls: &[String], findings: &mut Findings) {
    let members: Vec<Member> = urls
        .iter()
        .map(|url| {
            let url = url.trim_end_matches('/').to_owned();
            let health = web.ask(&format!("{url}/health"), None).and_then(|answer| answer.json());
            // 3.4 answers with a text.
            let healthy = health.as_ref().is_ok_and(|health| health["health"] == "true" || health["health"] == true);
            let asked = |path: &str| web.ask(&format!("{url}{path}"), Some("{}")).and_then(|answer| answer.json());
            let status = health.and_then(|_| asked("/v3/maintenance/status"));
            Member { url, status, healthy }
        })
        .collect();
    let listed = members.iter().find(|member| member.healthy).and_then(|member| {
        let answer = web.ask(&format!("{}/v3/cluster/member/list", member.url), Some("{}")).ok()?;
        answer.json().ok()?["members"].as_array().map(Vec::len)
    });
    judge(&members, listed, findings);
}

fn judge(members: &[Member], listed: Option<usize>, findings: &mut Findings) {
    let before = findings.0.len();
    let service =
        "Look at `systemctl status holdfast-etcd` there, its disk and ports 2379 and 2380 between the machines";
    for member in members {
        match &member.status {
            Err(error) => findings.failed(
                WHAT,
                format!("{} does not answer: {error}", member.url),
                format!("{service}; an error of TLS wants --ca-file, --cert-file and --key-file."),
            ),
            Ok(_) if !member.healthy => findings.failed(
                WHAT,
                format!("{} says that it is not healthy", member.url),
                format!("{service}; `etcdctl alarm list` names a full database."),
            ),
            Ok(status) => of_status(&member.url, status, findings),
        }
    }
    let healthy = members.iter().filter(|member| member.healthy).count();
    let all = listed.unwrap_or(members.len());
    if healthy * 2 <= members.len() {
        findings.failed(
            WHAT,
            format!("{healthy} of {} members are healthy, which is no majority", members.len()),
            "Bring one back. Until then nobody becomes primary, and a primary goes on only with failsafe_mode; see \"Lose a \
             machine\" in the cluster guide.",
        );
    }
    let leaders: BTreeSet<&str> =
        members.iter().filter_map(|member| member.status.as_ref().ok()?["leader"].as_str()).collect();
    if leaders.len() > 1 {
        findings.warning(
            WHAT,
            "its members do not agree on who leads them",
            "Ask again in some seconds. If it stays so, the addresses are those of two different clusters.",
        );
    }
    if all < 3 || all.is_multiple_of(2) {
        findings.warning(
            WHAT,
            format!("it has {all} members: {}", if all < 3 { "none may be lost" } else { "an odd number is as safe" }),
            "Make them three, on three machines.",
        );
    }
    if findings.0.len() == before {
        let version = members.iter().find_map(|member| member.status.as_ref().ok()?["version"].as_str());
        findings.ok(WHAT, format!("{healthy} of {all} members are healthy, version {}", version.unwrap_or("unknown")));
    }
}

fn of_status(url: &str, status: &Value, findings: &mut Findings) {
    // The gateway writes numbers of 64 bits as texts.
    let number = |name: &str| status[name].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if status["leader"].is_string() && number("leader") == 0 {
        findings.failed(
            WHAT,
            format!("{url} knows of no leader"),
            "Look at its log, and at the clocks and the network.",
        );
    }
    if number("dbSize") > LARGE {
        findings.warning(
            WHAT,
            format!("its database at {url} has {} MB, and takes no more at 256", number("dbSize") / 1024 / 1024),
            "`etcdctl compact` up to the present revision, then `etcdctl defrag`, one member after another.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{super::findings::Grade, *};
    use serde_json::json;

    fn member(healthy: bool, leader: &str) -> Member {
        let status = Ok(json!({ "version": "3.4.23", "leader": leader, "dbSize": "20480" }));
        Member { url: "https://10.0.0.1:2379".to_owned(), status, healthy }
    }

    fn found(members: &[Member], listed: Option<usize>) -> Vec<(Grade, String)> {
        let mut findings = Findings::default();
        judge(members, listed, &mut findings);
        findings.0.into_iter().map(|finding| (finding.grade, finding.detail)).collect()
    }

    #[test]
    fn three_healthy_members_are_well_and_fewer_are_not() {
        let all = found(&[member(true, "7"), member(true, "7"), member(true, "7")], Some(3));
        assert!(all.len() == 1 && all[0].0 == Grade::Ok && all[0].1.contains("3 of 3"), "{all:?}");
        let gone = || Member { status: Err("refused".to_owned()), healthy: false, ..member(false, "7") };
        let one_gone = found(&[member(true, "7"), member(true, "7"), gone()], Some(3));
        assert!(one_gone.len() == 1 && one_gone[0].0 == Grade::Failed, "{one_gone:?}");
        let two_gone = found(&[member(true, "7"), gone(), gone()], Some(3));
        assert!(two_gone.iter().any(|(_, detail)| detail.contains("no majority")), "{two_gone:?}");
        let single = found(&[member(true, "7")], Some(1));
        assert_eq!(single[0].0, Grade::Warning, "{single:?}");
        let split = found(&[member(true, "7"), member(true, "8"), member(true, "0")], Some(3));
        assert!(split.iter().any(|(_, detail)| detail.contains("do not agree")), "{split:?}");
        assert!(
            split.iter().any(|(grade, detail)| *grade == Grade::Failed && detail.contains("no leader")),
            "{split:?}"
        );
        let unwell = found(&[member(true, "7"), member(true, "7"), member(false, "7")], Some(3));
        assert!(unwell.len() == 1 && unwell[0].1.contains("not healthy"), "{unwell:?}");
    }
}
