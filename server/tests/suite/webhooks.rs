//! Webhooks from the act to a receiver's socket: the real program, killed and restarted, and receivers of every kind.

use super::{
    process::{Database, Home, Node, ask},
    world::device,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ALLOWED: &[&str] = &["--webhook-allow-private"];

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    id: String,
    signature: String,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn topic(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// A receiver that answers every request with a status that can be changed.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    fn new() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            heard: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
        };
        let own = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                thread::spawn(move || own.answer(&mut stream.unwrap()));
            }
        });
        receiver
    }

    fn answer(&self, stream: &mut TcpStream) -> Option<()> {
        let (mut bytes, mut piece) = (Vec::new(), [0; 4_096]);
        let (head, length) = loop {
            let n = stream.read(&mut piece).ok().filter(|n| *n > 0)?;
            bytes.extend_from_slice(&piece[..n]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length: usize = header(head, "content-length")?.parse().ok()?;
                if body.len() >= length {
                    break (head.to_owned(), length);
                }
            }
        };
        let body = String::from_utf8(bytes[bytes.len() - length..].to_vec()).ok()?;
        let received = Heard { id: header(&head, "webhook-id")?, signature: header(&head, "webhook-signature")?, body };
        self.heard.lock().unwrap().push(received);
        let status = self.status.load(Ordering::SeqCst);
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nhi").ok()
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until `done` holds of what was heard.
    fn until(&self, within: Duration, done: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        let begun = Instant::now();
        loop {
            let heard = self.heard();
            if done(&heard) {
                return heard;
            }
            assert!(
                begun.elapsed() < within,
                "{} heard: {:?}",
                heard.len(),
                heard.iter().map(Heard::topic).collect::<Vec<_>>()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

fn hook(node: &Node, url: &str, events: &[&str]) -> String {
    text(&node.call("POST", "/v1/webhooks", &json!({ "url": url, "events": events })), "id")
}

fn deliveries(node: &Node, hook: &str) -> Vec<Value> {
    let list = node.call("GET", &format!("/v1/webhooks/{hook}/deliveries?limit=200"), &Value::Null);
    list["items"].as_array().unwrap().clone()
}

/// The license that a message is about.
fn license(message: &Value) -> String {
    let data = &message["data"];
    data["details"]["license"].as_str().or(data["subject"].as_str()).unwrap().to_owned()
}

/// Every message once, and those about one license in the order of the log.
fn in_order(heard: &[Heard]) -> Vec<Heard> {
    let (mut seen, mut last, mut once) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    for heard in heard {
        if !seen.insert(heard.id.clone()) {
            continue;
        }
        let message = heard.json();
        let number = message["data"]["number"].as_i64().unwrap();
        if let Some(before) = last.insert(license(&message), number) {
            assert!(before < number, "{before} before {number}");
        }
        once.push(heard.clone());
    }
    once
}

#[test]
fn what_happens_is_told_in_its_order_and_once_more_byte_for_byte() {
    let (home, receiver) = (Home::new(), Receiver::new());
    let node = home.start(ALLOWED);
    let made = node.call("POST", "/v1/webhooks", &json!({ "url": receiver.url() }));
    let hook = text(&made, "id");
    assert!(text(&made, "secret").starts_with("whsec_") && text(&made, "public_key").starts_with("whpk_"));
    let (product, license, key) = node.licensed(3);
    let (_, answer) = node.activate(&product, &key, 1).unwrap();
    node.call("POST", &format!("/v1/seats/{}/release", text(&answer, "seat")), &json!({ "reason": "moved" }));
    for act in ["suspend", "resume", "revoke", "reinstate"] {
        node.call("POST", &format!("/v1/licenses/{license}/{act}"), &json!({ "reason": "test" }));
    }
    let heard = receiver.until(Duration::from_secs(10), |heard| heard.len() >= 7);
    let topics: Vec<String> = in_order(&heard).iter().map(Heard::topic).collect();
    let expected = [
        "license.issued",
        "seat.claimed",
        "seat.freed",
        "license.suspended",
        "license.resumed",
        "license.revoked",
        "license.reinstated",
    ];
    assert_eq!(topics, expected);
    assert!(heard.iter().all(|heard| heard.signature.starts_with("v1,") && heard.signature.contains(" v1a,")));
    let log = deliveries(&node, &hook);
    assert!(log.len() == 7 && log.iter().all(|delivery| delivery["state"] == "delivered"), "{log:?}");
    let last = text(&log[0], "id");
    let again = node.call("POST", &format!("/v1/webhooks/{hook}/deliveries/{last}/redeliver"), &json!({}));
    assert_eq!(again["message"], log[0]["message"]);
    let heard = receiver.until(Duration::from_secs(10), |heard| heard.len() >= 8);
    assert_eq!((&heard[7].id, &heard[7].body), (&heard[6].id, &heard[6].body));
    let detail = node.call("GET", &format!("/v1/webhooks/{hook}/deliveries/{last}"), &Value::Null);
    assert_eq!(detail["body"], heard[6].body);
    assert_eq!((&detail["log"][0]["status"], &detail["log"][0]["answer"]), (&json!(200), &json!("hi")));
    node.call("POST", &format!("/v1/webhooks/{hook}/test"), &json!({}));
    let heard = receiver.until(Duration::from_secs(10), |heard| heard.len() >= 9);
    assert_eq!(heard[8].topic(), "webhook.test");
}

/// Has four threads activate until the node is gone; the seats that were acknowledged.
fn activate_until_killed(node: Node, product: &str, keys: &[String], from: u64, after: Duration) -> Vec<String> {
    let address = node.address;
    let askers: Vec<_> = (0..4u64)
        .map(|asker| {
            let (product, key) = (product.to_owned(), keys[usize::try_from(asker).unwrap()].clone());
            thread::spawn(move || {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    let hash = device(from + asker * 1_000_000 + n);
                    let body = json!({ "key": key, "device": { "hash": hash }, "nonce": "nonce-0123456789" });
                    let path = format!("/v1/products/{product}/activate");
                    let answer = ask(address, "POST", &path, None, &body.to_string());
                    let Some((201, _, answer)) = answer else { break };
                    let Ok(answer) = serde_json::from_str::<Value>(&answer) else { break };
                    acknowledged.push(text(&answer, "seat"));
                    // Few enough that all of them are delivered before long, one after the other for each license.
                    thread::sleep(Duration::from_millis(20));
                }
                acknowledged
            })
        })
        .collect();
    thread::sleep(after);
    drop(node);
    askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
}

#[test]
fn nothing_is_lost_when_the_process_is_killed_between_commit_and_send() {
    let (home, receiver) = (Home::new(), Receiver::new());
    let node = home.start(ALLOWED);
    hook(&node, &receiver.url(), &["seat.*"]);
    let (product, license, key) = node.licensed(100_000);
    let plan = text(&node.call("GET", &format!("/v1/licenses/{license}"), &Value::Null), "plan");
    let mut keys = vec![key];
    for _ in 0..3 {
        keys.push(text(&node.call("POST", "/v1/licenses", &json!({ "plan": plan })), "key"));
    }
    let mut acknowledged = activate_until_killed(node, &product, &keys, 0, Duration::from_millis(900));
    for round in 1..5u64 {
        let node = home.start(ALLOWED);
        let after = Duration::from_millis(200 + 170 * round);
        acknowledged.extend(activate_until_killed(node, &product, &keys, round * 10_000_000, after));
    }
    assert!(acknowledged.len() > 40, "{}", acknowledged.len());
    let node = home.start(ALLOWED);
    let told = |heard: &[Heard]| -> BTreeSet<String> {
        heard.iter().map(|heard| text(&heard.json()["data"], "subject")).collect()
    };
    let heard = receiver.until(Duration::from_mins(1), |heard| {
        let told = told(heard);
        acknowledged.iter().all(|seat| told.contains(seat))
    });
    let once = in_order(&heard);
    // What was committed and not acknowledged is told too; nothing that does not exist is.
    for seat in told(&once).iter().take(20) {
        assert_eq!(text(&node.call("GET", &format!("/v1/seats/{seat}"), &Value::Null), "id"), *seat);
    }
}

#[test]
fn a_receiver_that_is_away_or_has_no_address_yet_is_tried_again() {
    let home = Home::new();
    let node = home.start(ALLOWED);
    // A port that is nobody's for now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = hook(&node, &format!("http://{address}/hook"), &["license.*"]);
    let nameless = hook(&node, "http://nobody.invalid/hook", &["license.*"]);
    let (_, license, _) = node.licensed(1);
    node.call("POST", &format!("/v1/licenses/{license}/suspend"), &json!({ "reason": "test" }));
    let begun = Instant::now();
    let oldest = |hook: &str| deliveries(&node, hook).pop().unwrap_or_default();
    while oldest(&refused)["attempts"].as_i64() < Some(1) || oldest(&nameless)["attempts"].as_i64() < Some(2) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} {}", oldest(&refused), oldest(&nameless));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(oldest(&refused)["outcome"], "connection refused");
    let delivery = oldest(&nameless);
    assert!(delivery["state"] == "pending" && delivery["next_at"].is_string(), "{delivery}");
    // The second message waits for the first, untried.
    assert_eq!(deliveries(&node, &refused)[0]["attempts"], 0);
    let receiver = Receiver::at(address);
    let heard = receiver.until(Duration::from_secs(40), |heard| heard.len() >= 2);
    assert_eq!(heard.iter().map(Heard::topic).collect::<Vec<_>>(), ["license.issued", "license.suspended"]);
    let webhook = node.call("GET", &format!("/v1/webhooks/{nameless}"), &Value::Null);
    assert!(webhook["failing_since"].is_string() && webhook["paused"].is_null(), "{webhook}");
}

#[test]
fn a_receiver_that_is_gone_is_paused_and_a_silent_one_holds_up_nobody_else() {
    let (home, gone, good) = (Home::new(), Receiver::new(), Receiver::new());
    gone.status.store(410, Ordering::SeqCst);
    // Accepts and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = home.start(ALLOWED);
    hook(&node, &format!("http://{}/hook", silent.local_addr().unwrap()), &[]);
    let leaves = hook(&node, &gone.url(), &["license.*"]);
    hook(&node, &good.url(), &[]);
    let begun = Instant::now();
    let (_, license, _) = node.licensed(1);
    good.until(Duration::from_secs(5), |heard| heard.iter().any(|heard| heard.topic() == "license.issued"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let raised = |heard: &Heard| heard.topic() == "alert.raised" && heard.json()["data"]["code"] == "webhook_paused";
    good.until(Duration::from_secs(10), |heard| heard.iter().any(raised));
    let webhook = node.call("GET", &format!("/v1/webhooks/{leaves}"), &Value::Null);
    assert_eq!(webhook["paused"]["reason"], "gone");
    let narrowed = format!("/v1/alerts?standing=true&code=webhook_paused&subject=webhook:{leaves}");
    assert_eq!(node.call("GET", &narrowed, &Value::Null)["items"].as_array().map(Vec::len), Some(1));
    node.call("POST", &format!("/v1/licenses/{license}/suspend"), &json!({ "reason": "test" }));
    good.until(Duration::from_secs(5), |heard| heard.iter().any(|heard| heard.topic() == "license.suspended"));
    assert_eq!(gone.heard().len(), 1, "nothing more is sent there");
    let (status, ..) =
        ask(node.address, "POST", &format!("/v1/webhooks/{leaves}/test"), Some(&home.token), "{}").unwrap();
    assert_eq!(status, 409);
    gone.status.store(200, Ordering::SeqCst);
    node.call("POST", &format!("/v1/webhooks/{leaves}/resume"), &json!({}));
    let heard = gone.until(Duration::from_secs(10), |heard| heard.len() >= 3);
    assert_eq!(heard[1..].iter().map(Heard::topic).collect::<Vec<_>>(), ["license.issued", "license.suspended"]);
    assert_eq!(heard[0].body, heard[1].body);
}

#[test]
fn private_addresses_are_refused_unless_the_operator_allows_them() {
    let (home, receiver) = (Home::new(), Receiver::new());
    let node = home.start(ALLOWED);
    let hook = hook(&node, &receiver.url(), &["license.*"]);
    drop(node);
    let node = home.start(&[]);
    for url in [receiver.url(), format!("https://{}/", receiver.address), "https://localhost/".to_owned()] {
        let body = json!({ "url": url }).to_string();
        let (status, _, answer) = ask(node.address, "POST", "/v1/webhooks", Some(&home.token), &body).unwrap();
        assert!(status == 400 && answer.contains("\"/url\""), "{answer}");
    }
    // One from the time when it was allowed is not called either.
    node.licensed(1);
    let begun = Instant::now();
    while deliveries(&node, &hook).first().is_none_or(|delivery| delivery["attempts"] == 0) {
        assert!(begun.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(100));
    }
    assert!(receiver.heard().is_empty());
}

#[test]
fn of_two_nodes_one_delivers_and_the_other_takes_over() {
    let (home, receiver) = (Home::on(Database::new()), Receiver::new());
    let first = home.start(ALLOWED);
    hook(&first, &receiver.url(), &["seat.*"]);
    let (product, _, key) = first.licensed(1_000);
    let other = Home::beside(&home);
    let url = home.database.as_ref().unwrap().url.clone();
    let second = other.start(&["--webhook-allow-private", "--database-url", &url, "--node-name", "second"]);
    for n in 0..40 {
        let node = if n % 2 == 0 { &first } else { &second };
        assert_eq!(node.activate(&product, &key, n).unwrap().0, 201);
    }
    let heard = receiver.until(Duration::from_secs(30), |heard| heard.len() >= 40);
    assert_eq!(in_order(&heard).len(), 40);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(receiver.heard().len(), 40, "each once, while nothing fails");
    // Whichever of them it is that delivers: killed, and the other goes on when its time is over.
    drop(first);
    for n in 40..45 {
        assert_eq!(second.activate(&product, &key, n).unwrap().0, 201);
    }
    let heard = receiver.until(Duration::from_mins(1), |heard| in_order(heard).len() >= 45);
    assert_eq!(in_order(&heard).len(), 45);
}
