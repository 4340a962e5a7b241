//! Sales from a provider's signed message to a license: the real program, killed and restarted, and a provider on a socket of
//! its own.

use super::process::{Database, Home, Node, ask, read_answer};
use holdfast_domain::{ShopKind, Timestamp};
use holdfast_testkit::shop::{API_KEY, Sold, StandIn, TOTAL, secret, sign};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

const ALLOWED: &[&str] = &["--webhook-allow-private"];

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A shop whose one price is a plan.
struct Shop {
    id: String,
    kind: ShopKind,
    secret: String,
    price: &'static str,
    plan: String,
}

impl Shop {
    fn connect(node: &Node, kind: ShopKind, provider: &StandIn) -> Self {
        let mut body = json!({ "kind": kind, "name": kind.title(), "api_key": API_KEY });
        if kind != ShopKind::Generic {
            body["api_url"] = json!(format!("http://{}", provider.serve()));
        }
        let made = node.call("POST", "/v1/shops", &body);
        let id = text(&made, "id");
        let secret = made["secret"].as_str().map_or_else(
            || {
                let own = secret(kind, 1);
                node.call("POST", &format!("/v1/shops/{id}/set-secret"), &json!({ "secret": own }));
                own
            },
            str::to_owned,
        );
        let product = text(&node.call("POST", "/v1/products", &json!({ "name": kind.title() })), "id");
        let plan = json!({ "product": product, "name": "Pro", "terms": { "seats": 1 } });
        let plan = text(&node.call("POST", "/v1/plans", &plan), "id");
        let price = if kind == ShopKind::LemonSqueezy { "4711" } else { "price_editor" };
        let shop = Self { id, kind, secret, price, plan };
        shop.map(node, price);
        shop
    }

    fn map(&self, node: &Node, price: &str) {
        let body = json!({ "price": price, "plan": self.plan, "quantity_is_seats": true });
        node.call("POST", &format!("/v1/shops/{}/prices", self.id), &body);
    }

    fn address(&self) -> String {
        format!("/v1/shops/{}/events", self.id)
    }

    /// Sends `body` as the provider would; `None` where the connection broke.
    fn send(&self, node: &Node, body: &[u8], name: &str) -> Option<(u16, String)> {
        let headers = sign(self.kind, &self.secret, Timestamp::from_seconds(now()), body, name);
        post(node, &self.address(), &headers, body)
    }

    /// Tells all of a sale.
    fn tell(&self, node: &Node, sold: &Sold) {
        for (at, message) in sold.messages(self.kind).iter().enumerate() {
            let name = format!("msg_{}_{}_{at}", sold.tag, sold.back);
            assert_eq!(self.send(node, message.to_string().as_bytes(), &name).unwrap().0, 204, "{message}");
        }
    }

    fn read(&self, node: &Node) -> Value {
        node.call("GET", &format!("/v1/shops/{}", self.id), &Value::Null)
    }
}

fn post(node: &Node, path: &str, headers: &[(&'static str, String)], body: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let headers: String = headers.iter().fold(String::new(), |all, (name, value)| format!("{all}{name}: {value}\r\n"));
    let (address, length) = (node.address, body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    read_answer(&mut stream).map(|(status, _, body)| (status, body))
}

fn items(node: &Node, path: &str) -> Vec<Value> {
    node.call("GET", path, &Value::Null)["items"].as_array().unwrap().clone()
}

/// Asks until `done` holds.
fn until<T: std::fmt::Debug>(within: Duration, ask: impl Fn() -> T, done: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if done(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < within, "{answer:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn licenses(node: &Node, count: usize) -> Vec<Value> {
    until(Duration::from_mins(1), || items(node, "/v1/licenses?limit=200"), |found| found.len() >= count)
}

#[test]
fn a_sale_is_told_five_times_while_its_provider_stumbles_and_becomes_one_license() {
    for home in [Home::new(), Home::on(Database::new())] {
        let node = home.start(ALLOWED);
        for (at, kind) in ShopKind::ALL.into_iter().enumerate() {
            let provider = StandIn::default();
            let shop = Shop::connect(&node, kind, &provider);
            let sold = Sold { quantity: 5, ..Sold::once(2, shop.price) };
            provider.knows(kind, &sold);
            provider.fails_with(Some(500));
            for _ in 0..5 {
                shop.tell(&node, &sold);
            }
            if kind != ShopKind::Generic {
                let failing =
                    until(Duration::from_secs(20), || shop.read(&node), |shop| shop["failing_since"].is_string());
                assert!(text(&failing, "failure").contains("500"), "{failing}");
                assert_eq!(items(&node, "/v1/licenses").len(), at);
                let test = node.call("POST", &format!("/v1/shops/{}/test", shop.id), &json!({}));
                assert_eq!(test["works"], false, "{test}");
            }
            provider.fails_with(None);
            let found = licenses(&node, at + 1);
            let license = found.iter().find(|license| license["plan"] == shop.plan).unwrap();
            assert_eq!(license["terms"]["seats"], 5, "{license}");
            let events = || items(&node, &format!("/v1/shops/{}/events?limit=200", shop.id));
            let told =
                until(Duration::from_mins(1), events, |told| told.iter().all(|event| event["state"] != "waiting"));
            assert_eq!(told.len(), sold.messages(kind).len(), "{kind:?}: each once");
            assert_eq!((found.len(), items(&node, "/v1/orders").len()), (at + 1, at + 1), "{kind:?}");
            assert!(shop.read(&node)["failing_since"].is_null());
        }
        assert!(items(&node, "/v1/inbox").is_empty());
        // The same buyer at four shops.
        assert_eq!(items(&node, "/v1/customers").len(), 1);
    }
}

#[test]
fn what_was_acknowledged_is_not_lost_with_the_process() {
    let (home, provider) = (Home::new(), StandIn::default());
    let node = home.start(ALLOWED);
    let shop = Shop::connect(&node, ShopKind::Stripe, &provider);
    let sold: Vec<Sold> = (0..6).map(|tag| Sold::once(tag, shop.price)).collect();
    for sold in &sold {
        provider.knows(shop.kind, sold);
        shop.tell(&node, sold);
    }
    // Killed in the midst of it, and once more.
    drop(node);
    let node = home.start(ALLOWED);
    licenses(&node, 1);
    drop(node);
    let node = home.start(ALLOWED);
    licenses(&node, sold.len());
    let events = || items(&node, &format!("/v1/shops/{}/events?limit=200", shop.id));
    until(Duration::from_mins(1), events, |told| told.iter().all(|event| event["state"] != "waiting"));
    assert_eq!(items(&node, "/v1/licenses").len(), sold.len());
}

#[test]
fn what_is_not_right_is_refused_alike() {
    let (home, provider) = (Home::new(), StandIn::default());
    let node = home.start(ALLOWED);
    for kind in ShopKind::ALL {
        let shop = Shop::connect(&node, kind, &provider);
        let body = Sold::once(2, shop.price).messages(kind)[0].to_string();
        let signed =
            |secret: &str, off: i64| sign(kind, secret, Timestamp::from_seconds(now() + off), body.as_bytes(), "msg_1");
        let right = signed(&shop.secret, 0);
        let unknown = "/v1/shops/shp_01m803crnaftmanwmz5a0j4ry7/events";
        let mut wrong = vec![
            post(&node, &shop.address(), &[], body.as_bytes()),
            post(&node, &shop.address(), &signed(&secret(kind, 9), 0), body.as_bytes()),
            post(&node, &shop.address(), &right, body.replace('{', "{ ").as_bytes()),
            post(&node, unknown, &right, body.as_bytes()),
            post(&node, "/v1/shops/nonsense/events", &right, body.as_bytes()),
        ];
        if kind != ShopKind::LemonSqueezy {
            wrong.extend(
                [-310, 310].map(|off| post(&node, &shop.address(), &signed(&shop.secret, off), body.as_bytes())),
            );
        }
        node.call("POST", &format!("/v1/shops/{}/close", shop.id), &json!({}));
        wrong.push(post(&node, &shop.address(), &right, body.as_bytes()));
        let mut said: Vec<(u16, Value)> = Vec::new();
        for (status, text) in wrong.into_iter().map(Option::unwrap) {
            let mut body: Value = serde_json::from_str(&text).unwrap();
            body["request_id"] = Value::Null;
            said.push((status, body));
        }
        assert!(said[0].0 == 401 && said[0].1["code"] == "message_refused", "{said:?}");
        assert!(said.iter().all(|one| *one == said[0]), "{kind:?}: {said:?}");
        assert!(items(&node, &format!("/v1/shops/{}/events", shop.id)).is_empty());
        node.call("POST", &format!("/v1/shops/{}/open", shop.id), &json!({}));
        let long = format!("{{\"type\":\"{}\"}}", "x".repeat(300_000));
        assert_eq!(shop.send(&node, long.as_bytes(), "msg_2").unwrap().0, 413);
        assert_eq!(shop.send(&node, b"no message", "msg_3").unwrap().0, 400);
        assert_eq!(shop.send(&node, b"\xff\xfe", "msg_4").unwrap().0, 400);
        assert!(items(&node, &format!("/v1/shops/{}/events", shop.id)).is_empty());
        assert_eq!(post(&node, &shop.address(), &right, body.as_bytes()).unwrap().0, 204);
    }
}

#[test]
fn providers_at_private_addresses_are_asked_only_where_the_operator_allows_it() {
    let (home, provider) = (Home::new(), StandIn::default());
    let node = home.start(ALLOWED);
    let shop = Shop::connect(&node, ShopKind::Paddle, &provider);
    let sold = Sold::once(2, shop.price);
    provider.knows(shop.kind, &sold);
    let here = text(&shop.read(&node), "api_url");
    drop(node);
    let node = home.start(&[]);
    for url in [here.as_str(), "https://127.0.0.1", "https://localhost", "https://169.254.169.254/latest"] {
        let body = json!({ "kind": "paddle", "name": "Web shop", "api_url": url }).to_string();
        let (status, _, answer) = ask(node.address, "POST", "/v1/shops", Some(&home.token), &body).unwrap();
        assert!(status == 400 && answer.contains("\"/api_url\""), "{url}: {answer}");
    }
    // One from the time when it was allowed is not asked either.
    shop.tell(&node, &sold);
    until(Duration::from_secs(20), || shop.read(&node), |shop| shop["failing_since"].is_string());
    let test = node.call("POST", &format!("/v1/shops/{}/test", shop.id), &json!({}));
    assert!(test["works"] == false && provider.asked().is_empty(), "{test}");
}

#[test]
fn of_two_nodes_one_works_off_and_the_other_takes_over() {
    let (home, provider) = (Home::on(Database::new()), StandIn::default());
    let first = home.start(ALLOWED);
    let shop = Shop::connect(&first, ShopKind::Stripe, &provider);
    let other = Home::beside(&home);
    let url = home.database.as_ref().unwrap().url.clone();
    let second = other.start(&["--webhook-allow-private", "--database-url", &url, "--node-name", "second"]);
    for tag in 0..10 {
        let sold = Sold::once(tag, shop.price);
        provider.knows(shop.kind, &sold);
        shop.tell(if tag % 2 == 0 { &first } else { &second }, &sold);
        shop.tell(if tag % 2 == 0 { &second } else { &first }, &sold);
    }
    licenses(&second, 10);
    drop(first);
    for tag in 10..13 {
        let sold = Sold::once(tag, shop.price);
        provider.knows(shop.kind, &sold);
        shop.tell(&second, &sold);
    }
    licenses(&second, 13);
    let events = || items(&second, &format!("/v1/shops/{}/events?limit=200", shop.id));
    until(Duration::from_mins(1), events, |told| told.iter().all(|event| event["state"] != "waiting"));
    assert_eq!(items(&second, "/v1/licenses").len(), 13);
    assert_eq!(items(&second, "/v1/orders").len(), 13);
}

#[test]
fn a_person_says_what_a_price_is_and_what_follows_from_money_that_went_back() {
    for home in [Home::new(), Home::on(Database::new())] {
        let node = home.start(ALLOWED);
        let shop = Shop::connect(&node, ShopKind::Generic, &StandIn::default());
        let call = |method: &str, path: &str, body: Value| node.call(method, path, &body);
        let of_shop = format!("/v1/shops/{}", shop.id);
        let rules = json!({ "on_refund": "ask", "on_dispute": "after_days:14", "grace_days": 7 });
        let changed = call("PATCH", &of_shop, json!({ "name": "Our shop", "rules": rules }));
        assert_eq!((&changed["name"], &changed["rules"]), (&json!("Our shop"), &rules));
        assert!(
            changed["has_secret"] == true && changed["has_api_key"] == false && !changed.to_string().contains("whsec_")
        );
        assert_eq!(call("GET", &format!("{of_shop}/prices"), Value::Null).as_array().unwrap().len(), 1);
        call("DELETE", &format!("{of_shop}/prices/price_editor"), json!({}));
        assert_eq!(call("GET", &format!("{of_shop}/prices"), Value::Null), json!([]));
        assert_eq!(items(&node, "/v1/shops").len(), 1);
        let other = call("POST", &format!("{of_shop}/set-secret"), json!({}));
        assert!(other["previous_until"].is_string() && text(&other, "secret") != shop.secret);

        // The price is nobody's any more.
        let sold = Sold { quantity: 3, ..Sold::once(2, shop.price) };
        shop.tell(&node, &sold);
        let waiting = || items(&node, "/v1/inbox?open=true");
        let entry = until(Duration::from_secs(20), waiting, |found| !found.is_empty()).remove(0);
        assert_eq!((&entry["kind"], &entry["sale"]["lines"][0]["quantity"]), (&json!("price"), &json!(3)));
        let of_entry = format!("/v1/inbox/{}", text(&entry, "id"));
        let detail = call("GET", &of_entry, Value::Null);
        assert!(text(&detail, "topic") == "sale" && text(&detail, "body").contains("buyer2@example.com"), "{detail}");
        let map = json!({ "how": "map", "plan": shop.plan, "quantity_is_seats": true });
        let done = call("POST", &format!("{of_entry}/resolve"), map.clone());
        assert!(done["applied"] == true && done["entry"]["resolution"] == "mapped", "{done}");
        let license = licenses(&node, 1).remove(0);
        assert_eq!(license["terms"]["seats"], 3);
        let refused = |path: &str, body: &Value| {
            let (status, _, answer) = ask(node.address, "POST", path, Some(&home.token), &body.to_string()).unwrap();
            (status, text(&serde_json::from_str(&answer).unwrap(), "code"))
        };
        assert_eq!(refused(&format!("{of_entry}/resolve"), &map), (409, "changed_meanwhile".to_owned()));

        // Some of the money goes back, then all of it.
        let part = sold.clone().paid_back(1_000);
        let send = |sold: &Sold, sequence: u64| {
            let body = sold.described(sequence).to_string();
            assert_eq!(shop.send(&node, body.as_bytes(), &format!("msg_{sequence}")).unwrap().0, 204);
        };
        send(&part, 2);
        let entry = until(Duration::from_secs(20), waiting, |found| !found.is_empty()).remove(0);
        assert_eq!((&entry["kind"], &entry["order"]), (&json!("part"), &license["order"]));
        let resolve = format!("/v1/inbox/{}/resolve", text(&entry, "id"));
        let dismiss = json!({ "how": "dismiss" });
        assert_eq!(refused(&resolve, &dismiss), (400, "invalid_request".to_owned()), "without a reason");
        assert_eq!(refused(&resolve, &map).0, 400, "it is about no price");
        call("POST", &resolve, json!({ "how": "dismiss", "reason": "A discount" }));
        send(&sold.clone().paid_back(TOTAL), 3);
        let entry = until(Duration::from_secs(20), waiting, |found| !found.is_empty()).remove(0);
        assert_eq!(entry["kind"], "refund");
        let resolve = format!("/v1/inbox/{}/resolve", text(&entry, "id"));
        let would = call("POST", &format!("{resolve}?dry_run=true"), json!({ "how": "revoke" }));
        assert!(would["applied"] == false && would["licenses"].as_array().unwrap().len() == 1, "{would}");
        let of_license = format!("/v1/licenses/{}", text(&license, "id"));
        assert_eq!(call("GET", &of_license, Value::Null)["status"], "active");
        call("POST", &resolve, json!({ "how": "revoke", "reason": "All of it went back" }));
        assert_eq!(call("GET", &of_license, Value::Null)["status"], "revoked");
        assert!(waiting().is_empty() && items(&node, "/v1/inbox").len() == 3);
        let order = call("GET", &format!("/v1/orders/{}", text(&license, "order")), Value::Null);
        assert_eq!(order["status"], "refunded");
        for event in items(&node, "/v1/events?action=license.issued") {
            assert_eq!((&event["actor"]["type"], &event["actor"]["id"]), (&json!("shop"), &json!(shop.id)), "{event}");
        }
    }
}

#[test]
fn the_commands_of_the_documentation_send_a_message_that_counts() {
    let home = Home::new();
    let node = home.start(&[]);
    let shop = Shop::connect(&node, ShopKind::Generic, &StandIn::default());
    shop.map(&node, "editor");
    let docs = include_str!("../../../docs/orders.md");
    let script = docs.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let (placeholder, rest) = script.split_once('\n').unwrap();
    assert!(placeholder.starts_with("secret=") && placeholder.contains("; address="), "{placeholder}");
    let script = format!("secret='{}'; address='http://{}{}'\n{rest}", shop.secret, node.address, shop.address());
    let ran = Command::new("sh").args(["-euc", &script]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.starts_with("HTTP/1.1 204"), "{ran:?}");
    let license = licenses(&node, 1).remove(0);
    let customer = node.call("GET", &format!("/v1/customers/{}", text(&license, "customer")), &Value::Null);
    assert_eq!(customer["email"], "ada@example.com");
}
