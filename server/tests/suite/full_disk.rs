//! A node on a disk that is really full (see [`holdfast_testkit::disk`]): what needs no write goes on, what needs one
//! says so, nothing acknowledged is lost, and room is all it takes.

use super::process::{Home, Node, ask};
use holdfast_testkit::disk::{TinyDisk, may_mount};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Waits for something the node does every ten seconds.
fn eventually(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(40), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

struct Client<'a> {
    node: &'a Node,
    product: String,
    license: String,
    key: String,
    /// Devices whose seats the node has acknowledged, and the seats.
    acknowledged: Vec<(u64, String)>,
    next: u64,
}

impl Client<'_> {
    /// Activates another device, and notes the seat if there is one.
    fn activate(&mut self) -> (u16, Value) {
        self.next += 1;
        let (status, answer) = self.node.activate(&self.product, &self.key, self.next).unwrap();
        if status == 201 {
            self.acknowledged.push((self.next, answer["seat"].as_str().unwrap().to_owned()));
        }
        (status, answer)
    }

    /// Activates until the node refuses for want of room, and checks how it says so.
    fn until_refused(&mut self) {
        for _ in 0..2_000 {
            let (status, answer) = self.activate();
            if status != 201 {
                assert_eq!((status, &answer["code"], &answer["retryable"]), (503, &json!("unavailable"), &json!(true)));
                return;
            }
        }
        panic!("2000 activations found room on a full disk");
    }

    /// What needs no write is answered as ever.
    fn reads_go_on(&self, lease: &str) {
        let renewal = json!({ "lease": lease, "nonce": "nonce-0123456789" }).to_string();
        let path = format!("/v1/products/{}/renew", self.product);
        for _ in 0..20 {
            let (status, _, text) = ask(self.node.address, "POST", &path, None, &renewal).unwrap();
            assert_eq!(status, 200, "{text}");
        }
        let question = json!({ "key": self.key, "nonce": "nonce-0123456789" }).to_string();
        let path = format!("/v1/products/{}/validate", self.product);
        let (status, _, text) = ask(self.node.address, "POST", &path, None, &question).unwrap();
        assert_eq!((status, text.contains("\"valid\":true")), (200, true), "{text}");
        assert!(self.taken() >= self.acknowledged.len() as u64);
        assert_eq!(ask(self.node.address, "GET", "/readyz", None, "").unwrap().0, 200);
    }

    fn taken(&self) -> u64 {
        let license = self.node.call("GET", &format!("/v1/licenses/{}", self.license), &Value::Null);
        license["seats_taken"].as_u64().unwrap()
    }

    /// When the first device was last seen, as the API says it.
    fn last_seen(&self) -> String {
        let seat = self.node.call("GET", &format!("/v1/seats/{}", self.acknowledged[0].1), &Value::Null);
        seat["last_seen"].as_str().unwrap().to_owned()
    }

    /// Every acknowledged device still has its seat, and no refused one has.
    fn nothing_is_lost(&self) {
        assert_eq!(self.taken(), self.acknowledged.len() as u64);
        for (device, seat) in &self.acknowledged {
            let (status, answer) = self.node.activate(&self.product, &self.key, *device).unwrap();
            assert_eq!((status, answer["seat"].as_str()), (200, Some(seat.as_str())), "device {device}");
        }
    }
}

#[test]
fn a_full_disk_stops_writes_only_and_room_is_all_it_takes() {
    if !may_mount("suite::full_disk::a_full_disk_stops_writes_only_and_room_is_all_it_takes") {
        return;
    }
    let mount = tempfile::tempdir().unwrap();
    let disk = TinyDisk::mount(mount.path(), 48 * 1024).unwrap();
    let home = Home::within(mount.path());
    let ballast = home.path().join("ballast");
    let node = home.start(&[]);
    let (product, license, key) = node.licensed(100_000);
    let mut client = Client { node: &node, product, license, key, acknowledged: Vec::new(), next: 0 };
    let lease = client.activate().1["lease"].as_str().unwrap().to_owned();
    eventually("the ballast is made", || ballast.exists());

    // Full for the first time: the ballast makes room again, without anybody's doing.
    disk.fill().unwrap();
    client.reads_go_on(&lease);
    eventually("the ballast is given away", || !ballast.exists());
    assert_eq!(client.activate().0, 201, "there is room again");
    let reason = json!({ "reason": "while the disk was full" });
    node.call("POST", &format!("/v1/licenses/{}/suspend", client.license), &reason);
    node.call("POST", &format!("/v1/licenses/{}/resume", client.license), &reason);

    // Full for good: nothing makes room any more.
    disk.fill().unwrap();
    client.until_refused();
    client.reads_go_on(&lease);
    client.until_refused();
    std::thread::sleep(Duration::from_millis(1_100));
    let seen = client.last_seen();
    std::thread::sleep(Duration::from_millis(1_100));
    client.reads_go_on(&lease);

    // Room, and nothing else: the same process goes on.
    disk.empty().unwrap();
    eventually("what renewals left to be written is", || client.last_seen() > seen);
    assert_eq!(client.activate().0, 201);
    client.nothing_is_lost();
    eventually("the ballast is made again", || ballast.exists());

    // Nor does a power failure take anything of it.
    let (product, license, key) = (client.product.clone(), client.license.clone(), client.key.clone());
    let acknowledged = std::mem::take(&mut client.acknowledged);
    drop(node);
    let node = home.start(&[]);
    Client { node: &node, product, license, key, acknowledged, next: 0 }.nothing_is_lost();
    drop(node);
    let (code, report, _) = home.run(&["audit", "verify", "--json"]);
    assert_eq!(code, 0, "{report}");
}
