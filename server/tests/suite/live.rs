//! The live part of the console against the real program: its stream through the sockets, and the nodes as they are seen
//! while the database is away.

use super::{
    aborts::sign_in,
    process::{Database, Home, Node, ask, read_answer},
};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// A stream, read as it comes.
struct Stream {
    tcp: TcpStream,
    read: String,
}

impl Stream {
    fn open(node: &Node, cookie: &str) -> Self {
        let mut tcp = TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let request = format!("GET /console/live HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", node.address);
        tcp.write_all(request.as_bytes()).unwrap();
        let mut stream = Self { tcp, read: String::new() };
        assert!(stream.hears("retry: 2000", Duration::from_secs(5)), "{}", stream.read);
        assert!(stream.read.starts_with("HTTP/1.1 200 ") && stream.read.contains("text/event-stream"));
        stream
    }

    /// Waits until `text` has come; what came until then is forgotten by the next call.
    fn hears(&mut self, text: &str, within: Duration) -> bool {
        self.read.clear();
        let begun = Instant::now();
        while begun.elapsed() < within && !self.read.contains(text) {
            self.more();
        }
        self.read.contains(text)
    }

    /// Reads what is there; false where the other side has closed.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 1024];
        match self.tcp.read(&mut buffer) {
            Ok(0) => false,
            Ok(read) => {
                self.read += &String::from_utf8_lossy(&buffer[..read]);
                true
            }
            Err(_) => true,
        }
    }

    /// Whether the answer ends: with its last chunk, or with the connection.
    fn ends(&mut self, within: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if !self.more() || self.read.ends_with("\r\n0\r\n\r\n") {
                return true;
            }
        }
        false
    }
}

#[test]
fn a_stream_goes_on_through_silence_and_ends_before_the_node() {
    let home = Home::new();
    let mut node = home.start(&["--drain-seconds", "1"]);
    let cookie = sign_in(&node);
    let mut stream = Stream::open(&node, &cookie);
    // What changes is told, and where nothing does, a beat: nothing in between is silent for longer than an edge allows.
    for _ in 0..3 {
        assert!(stream.hears("\n\n", Duration::from_secs(14)), "it says that it is there: {}", stream.read);
    }
    let nodes = node.call("GET", "/v1/nodes", &Value::Null);
    let id = nodes["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(nodes["items"][0]["presence"], "alive");
    node.call("POST", &format!("/v1/nodes/{id}/drain"), &json!({ "reason": "Maintenance" }));
    // The only node is drained: the stream begins anew, here, since there is no elsewhere. A page whose stream broke off reads
    // everything again, so it does not matter whether the drain was told before.
    assert!(stream.ends(Duration::from_secs(6)), "{}", stream.read);
    let mut stream = Stream::open(&node, &cookie);
    let begun = Instant::now();
    node.signal("TERM");
    assert!(stream.ends(Duration::from_secs(4)), "nobody waits for it");
    assert_eq!(node.ended(Duration::from_secs(10)), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(std::fs::read_to_string(home.log()).unwrap().contains("every request was answered"));
}

/// Calls a server function as a script does.
fn function(node: &Node, cookie: &str, name: &str, arguments: &str) -> (u16, Value) {
    let mut tcp = TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "POST /fn/holdfast_app/pages/{name} HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\ncookie: {cookie}\r\n\
         accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{arguments}",
        node.address,
        arguments.len()
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let (status, _, body) = read_answer(&mut tcp).unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

/// Asks again until `done`.
fn until(what: &str, mut ask: impl FnMut() -> Value, done: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if done(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited too long: {what}: {answer}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_nodes_are_seen_while_the_database_is_away_and_nothing_else_is() {
    let (database, gate) = Database::new().behind_a_gate();
    let home = Home::on(database);
    let node = home.start(&["--drain-seconds", "0", "--node-name", "one", "--region", "eu"]);
    let cookie = sign_in(&node);
    let fleet = || function(&node, &cookie, "fleet/api/fleet", "").1;
    let seen = until("the first look", fleet, |seen| !seen["looked"].is_null());
    assert_eq!(seen["regions"][0]["nodes"][0]["name"], "one");
    assert_eq!((&seen["told"], &seen["regions"][0]["continuity"]), (&Value::Null, &Value::Null));
    let mut stream = Stream::open(&node, &cookie);
    gate.close();
    assert!(stream.hears("event: fleet", Duration::from_secs(20)), "{}", stream.read);
    let away = until("continuity mode", fleet, |seen| !seen["regions"][0]["continuity"].is_null());
    assert!(!away["told"].is_null(), "it says from when the others are");
    assert_eq!(away["regions"][0]["nodes"][0]["mode"]["word"], "Continuity");
    assert_eq!(away["may_write"], false, "nothing can be written now");
    let (status, refused) = function(&node, &cookie, "products/api/products", "after=&archived=false");
    assert_eq!((status, refused.to_string().contains("unavailable")), (503, true), "{refused}");
    let stranger = cookie.replace('=', "=AAAA");
    assert!(function(&node, &stranger, "fleet/api/fleet", "").0 >= 400, "nobody else");
    let page = format!("GET /console/fleet HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    let mut tcp = TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).unwrap();
    tcp.write_all(page.as_bytes()).unwrap();
    let (status, _, body) = read_answer(&mut tcp).unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("The database does not answer.") && body.contains("Without its database since"), "{body}");
    gate.open();
    let back = until("the database is back", fleet, |seen| seen["told"].is_null());
    assert_eq!(back["may_write"], true);
    assert_eq!(ask(node.address, "GET", "/livez", None, "").unwrap().0, 200);
}
