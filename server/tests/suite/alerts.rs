//! Alerts of a real node: raised by what really happens, taken on, told to the outside.

use super::{
    outage::until,
    process::{Home, Node, ask},
};
use serde_json::{Value, json};
use std::net::TcpListener;

fn renew(node: &Node, product: &str, lease: &str) -> (u16, Value) {
    let body = json!({ "lease": lease, "nonce": "nonce-0123456789" }).to_string();
    let (status, _, text) = ask(node.address, "POST", &format!("/v1/products/{product}/renew"), None, &body).unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_flood_of_denials_is_stopped_raised_as_an_alert_and_let_pass_by_a_person() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = home.start(&["--node-name", "one", "--metrics-listen", &free.to_string()]);
    let (product, license, key) = node.licensed(25);
    let leases: Vec<String> =
        (0..25).map(|n| node.activate(&product, &key, n).unwrap().1["lease"].as_str().unwrap().to_owned()).collect();
    let reason = json!({ "reason": "A mistaken refund run" });
    node.call("POST", &format!("/v1/licenses/{license}/revoke"), &reason);
    let answers: Vec<(u16, Value)> = leases.iter().map(|lease| renew(&node, &product, lease)).collect();
    let denied = answers.iter().filter(|(status, answer)| *status == 403 && answer["denial"].is_string()).count();
    assert_eq!(denied, 20);
    let (status, answer) = &answers[24];
    assert_eq!((*status, &answer["code"], &answer["retryable"]), (503, &json!("denials_stopped"), &json!(true)));
    assert!(answer.get("denial").is_none());

    let standing = || node.call("GET", "/v1/alerts?standing=true&code=denial_spike", &Value::Null)["items"].clone();
    until("it is announced", || standing()[0]["severity"] == "critical");
    let alert = standing()[0].clone();
    assert_eq!(alert["subject"], format!("product:{product}"));
    assert!(alert["cure"].as_str().unwrap().len() > 20 && alert["acknowledged"].is_null(), "{alert}");
    let path = format!("/v1/alerts/{}", alert["id"].as_str().unwrap());
    let taken = node.call("POST", &format!("{path}/acknowledge"), &json!({ "reason": "Looking at it" }));
    assert_eq!(taken["acknowledged"]["note"], "Looking at it");
    assert_eq!(node.call("GET", &path, &Value::Null)["acknowledged"]["note"], "Looking at it");
    let metrics = ask(free, "GET", "/metrics", None, "").unwrap().2;
    assert!(metrics.contains(r#"holdfast_alert{rule="denial_spike",severity="critical""#), "{metrics}");

    let breaker = format!("/v1/products/{product}/breaker");
    assert_eq!(node.call("GET", &breaker, &Value::Null)["stopped"], true);
    let passed =
        node.call("POST", &format!("/v1/products/{product}/let-denials-pass"), &json!({ "reason": "It was meant" }));
    assert_eq!((&passed["stopped"], passed["passes_until"].is_string()), (&json!(false), true));
    for lease in &leases {
        assert_eq!(renew(&node, &product, lease).0, 403);
    }
    for wrong in ["severity=fatal", "code=nothing", "subject=moon", "standing=maybe"] {
        let (status, _, body) =
            ask(node.address, "GET", &format!("/v1/alerts?{wrong}"), Some(&home.token), "").unwrap();
        assert_eq!(status, 400, "{wrong}: {body}");
    }
}
