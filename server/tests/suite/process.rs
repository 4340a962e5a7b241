//! The real program: started, asked over a socket, stopped in every way.

use super::world::device;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const PASSWORD: &str = "violet kettle ponders gravel";

/// The program.
pub fn holdfast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOLDFAST_")) {
        command.env_remove(name);
    }
    command
}

/// A set-up installation in a folder of its own.
pub struct Home {
    pub dir: TempDir,
    /// Where the log goes; not on the same disk as the rest.
    logs: TempDir,
    pub token: String,
    pub root: String,
    pub vendor: String,
    pub database: Option<Database>,
}

/// An empty PostgreSQL database of a test's own.
pub struct Database {
    pub url: String,
    db: holdfast_testkit::TestDb,
}

impl Database {
    pub fn new() -> Self {
        let db = holdfast_testkit::db::run(holdfast_testkit::TestDb::postgres());
        let holdfast_store::DbUrl::Postgres(url) = db.url().clone() else { panic!("not a PostgreSQL") };
        Self { url, db }
    }

    /// The same database, behind a gate.
    pub fn behind_a_gate(self) -> (Self, holdfast_testkit::Gate) {
        let (holdfast_store::DbUrl::Postgres(url), gate) = self.db.behind_a_gate() else { panic!("not a PostgreSQL") };
        (Self { url, ..self }, gate)
    }
}

impl Home {
    pub fn new() -> Self {
        Self::with(None)
    }

    pub fn on(database: Database) -> Self {
        Self::with(Some(database))
    }

    /// On the empty PostgreSQL at `url`, which somebody else looks after.
    pub fn at(url: &str) -> Self {
        Self::set_up(Some(url), tempfile::tempdir().unwrap())
    }

    /// Another installation, on a database of its own, under the master key of `other`.
    pub fn sharing_the_key_of(other: &Self, database: Database) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(other.path().join("master.key"), dir.path().join("master.key")).unwrap();
        Self::made(Some(database), dir)
    }

    /// The folder of another node of the same installation; to be started with the URL of its database.
    pub fn beside(other: &Self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(other.path().join("master.key"), dir.path().join("master.key")).unwrap();
        let (token, root, vendor) = (other.token.clone(), other.root.clone(), other.vendor.clone());
        Self { token, root, vendor, database: None, dir, logs: tempfile::tempdir().unwrap() }
    }

    /// On SQLite, in a new folder within this one.
    pub fn within(folder: &Path) -> Self {
        Self::made(None, tempfile::tempdir_in(folder).unwrap())
    }

    fn with(database: Option<Database>) -> Self {
        Self::made(database, tempfile::tempdir().unwrap())
    }

    fn made(database: Option<Database>, dir: TempDir) -> Self {
        let made = Self::set_up(database.as_ref().map(|database| database.url.as_str()), dir);
        Self { database, ..made }
    }

    fn set_up(url: Option<&str>, dir: TempDir) -> Self {
        let mut command = holdfast();
        if let Some(url) = url {
            command.args(["--database-url", url]);
        }
        let mut child = command
            .args(["admin", "bootstrap", "--vendor", "Example", "--email", "owner@example.com", "--password-stdin"])
            .args(["--json", "--data-dir"])
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self {
            token: text("api_token"),
            root: text("root_public_key"),
            vendor: text("vendor"),
            database: None,
            dir,
            logs: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn log(&self) -> PathBuf {
        self.logs.path().join("node.log")
    }

    /// Runs a command on it and returns the exit code and what it printed.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output =
            holdfast().arg("--data-dir").arg(self.path()).args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    pub fn start(&self, flags: &[&str]) -> Node {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = holdfast();
        if let Some(database) = &self.database {
            command.args(["--database-url", &database.url]);
        }
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.path())
            .args(if flags.contains(&"--log") { &[][..] } else { &["--log", "trace"] })
            .args(if flags.contains(&"--metrics-listen") { &[][..] } else { &["--metrics-listen", "off"] })
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let address = first.trim().rsplit("http://").next().unwrap().parse();
        let address = address.unwrap_or_else(|_| panic!("{first}: {}", fs::read_to_string(self.log()).unwrap()));
        Node { child, address, token: self.token.clone() }
    }
}

/// A running node; killed when dropped.
pub struct Node {
    pub child: Child,
    pub address: SocketAddr,
    token: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own: status, head and body. `None` where the connection was refused or broke.
pub fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{token}content-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    read_answer(&mut stream)
}

pub fn read_answer(stream: &mut TcpStream) -> Option<(u16, String, String)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_owned(), body.to_owned()))
}

impl Node {
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let (status, _, text) = ask(self.address, method, path, Some(&self.token), &body).unwrap();
        assert!(status < 300, "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A product, a license and its key.
    pub fn licensed(&self, seats: u32) -> (String, String, String) {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let product = text(&self.call("POST", "/v1/products", &json!({ "name": "Draw" })), "id");
        let body = json!({ "product": product, "name": "Pro", "terms": { "seats": seats } });
        let plan = text(&self.call("POST", "/v1/plans", &body), "id");
        let license = self.call("POST", "/v1/licenses", &json!({ "plan": plan }));
        (product, text(&license, "id"), text(&license, "key"))
    }

    pub fn activate(&self, product: &str, key: &str, n: u64) -> Option<(u16, Value)> {
        let body = json!({ "key": key, "device": { "hash": device(n) }, "nonce": "nonce-0123456789" });
        let path = format!("/v1/products/{product}/activate");
        let (status, _, text) = ask(self.address, "POST", &path, None, &body.to_string())?;
        Some((status, serde_json::from_str(&text).ok()?))
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the process to end.
    pub fn ended(&mut self, within: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

#[test]
fn a_node_that_stops_drops_nobody() {
    let home = Home::new();
    let mut node = home.start(&["--drain-seconds", "2"]);
    let (product, _, key) = node.licensed(100_000);
    let address = node.address;
    let stopping = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let askers: Vec<_> = (0..4u64)
        .map(|asker| {
            let (product, key, stopping) = (product.clone(), key.clone(), stopping.clone());
            std::thread::spawn(move || {
                let (mut answered, mut failed, mut n) = (0, 0, 0);
                // A load balancer stops sending a while after readiness went; so do we.
                let mut since_stop: Option<Instant> = None;
                loop {
                    if stopping.load(std::sync::atomic::Ordering::Relaxed) {
                        let since = *since_stop.get_or_insert_with(Instant::now);
                        if since.elapsed() > Duration::from_millis(1_500) {
                            return (answered, failed);
                        }
                    }
                    n += 1;
                    let hash = device(asker * 1_000_000 + n);
                    let body = json!({ "key": key, "device": { "hash": hash }, "nonce": "nonce-0123456789" });
                    let path = format!("/v1/products/{product}/activate");
                    match ask(address, "POST", &path, None, &body.to_string()) {
                        Some((201, ..)) => answered += 1,
                        _ => failed += 1,
                    }
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    node.signal("TERM");
    stopping.store(true, std::sync::atomic::Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(300));
    let (status, head, body) = ask(address, "GET", "/readyz", None, "").unwrap();
    assert_eq!((status, body.as_str()), (503, r#"{"mode":"draining"}"#));
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(ask(address, "GET", "/livez", None, "").unwrap().0, 200);
    let (mut answered, mut failed) = (0, 0);
    for asker in askers {
        let (yes, no) = asker.join().unwrap();
        answered += yes;
        failed += no;
    }
    assert_eq!(failed, 0, "{answered} answered; {}", fs::read_to_string(home.log()).unwrap());
    assert!(answered > 50, "{answered}");
    assert_eq!(node.ended(Duration::from_secs(15)), Some(0));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, license, key) = node.licensed(100_000);
    let address = node.address;
    let askers: Vec<_> = (0..4u64)
        .map(|asker| {
            let (product, key) = (product.clone(), key.clone());
            std::thread::spawn(move || {
                let mut acknowledged = Vec::new();
                for n in 0.. {
                    let hash = device(asker * 1_000_000 + n);
                    let body = json!({ "key": key, "device": { "hash": hash }, "nonce": "nonce-0123456789" });
                    let path = format!("/v1/products/{product}/activate");
                    let answer = ask(address, "POST", &path, None, &body.to_string());
                    let Some((201, _, text)) = answer else { break };
                    let Ok(answer) = serde_json::from_str::<Value>(&text) else { break };
                    acknowledged.push((asker * 1_000_000 + n, answer["seat"].as_str().unwrap().to_owned()));
                }
                acknowledged
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    drop(node);
    let acknowledged: Vec<(u64, String)> = askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let node = home.start(&[]);
    for (n, seat) in &acknowledged {
        let (status, answer) = node.activate(&product, &key, *n).unwrap();
        assert_eq!((status, answer["seat"].as_str().unwrap()), (200, seat.as_str()), "device {n}");
    }
    let taken = node.call("GET", &format!("/v1/licenses/{license}"), &Value::Null)["seats_taken"].as_u64().unwrap();
    assert!(taken >= acknowledged.len() as u64);
    drop(node);
    let (code, report, _) = home.run(&["audit", "verify", "--json"]);
    assert_eq!(code, 0, "{report}");
}

#[test]
fn the_log_contains_no_secret() {
    let home = Home::new();
    let mut node = home.start(&["--drain-seconds", "0"]);
    let (product, license, key) = node.licensed(5);
    let (_, activated) = node.activate(&product, &key, 1).unwrap();
    let lease = activated["lease"].as_str().unwrap().to_owned();
    let imported = "OLDKEY-99887766-ZZ";
    node.call(
        "POST",
        "/v1/licenses",
        &json!({ "plan": node.call("GET", "/v1/plans", &Value::Null)["items"][0]["id"], "key": imported }),
    );
    node.activate(&product, imported, 2).unwrap();
    node.call("POST", &format!("/v1/licenses/{license}/reveal-key"), &json!({}));
    let address = node.address;
    for (path, body) in [
        (format!("/v1/products/{product}/activate?key={key}"), "{}".to_owned()),
        (format!("/v1/licenses/{key}"), "{}".to_owned()),
        (format!("/{key}?key={key}"), "{}".to_owned()),
        (format!("/v1/products/{product}/validate"), format!("{{\"key\":\"{key}\"")),
        (format!("/v1/products/{product}/renew"), format!("{{\"lease\":\"{lease}\",\"nonce\":7}}")),
    ] {
        for method in ["POST", "GET"] {
            ask(address, method, &path, Some(&home.token), &body).unwrap();
        }
    }
    let body = json!({ "lease": lease, "nonce": "nonce-0123456789" });
    ask(address, "POST", &format!("/v1/products/{product}/renew"), None, &body.to_string()).unwrap();
    node.signal("TERM");
    assert_eq!(node.ended(Duration::from_secs(20)), Some(0));
    let log = fs::read_to_string(home.log()).unwrap();
    assert!(log.contains("answered") && log.contains("/v1/products/{product}/activate"));
    let master = fs::read_to_string(home.path().join("master.key")).unwrap();
    let signature = lease.rsplit('.').next().unwrap();
    let bare = key.replace('-', "");
    for secret in [key.as_str(), &bare, imported, &home.token, master.trim(), PASSWORD, &lease, signature] {
        assert!(!log.contains(secret), "the log contains {secret}");
    }
}

#[test]
fn nothing_secret_lies_on_the_disk() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, _, key) = node.licensed(5);
    node.activate(&product, &key, 1).unwrap();
    drop(node);
    let entries = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let (mut files, mut folders) = (Vec::new(), vec![home.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        let (deeper, found): (Vec<_>, Vec<_>) = entries(&folder).into_iter().partition(|path| path.is_dir());
        folders.extend(deeper);
        files.extend(found);
    }
    assert!(files.iter().any(|path| path.ends_with("continuity.snapshot")), "{files:?}");
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let bare = key.replace('-', "");
        for secret in [key.as_bytes(), bare.as_bytes(), home.token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
        }
    }
    assert_eq!(fs::metadata(home.path().join("master.key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_unused_installation_says_where_to_go_and_the_code() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut child = holdfast()
        .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--data-dir"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let where_to = lines.next().unwrap().unwrap();
    let code = lines.next().unwrap().unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(where_to.contains("http://127.0.0.1:"), "{where_to}");
    assert!(code.contains("/setup with the code "), "{code}");
    assert!(data.join("master.key").exists());
}

#[test]
fn metrics_are_on_their_own_listener() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = home.start(&["--metrics-listen", &free.to_string()]);
    node.call("GET", "/v1/products", &Value::Null);
    let (status, _, text) = ask(free, "GET", "/metrics", None, "").unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("holdfast_http_requests_total{") && text.contains("route=\"/v1/products\""), "{text}");
    assert!(text.contains("holdfast_mode{mode=\"normal\"} 1"));
    assert_eq!(ask(node.address, "GET", "/metrics", None, "").unwrap().0, 404, "not on the public one");
    let (status, head, body) = ask(free, "GET", "/v1/products", None, "").unwrap();
    assert!(status == 404 && head.contains("problem+json") && body.contains("\"not_found\""), "{head} {body}");
}

#[test]
fn without_its_master_key_a_node_says_so_and_denies_nobody() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, _, key) = node.licensed(5);
    drop(node);
    fs::remove_file(home.path().join("master.key")).unwrap();
    let node = home.start(&[]);
    let (status, _, body) = ask(node.address, "GET", "/readyz", None, "").unwrap();
    assert_eq!((status, body.as_str()), (503, r#"{"mode":"sealed"}"#));
    let (status, answer) = node.activate(&product, &key, 1).unwrap();
    assert_eq!((status, answer["code"].as_str().unwrap()), (503, "sealed"));
    assert!(!home.path().join("master.key").exists(), "no new key for a used installation");
}

#[test]
fn a_node_waits_for_its_database_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = holdfast()
        .args(["serve", "--metrics-listen", "off", "--listen", &listen.to_string(), "--data-dir"])
        .arg(home.path())
        .args(["--database-url", &format!("postgres://holdfast@{nobody}/holdfast")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut node = Node { child, address: listen, token: String::new() };
    let begun = Instant::now();
    let ready = loop {
        match ask(listen, "GET", "/readyz", None, "") {
            Some(answer) => break answer,
            None => assert!(begun.elapsed() < Duration::from_secs(10)),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((ready.0, ready.2.as_str()), (503, r#"{"mode":"starting"}"#));
    assert_eq!(ask(listen, "GET", "/livez", None, "").unwrap().0, 200);
    let (status, head, body) = ask(listen, "POST", "/v1/products/x/activate", None, "{}").unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(head.contains("retry-after: ") && body.contains("\"retryable\":true"), "{head} {body}");
    for (method, path, expected) in [("POST", "/v1/products/x/renew", 503), ("POST", "/livez", 405)] {
        let (status, head, body) = ask(listen, method, path, None, "{}").unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, expected, "{body}");
        let id = body["request_id"].as_str().unwrap();
        assert!(id.starts_with("req_") && head.contains(&format!("x-request-id: {id}")), "{head} {body}");
    }
    let (status, _, body) = ask(listen, "GET", "/v1/status", None, "").unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["mode"], body["node"].is_string()), (200, &json!("starting"), true), "{body}");
    node.signal("TERM");
    assert_eq!(node.ended(Duration::from_secs(15)), Some(0));
}

#[test]
fn a_denial_refers_people_to_a_page_they_can_open() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, license, key) = node.licensed(1);
    node.call("POST", &format!("/v1/licenses/{license}/suspend"), &json!({ "reason": "unpaid" }));
    drop(node);
    for (endpoint, help) in [
        ("https://licenses.example.com", json!("https://licenses.example.com/help")),
        // For trying things out on one machine: nothing that a browser elsewhere could open.
        ("http://127.0.0.1:1", Value::Null),
    ] {
        let node = home.start(&["--endpoint", endpoint]);
        let (status, answer) = node.activate(&product, &key, 1).unwrap();
        assert_eq!(status, 403, "{answer}");
        assert_eq!(super::world::claims(answer["denial"].as_str().unwrap())["help"], help, "{endpoint}");
        let (status, head, page) = ask(node.address, "GET", "/help", None, "").unwrap();
        assert!(status == 200 && head.contains("text/html") && page.contains("Paused"), "{page}");
    }
}

#[test]
fn two_nodes_on_one_postgresql_know_of_each_others_changes() {
    let (one, two) = (Home::on(Database::new()), tempfile::tempdir().unwrap());
    let url = one.database.as_ref().unwrap().url.clone();
    let first = one.start(&[]);
    let (product, license, key) = first.licensed(3);
    fs::copy(one.path().join("master.key"), two.path().join("master.key")).unwrap();
    let other = Home {
        dir: two,
        logs: tempfile::tempdir().unwrap(),
        token: one.token.clone(),
        root: String::new(),
        vendor: String::new(),
        database: None,
    };
    let second = other.start(&["--database-url", &url]);
    let (status, activated) = second.activate(&product, &key, 1).unwrap();
    assert_eq!(status, 201);
    let path = format!("/v1/products/{product}/renew");
    let body = json!({ "lease": activated["lease"], "nonce": "nonce-0123456789" }).to_string();
    assert_eq!(ask(second.address, "POST", &path, None, &body).unwrap().0, 200);
    first.call("POST", &format!("/v1/licenses/{license}/revoke"), &json!({ "reason": "refund" }));
    let begun = Instant::now();
    loop {
        let (status, _, text) = ask(second.address, "POST", &path, None, &body).unwrap();
        if status == 403 {
            assert!(text.contains("\"denial\":\"eyJ"), "{text}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "a revocation reaches every node within 2 seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
}
