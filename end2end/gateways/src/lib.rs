//! A server as a process, with a product whose clients are those of another system.

use serde_json::{Value, json};
use std::{
    io::Write as _,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Where the server's program is, unless `HOLDFAST_BINARY` names another one.
const BINARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/holdfast");

/// A running server. It is killed, and what it has stored removed, when this is dropped.
pub struct Server {
    child: Child,
    folder: PathBuf,
    address: String,
    token: String,
    agent: ureq::Agent,
}

impl Server {
    /// Sets a server up and starts it.
    ///
    /// # Panics
    /// Where that does not succeed.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("holdfast-gateways-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let binary = std::env::var("HOLDFAST_BINARY").unwrap_or_else(|_| BINARY.to_owned());
        let program = || {
            let mut command = Command::new(&binary);
            command.arg("--data-dir").arg(&folder);
            command
        };
        let vendor = ["--json", "admin", "bootstrap", "--vendor", "Example Software", "--email", "owner@example.com"];
        let mut bootstrap = program()
            .args(vendor)
            .arg("--password-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is built: cargo build --bins");
        bootstrap.stdin.take().unwrap().write_all(b"seventeen copper kettles at dawn\n").unwrap();
        let made: Value = serde_json::from_slice(&bootstrap.wait_with_output().unwrap().stdout).unwrap();
        let token = made["api_token"].as_str().unwrap().to_owned();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let serving = ["serve", "--metrics-listen", "off", "--listen", &address];
        let child = program().args(serving).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder, address, token, agent: ureq::agent() };
        let begun = Instant::now();
        while server.agent.get(&format!("http://{}/readyz", server.address)).call().is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server did not become ready");
            thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// A call of the management API, `path` below `/v1`: what it answers.
    ///
    /// # Panics
    /// Where that is not success.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = self
            .agent
            .request(method, &format!("http://{}/v1{path}", self.address))
            .set("Authorization", &format!("Bearer {}", self.token))
            .set("Content-Type", "application/json");
        let answer = if method == "GET" { request.call() } else { request.send_string(&body.to_string()) };
        let answer = match answer {
            Ok(answer) => answer.into_string().unwrap(),
            Err(ureq::Error::Status(status, answer)) => panic!("{method} {path}: {status} {:?}", answer.into_string()),
            Err(error) => panic!("{method} {path}: {error}"),
        };
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// A product with a plan of so many seats and this gateway: the product's id, the plan's, and the gateway.
    pub fn product(&self, seats: u32, kind: &str, settings: &Value) -> (String, String, Value) {
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let product = id(&self.api("POST", "/products", &json!({ "name": "Draw" })));
        let terms = json!({ "seats": seats, "entitlements": { "export": true, "layers": 5 } });
        let plan = id(&self.api("POST", "/plans", &json!({ "product": product, "name": "Pro", "terms": terms })));
        let mut body = settings.clone();
        body["on"] = true.into();
        let gateway = self.api("PUT", &format!("/products/{product}/gateways/{kind}"), &body);
        (product, plan, gateway)
    }

    /// A license: its id and key.
    pub fn issue(&self, plan: &str) -> (String, String) {
        let issued = self.api("POST", "/licenses", &json!({ "plan": plan }));
        (issued["id"].as_str().unwrap().to_owned(), issued["key"].as_str().unwrap().to_owned())
    }

    /// Suspends, resumes or revokes a license.
    pub fn change(&self, license: &str, act: &str) {
        self.api("POST", &format!("/licenses/{license}/{act}"), &json!({ "reason": "A refund" }));
    }

    /// The base address of a gateway, as it is entered into an application's configuration.
    pub fn base(&self, gateway: &Value) -> String {
        format!("http://{}{}", self.address, gateway["path"].as_str().unwrap())
    }

    /// Ends the server at once, as a loss of power does.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
