//! A node whose database goes away: what it goes on with, also after it was killed and started in the middle of it.

use super::process::{Database, Home, Node, ask};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

fn mode(node: &Node) -> (u16, Value) {
    let (status, _, body) = ask(node.address, "GET", "/readyz", None, "").unwrap();
    (status, serde_json::from_str::<Value>(&body).unwrap()["mode"].clone())
}

/// Waits until `done` holds.
pub fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Renews and returns the status, the new lease and its claim `cont`.
fn renew(node: &Node, product: &str, lease: &str) -> (u16, String, i64) {
    let body = json!({ "lease": lease, "nonce": "nonce-0123456789" }).to_string();
    let (status, _, text) = ask(node.address, "POST", &format!("/v1/products/{product}/renew"), None, &body).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer.get("denial").is_none(), "nothing is denied here: {answer}");
    let lease = answer["lease"].as_str().unwrap_or_default().to_owned();
    (status, lease.clone(), if status == 200 { claims(&lease)["cont"].as_i64().unwrap_or(0) } else { -1 })
}

fn claims(lease: &str) -> Value {
    use base64::prelude::*;
    let payload = lease.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn leases_go_on_while_the_database_is_away_even_on_a_node_that_starts_then() {
    let (database, gate) = Database::new().behind_a_gate();
    let home = Home::on(database);
    let node = home.start(&["--drain-seconds", "0", "--node-name", "one"]);
    let (product, license, key) = node.licensed(3);
    let first = node.activate(&product, &key, 1).unwrap().1["lease"].as_str().unwrap().to_owned();
    let second = node.activate(&product, &key, 2).unwrap().1["lease"].as_str().unwrap().to_owned();
    // Clients of other systems, which would believe a plain "no".
    let plan = node.call("GET", &format!("/v1/plans?product={product}"), &Value::Null)["items"][0]["id"].clone();
    let theirs = node.call("POST", "/v1/licenses", &json!({ "plan": plan }))["key"].clone();
    let systems = [
        ("lemon_squeezy", "/v1/licenses/validate", json!({ "license_key": theirs })),
        ("keylight", "/acme/draw/validate", json!({ "license_key": theirs, "instance_id": "one" })),
        ("keygen", "/v1/licenses/actions/validate-key", json!({ "meta": { "key": theirs } })),
    ];
    let gateways = systems.map(|(kind, below, body)| {
        let path = format!("/v1/products/{product}/gateways/{kind}");
        let names = if kind == "keylight" { ("acme", "draw") } else { ("1", "2") };
        let base = node.call("PUT", &path, &json!({ "on": true, "account": names.0, "product": names.1 }));
        (format!("{}{below}", base["path"].as_str().unwrap()), body)
    });
    let validate = |node: &Node| {
        gateways.each_ref().map(|(path, body)| {
            let (status, _, text) = ask(node.address, "POST", path, None, &body.to_string()).unwrap();
            assert!(status == 200 || !text.contains("\"valid\""), "{path}: {text}");
            status
        })
    };
    until("the gateways answer", || validate(&node) == [200; 3]);
    until("the snapshot is there", || home.path().join("continuity.snapshot").exists());
    // What it holds must be newer than the product.
    drop(node);
    let node = home.start(&["--drain-seconds", "0", "--node-name", "one"]);
    until("it is normal", || mode(&node) == (200, "normal".into()));
    gate.close();
    let (status, lease, cont) = renew(&node, &product, &first);
    assert_eq!((status, cont), (200, 1));
    until("it knows that it is alone", || mode(&node) == (200, "continuity".into()));
    let (status, answer) = node.activate(&product, &key, 3).unwrap();
    assert_eq!((status, answer["code"].as_str()), (503, Some("unavailable")), "no new seats");
    assert_eq!(validate(&node), [503; 3]);
    drop(node);

    let mut node = home.start(&["--drain-seconds", "0", "--node-name", "one"]);
    assert_eq!(mode(&node), (200, "continuity".into()), "it started without the database");
    assert_eq!(ask(node.address, "GET", "/startupz", None, "").unwrap().0, 200);
    let (status, lease, cont) = renew(&node, &product, &lease);
    assert_eq!((status, cont), (200, 2), "carried on by another process");
    assert_eq!(renew(&node, &product, &second).2, 1);
    assert_eq!(validate(&node), [503; 3], "whom it answers is not in its snapshot");
    gate.open();
    until("the database is back", || mode(&node) == (200, "normal".into()));
    until("leases are ordinary again", || renew(&node, &product, &lease).2 == 0);
    until("what was granted is accounted for", || {
        let events = node.call("GET", "/v1/events?action=continuity.reconciled", &Value::Null);
        events["items"].as_array().is_some_and(|items| !items.is_empty())
    });
    let seats = node.call("GET", &format!("/v1/seats?license={license}"), &Value::Null);
    assert_eq!(seats["items"].as_array().unwrap().len(), 2);
    node.signal("TERM");
    assert_eq!(node.ended(Duration::from_secs(15)), Some(0));
    let (code, report, _) =
        home.run(&["audit", "verify", "--json", "--database-url", &home.database.as_ref().unwrap().url]);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn without_a_snapshot_a_node_waits_for_its_database() {
    let (database, gate) = Database::new().behind_a_gate();
    let home = Home::on(database);
    gate.close();
    let opening = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1_500));
        gate.open();
        gate
    });
    let node = home.start(&[]);
    assert_eq!(mode(&node), (200, "normal".into()));
    drop(opening.join().unwrap());
}

#[test]
fn a_node_is_drained_and_resumed_by_an_operator() {
    let home = Home::new();
    let node = home.start(&["--node-name", "one", "--region", "eu"]);
    until("it is normal", || mode(&node) == (200, "normal".into()));
    until("it has registered", || node.call("GET", "/v1/nodes", &Value::Null)["total"] == 1);
    let seen = node.call("GET", "/v1/nodes", &Value::Null)["items"][0].clone();
    assert_eq!((&seen["name"], &seen["region"], &seen["state"]), (&json!("one"), &json!("eu"), &json!("running")));
    let report = &seen["report"];
    assert_eq!(report["mode"], "normal");
    for measured in ["disk", "memory", "descriptors", "connections", "requests"] {
        let usage = &report[measured];
        assert!(usage["used"].as_u64().unwrap() <= usage["limit"].as_u64().unwrap(), "{measured}: {report}");
    }
    let path = format!("/v1/nodes/{}", seen["id"].as_str().unwrap());
    let reason = json!({ "reason": "Maintenance" });
    assert_eq!(node.call("POST", &format!("{path}/drain"), &reason)["wanted"], "drain");
    assert_eq!(mode(&node), (503, "draining".into()));
    let (product, _, key) = node.licensed(1);
    assert_eq!(node.activate(&product, &key, 1).unwrap().0, 201, "it answers whoever asks all the same");
    assert_eq!(node.call("POST", &format!("{path}/resume"), &reason)["wanted"], "serve");
    assert_eq!(mode(&node), (200, "normal".into()));
    let gone =
        ask(node.address, "POST", &format!("{path}/declare-gone"), Some(&home.token), &reason.to_string()).unwrap();
    assert_eq!(gone.0, 409, "{}", gone.2);
}
