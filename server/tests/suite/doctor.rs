//! `holdfast doctor` and `holdfast restore --prove` as an operator runs them: against a real PostgreSQL with a real standby,
//! a node that runs, and stand-ins for Patroni and etcd.

use super::{
    outage::until,
    process::{Database, Home, holdfast},
};
use holdfast_domain::{Clock as _, Seconds};
use holdfast_service::system::SystemClock;
use holdfast_testkit::{
    Pair,
    proxy::{Authority, Proxy},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Answers each path with the JSON that stands for it, and everything else with 404.
struct StandIn {
    url: String,
    answers: Arc<Mutex<BTreeMap<&'static str, Value>>>,
}

impl StandIn {
    fn new(answers: &[(&'static str, Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.iter().cloned().collect::<BTreeMap<_, _>>()));
        let known = Arc::clone(&answers);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut length) = (String::new(), 0);
                let _ = reader.read_line(&mut first);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let _ = reader.read_exact(&mut vec![0; length]);
                let path = first.split(' ').nth(1).unwrap_or_default();
                let answer = known.lock().unwrap().get(path).cloned();
                let (status, body) = answer.map_or(("404 Not Found", Value::Null), |body| ("200 OK", body));
                let body = body.to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, answers }
    }

    fn set(&self, path: &'static str, answer: Value) {
        self.answers.lock().unwrap().insert(path, answer);
    }
}

fn patroni() -> StandIn {
    let member = |name: &str, role: &str, state: &str| {
        json!({ "name": name, "role": role, "state": state, "api_url": "https://10.0.0.1:8008/patroni",
            "host": "127.0.0.1", "port": 5432, "timeline": 1, "lag": 0 })
    };
    StandIn::new(&[
        (
            "/patroni",
            json!({ "state": "running", "patroni": { "version": "4.1.5", "scope": "holdfast", "name": "hf1" } }),
        ),
        (
            "/cluster",
            json!({ "scope": "holdfast", "members": [
                member("hf1", "leader", "running"),
                member("hf2", "quorum_standby", "streaming"),
                member("hf3", "quorum_standby", "streaming"),
            ] }),
        ),
        (
            "/config",
            json!({ "ttl": 20, "loop_wait": 3, "retry_timeout": 3, "failsafe_mode": true,
                "synchronous_mode": "quorum", "primary_start_timeout": 0 }),
        ),
    ])
}

fn etcd() -> StandIn {
    StandIn::new(&[
        ("/health", json!({ "health": "true" })),
        ("/v3/maintenance/status", json!({ "version": "3.4.23", "leader": "7", "dbSize": "20480" })),
        ("/v3/cluster/member/list", json!({ "members": [{ "ID": "7" }, { "ID": "8" }, { "ID": "9" }] })),
    ])
}

/// What the doctor said: its exit code, and each finding as `grade what: detail`.
struct Said(i32, Vec<(String, String, String)>);

impl Said {
    fn by(home: &Home, url: &str, more: &[&str]) -> Self {
        let output = holdfast()
            .args(["doctor", "--json", "--database-url", url, "--data-dir"])
            .arg(home.path())
            .args(more)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{:?}", output.stderr));
        let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let grade = text("grade");
            assert_eq!(grade == "ok", finding.get("cure").is_none(), "what is wrong has a cure: {finding}");
            (grade, text("what"), text("detail"))
        });
        let findings: Vec<_> = findings.collect();
        let failed = findings.iter().any(|(grade, ..)| grade == "failed");
        assert_eq!(report["healthy"], !failed);
        assert_eq!(output.status.code(), Some(i32::from(failed)), "{findings:?}");
        Self(output.status.code().unwrap(), findings)
    }

    /// The grade of the finding about `what` that says `says`.
    fn grade(&self, what: &str, says: &str) -> &str {
        let found = self.1.iter().find(|(_, about, detail)| about == what && detail.contains(says));
        found.map_or_else(|| panic!("nothing about {what} says {says}: {:#?}", self.1), |(grade, ..)| grade)
    }

    fn is_silent_about(&self, what: &str, says: &str) -> bool {
        !self.1.iter().any(|(_, about, detail)| about == what && detail.contains(says))
    }
}

#[test]
fn the_doctor_sees_what_a_cluster_lacks_and_what_was_mended() {
    let pair = Pair::start();
    let home = Home::at(&pair.primary_url);
    let (patroni, etcd) = (patroni(), etcd());
    let cluster = ["--patroni", &patroni.url, "--etcd", &etcd.url];
    let said = Said::by(&home, &pair.primary_url, &cluster);
    assert_eq!(said.0, 1);
    assert_eq!(said.grade("postgresql", "version 1"), "ok");
    assert_eq!(said.grade("database port", "leads to the primary"), "ok");
    assert_eq!(said.grade("synchronous", "synchronous_standby_names is empty"), "failed");
    assert_eq!(said.grade("durability", "fsync is off"), "failed");
    assert_eq!(said.grade("durability", "wal_log_hints"), "failed");
    assert_eq!(said.grade("timeouts", "wal_sender_timeout is 60 s"), "warning");
    assert_eq!(said.grade("timeouts", "tcp_user_timeout"), "warning");
    assert_eq!(said.grade("members", "hf1 is leader"), "ok");
    assert_eq!(said.grade("standbys", "hf2 and hf3"), "ok");
    assert_eq!(said.grade("patroni settings", "synchronous by quorum"), "ok");
    assert_eq!(said.grade("etcd", "1 of 3 members are healthy, version 3.4.23"), "ok");
    assert_eq!(said.grade("snapshot", "there is none"), "warning");
    assert_eq!(said.grade("restore", "no restore was ever proved"), "ok", "it was set up a moment ago");
    assert_eq!(said.grade("clock", "differ by"), "ok");

    // One setting after another is mended, and something else breaks.
    for setting in [
        "synchronous_standby_names = 'ANY 1 (*)'",
        "wal_sender_timeout = '5s'",
        "wal_receiver_timeout = '5s'",
        "tcp_user_timeout = '6s'",
        "tcp_keepalives_idle = 5",
        "tcp_keepalives_interval = 2",
        "tcp_keepalives_count = 3",
    ] {
        pair.on_primary(&format!("ALTER SYSTEM SET {setting}"));
    }
    pair.on_primary("SELECT pg_create_physical_replication_slot('forgotten', true)");
    pair.on_primary("SELECT pg_reload_conf()");
    patroni.set("/patroni", json!({ "patroni": { "version": "3.0.2" } }));
    etcd.set("/health", json!({ "health": "false" }));
    let begun = Instant::now();
    let said = loop {
        let said = Said::by(&home, &pair.primary_url, &cluster);
        if said.is_silent_about("synchronous", "is empty") || begun.elapsed() > Duration::from_secs(10) {
            break said;
        }
    };
    assert_eq!(said.grade("synchronous", "streams synchronously"), "warning", "one is not two");
    assert_eq!(said.grade("timeouts", "within seconds"), "ok");
    assert_eq!(said.grade("slots", "max_slot_wal_keep_size is unbounded"), "warning");
    assert_eq!(said.grade("patroni", "3.0.2"), "failed");
    assert_eq!(said.grade("etcd", "not healthy"), "failed");
    assert_eq!(said.grade("etcd", "no majority"), "failed");

    // A user without rights cannot count the standbys, and says how to get them.
    pair.on_primary("ALTER SYSTEM SET synchronous_commit = local");
    pair.on_primary("CREATE ROLE plain LOGIN IN ROLE pg_read_all_data");
    pair.on_primary("SELECT pg_reload_conf()");
    let plain = pair.primary_url.replace("holdfast@", "plain@");
    let said = Said::by(&home, &plain, &[]);
    assert_eq!(said.grade("synchronous", "may not see which standbys stream"), "warning");
    assert_eq!(said.grade("durability", "synchronous_commit is local"), "failed");

    // The port leads to a standby.
    let said = Said::by(&home, &pair.standby_url, &[]);
    assert_eq!(said.grade("database port", "leads to a standby"), "failed");
    assert_eq!(said.grade("database", "not available"), "failed");
}

#[test]
fn the_doctor_sees_nodes_endpoints_and_certificates() {
    let home = Home::on(Database::new());
    let url = home.database.as_ref().unwrap().url.clone();
    let authority = Authority::new().unwrap();
    let ca = home.path().join("ca.crt");
    fs::write(&ca, authority.pem()).unwrap();
    let edge = Proxy::start_tls(([127, 0, 0, 1], 1).into(), authority.identity(&["localhost"]).unwrap()).unwrap();
    let late =
        Proxy::start_tls(([127, 0, 0, 1], 1).into(), authority.expired_identity(&["localhost"]).unwrap()).unwrap();
    let (good, bad) = (edge.url(), late.url());
    let endpoints = ["--endpoint", good.as_str(), "--endpoint", bad.as_str()];
    let node = home.start(&[&endpoints[..], &["--node-name", "hf1"]].concat());
    edge.set_upstream(node.address);
    late.set_upstream(node.address);
    let with_ca = [&endpoints[..], &["--ca-file", ca.to_str().unwrap()]].concat();
    let begun = Instant::now();
    let said = loop {
        let said = Said::by(&home, &url, &with_ca);
        if begun.elapsed() > Duration::from_secs(20) || !said.is_silent_about("jobs", "runtime.housekeeping") {
            break said;
        }
        thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(said.grade("nodes", "hf1 run"), "ok");
    assert_eq!(said.grade("jobs", "runtime.housekeeping"), "ok");
    assert_eq!(said.grade("snapshot", "a node could start from it"), "ok");
    assert_eq!(said.grade("endpoints", &format!("{good} answers `normal`, under a certificate")), "warning");
    assert_eq!(said.grade("certificate", &format!("that of {good} ends in")), "ok");
    assert_eq!(said.grade("endpoints", &format!("{bad} does not answer")), "failed");
    assert_eq!(said.grade("certificate", &format!("that of {bad} ended")), "failed");
    // What the manifest announces is asked as well, and differs from what this command was told.
    let said = Said::by(&home, &url, &["--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(said.grade("endpoints", "the key manifest announces"), "warning");
    assert_eq!(said.grade("endpoints", &format!("{good} does not answer")), "failed", "nobody vouches for it");
    assert_eq!(said.grade("endpoints", "http://127.0.0.1:1 does not answer"), "failed");

    // For people it is one line each, with what to do below it.
    let output = holdfast().args(["doctor", "--database-url", &url, "--data-dir"]).arg(home.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nFAILED   endpoints ") && text.contains("→ Look at the edge there"), "{text}");

    // What it is given must be usable.
    let refused = |flags: &[&str]| holdfast().arg("doctor").args(flags).output().unwrap().status.code();
    assert_eq!(refused(&["--ca-file", "/nonexistent"]), Some(2));
    assert_eq!(refused(&["--cert-file", ca.to_str().unwrap()]), Some(2));
}

#[test]
fn a_node_measures_what_the_rules_look_at() {
    for home in [Home::new(), Home::on(Database::new())] {
        let authority = Authority::new().unwrap();
        let edge = Proxy::start_tls(([127, 0, 0, 1], 1).into(), authority.identity(&["localhost"]).unwrap()).unwrap();
        let last = Proxy::start_tls(([127, 0, 0, 1], 1).into(), authority.expired_identity(&["localhost"]).unwrap());
        let last = last.unwrap();
        let (first_url, last_url) = (edge.url(), last.url());
        let node = home.start(&["--endpoint", &first_url, "--endpoint", &last_url, "--node-name", "one"]);
        node.licensed(1);
        let begun = Instant::now();
        let report = loop {
            let report = node.call("GET", "/v1/nodes", &Value::Null)["items"][0]["report"].clone();
            let complete = report["jobs"][0]["last_run"].is_number()
                && report["certificate_expires_at"].is_number()
                && report["keys"].as_array().is_some_and(|keys| keys.len() == 2)
                && report["database"]["pool_wait_p99"].is_number()
                && report["database"]["role"] != "unknown";
            if complete || begun.elapsed() > Duration::from_secs(50) {
                break report;
            }
            thread::sleep(Duration::from_millis(500));
        };
        assert_eq!(report["certificate_expires_at"], 1_577_836_800_000_000_i64, "the earliest of all: {report}");
        assert_eq!(report["jobs"][0]["name"], "runtime.housekeeping", "{report}");
        assert!(report["jobs"][0]["last_run"].is_number(), "{report}");
        let kinds: Vec<&str> =
            report["keys"].as_array().unwrap().iter().map(|key| key["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["issuing", "root"], "{report}");
        assert!(report["restore"]["installed_at"].is_number() && report["restore"]["proved_at"].is_null(), "{report}");
        assert!(report["database"]["pool_wait_p99"].as_i64().unwrap() < 3_000_000, "{report}");
        assert_ne!(report["database"]["role"], "unknown", "{report}");

        // And the rules speak: of the certificate that ended, and of licenses that all end in the same minute.
        let plan = node.call("GET", "/v1/plans", &Value::Null)["items"][0]["id"].clone();
        let ends = holdfast::api::time::format(SystemClock.now().plus(Seconds::hours(60)));
        for _ in 0..25 {
            node.call("POST", "/v1/licenses", &json!({ "plan": plan, "expires_at": ends }));
        }
        let standing = |code: &str| {
            node.call("GET", &format!("/v1/alerts?standing=true&code={code}"), &Value::Null)["items"].clone()
        };
        until("the certificate is told of", || standing("certificate_expiring")[0]["severity"] == "critical");
        drop(node);
        let node = home.start(&["--node-name", "one"]);
        let standing =
            || node.call("GET", "/v1/alerts?standing=true&code=expiry_same_minute", &Value::Null)["items"].clone();
        until("the crowd of ends is told of", || standing()[0]["severity"] == "warning");
    }
}

#[test]
fn a_backup_is_proved_without_touching_what_is_in_use() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, _, key) = node.licensed(2);
    node.activate(&product, &key, 1).unwrap();
    let file = home.path().join("copy.db");
    let file = file.to_str().unwrap();
    assert_eq!(home.run(&["backup", file]).0, 0);
    // The node runs on, and its log grows.
    node.activate(&product, &key, 2).unwrap();
    let (code, printed, errors) = home.run(&["restore", "--prove", file, "--json"]);
    assert_eq!(code, 0, "{errors}");
    let proved: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&proved["licenses"], &proved["seats"], &proved["keys"]), (&json!(1), &json!(1), &json!(2)), "{proved}");
    assert!(proved["recorded"] == true && proved["as_of"].is_string(), "{proved}");
    assert!(
        fs::read_dir(home.path()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("proving"))
    );
    assert_eq!(node.call("GET", "/v1/seats", &Value::Null)["total"], 2, "what is in use is untouched");
    let (_, report, _) = home.run(&["doctor", "--json"]);
    assert!(report.contains("a restore was last proved 0 s ago: 1 licenses, 1 seats"), "{report}");
    drop(node);
    // A node tells it from its start on.
    let node = home.start(&[]);
    let begun = Instant::now();
    while node.call("GET", "/v1/nodes", &Value::Null)["items"][0]["report"]["restore"]["proved_at"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(200));
    }

    // Of another installation, damaged, or without the master key it proves nothing.
    let other = Home::new();
    let foreign = home.path().join("foreign.db");
    assert_eq!(other.run(&["backup", foreign.to_str().unwrap()]).0, 0);
    let (code, _, errors) = home.run(&["restore", "--prove", foreign.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(errors.contains("another master key"), "{errors}");
    let key = home.path().join("master.key");
    fs::copy(&key, other.path().join("copied.key")).unwrap();
    fs::write(home.path().join("bad.db"), "nonsense").unwrap();
    assert_eq!(home.run(&["restore", "--prove", home.path().join("bad.db").to_str().unwrap()]).0, 3);
    fs::rename(&key, home.path().join("away.key")).unwrap();
    let (code, _, errors) = home.run(&["restore", "--prove", file]);
    assert!(code == 1 && errors.contains("without the master key"), "{errors}");
    assert_eq!(home.run(&["restore"]).0, 2);
    assert_eq!(home.run(&["restore", "--prove", file, "--replace"]).0, 2);
}

#[test]
fn a_postgres_that_was_restored_elsewhere_is_proved_for_the_one_in_use() {
    let home = Home::on(Database::new());
    let url = home.database.as_ref().unwrap().url.clone();
    let restored = home.path().join("restored-url");
    let restored = restored.to_str().unwrap();
    fs::write(restored, format!("{url}\n")).unwrap();
    let prove = |more: &[&str]| {
        home.run(
            &[&["restore", "--prove", "--restored-url-file", restored, "--database-url", &url, "--json"], more]
                .concat(),
        )
    };
    let (code, printed, errors) = prove(&["--no-record"]);
    assert_eq!(code, 0, "{errors}");
    assert!(printed.contains("\"recorded\":false"), "{printed}");
    let (code, printed, errors) = prove(&[]);
    assert_eq!(code, 0, "{errors}");
    assert!(printed.contains("\"recorded\":true"), "{printed}");
    // Another installation's, under the same master key.
    let other = Home::sharing_the_key_of(&home, Database::new());
    fs::write(restored, &other.database.as_ref().unwrap().url).unwrap();
    let (code, _, errors) = prove(&[]);
    assert!(code == 1 && errors.contains("not a backup of this installation"), "{errors}");
}
