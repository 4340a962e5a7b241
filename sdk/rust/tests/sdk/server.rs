//! A licensing server in two hundred lines that signs real documents, and lies on request: what the real one would
//! never send can only be tested with one that does.

use base64::prelude::*;
use holdfast_lease::claims::Document;
use holdfast_lease::{
    Denial, DenialCode, EntitlementValue, Entitlements, KeyManifest, Lease, ManifestKey, Mode, SigningKey, UnixSeconds,
    renewal_proof_message, sign,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

pub const PRODUCT: &str = "prd_test";
pub const VENDOR: &str = "vnd_test";
pub const KEY: &str = "AB12-CD34-EF56-GH78";
pub const DAY: i64 = 86_400;

/// What the server knows and how it behaves; a test changes it at will.
pub struct World {
    pub now: i64,
    pub denied: Option<(DenialCode, i64)>,
    pub mode: Mode,
    pub fallback: Option<Entitlements>,
    pub renew_after: i64,
    pub lease_for: i64,
    pub grace: i64,
    pub seq: i64,
    pub root: SigningKey,
    pub issuing: SigningKey,
    pub manifest: KeyManifest,
    /// Whether answers carry a newer manifest by themselves.
    pub attach_manifest: bool,
    /// Changes a lease before it is signed.
    pub tamper: Option<fn(&mut Lease)>,
    /// Changes a denial before it is signed.
    pub tamper_denial: Option<fn(&mut Denial)>,
    pub calls: Vec<(String, Value)>,
}

impl World {
    /// Signs with a new issuing key from now on.
    pub fn rotate(&mut self, seed: u8) {
        self.issuing = SigningKey::from_seed(&[seed; 32]);
        self.manifest.keys.push(ManifestKey::issuing(self.issuing.public_key(), PRODUCT));
        self.manifest.seq += 1;
    }

    pub fn manifest_token(&self) -> String {
        sign(&self.manifest, &self.root).unwrap()
    }

    pub fn lease(&mut self, device: &str, public_key: Option<String>) -> Lease {
        self.seq += 1;
        let now = UnixSeconds(self.now);
        let soft = UnixSeconds(self.now + self.lease_for);
        let mut lease = Lease {
            v: 1,
            iss: VENDOR.into(),
            aud: PRODUCT.into(),
            sub: "lic_1".into(),
            seat: "sea_1".into(),
            jti: format!("lea_{}", self.seq),
            dev: device.into(),
            plan: "pro".into(),
            mode: self.mode,
            ent: Entitlements::from([
                ("export.pdf".to_owned(), EntitlementValue::ON),
                ("users".to_owned(), EntitlementValue::Integer(5)),
            ]),
            fb: self.fallback.clone(),
            iat: now,
            nbf: now,
            ren: UnixSeconds(self.now + self.renew_after),
            soft,
            exp: UnixSeconds(soft.0 + self.grace),
            lic: None,
            seq: self.seq.max(self.now),
            dpk: public_key,
            cont: 0,
        };
        self.seq = lease.seq;
        if let Some(tamper) = self.tamper {
            tamper(&mut lease);
        }
        lease
    }

    pub fn denial(&mut self, device: &str, nonce: &str, code: DenialCode, eff: i64) -> String {
        self.seq += 1;
        let mut denial = Denial {
            v: 1,
            iss: VENDOR.into(),
            aud: PRODUCT.into(),
            sub: "lic_1".into(),
            seat: Some("sea_1".into()),
            jti: format!("den_{}", self.seq),
            dev: device.into(),
            iat: UnixSeconds(self.now),
            eff: UnixSeconds(eff),
            code,
            nonce: nonce.into(),
            seq: self.seq,
            help: Some("https://example.com/help".into()),
        };
        if let Some(tamper) = self.tamper_denial {
            tamper(&mut denial);
        }
        sign_anything(&denial, &self.issuing)
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub world: Arc<Mutex<World>>,
}

pub fn wall() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Server {
    pub fn start() -> Self {
        let (root, issuing) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let manifest = KeyManifest {
            v: 1,
            iss: VENDOR.into(),
            iat: UnixSeconds(wall()),
            seq: 1,
            endpoints: None,
            keys: vec![ManifestKey::issuing(issuing.public_key(), PRODUCT)],
        };
        let world = World {
            now: wall(),
            denied: None,
            mode: Mode::Licensed,
            fallback: None,
            renew_after: DAY,
            lease_for: 14 * DAY,
            grace: 16 * DAY,
            seq: wall(),
            root,
            issuing,
            manifest,
            attach_manifest: true,
            tamper: None,
            tamper_denial: None,
            calls: Vec::new(),
        };
        let world = Arc::new(Mutex::new(world));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = world.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = shared.clone();
                thread::spawn(move || serve(stream, &world));
            }
        });
        Self { address, world }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn root_key(&self) -> String {
        self.world.lock().unwrap().root.public_key().to_b64u()
    }

    /// Changes the world.
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().unwrap())
    }

    /// The paths asked for so far.
    pub fn paths(&self) -> Vec<String> {
        self.with(|world| world.calls.iter().map(|(path, _)| path.clone()).collect())
    }
}

fn serve(mut stream: TcpStream, world: &Mutex<World>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let (end, length) = loop {
        let read = stream.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |value| value.trim().parse().unwrap());
        if bytes.len() >= end + 4 + length {
            break (end + 4, length);
        }
    };
    let line = String::from_utf8_lossy(&bytes[..end]).lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let body: Value = serde_json::from_slice(&bytes[end..end + length]).unwrap_or(Value::Null);
    let (status, content_type, answer) = {
        let mut world = world.lock().unwrap();
        world.calls.push((path.clone(), body.clone()));
        answer(&mut world, &path, &body)
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(answer.as_bytes());
}

type Answer = (u16, &'static str, String);

fn problem(status: u16, code: &str, denial: Option<String>) -> Answer {
    let mut body = json!({"type": "about:blank", "title": code, "status": status, "code": code, "retryable": false});
    if let Some(denial) = denial {
        body["denial"] = denial.into();
    }
    (status, "application/problem+json", body.to_string())
}

fn answer(world: &mut World, path: &str, body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let device = body["device"]["hash"].as_str().unwrap_or_default().to_owned();
    let public_key = body["device"]["public_key"].as_str().map(str::to_owned);
    if path == format!("/v1/vendors/{VENDOR}/keys") {
        return (200, "application/jwt", world.manifest_token());
    }
    let Some(act) = path.strip_prefix(&format!("/v1/products/{PRODUCT}/")) else {
        return problem(404, "not_found", None);
    };
    let nonce = text("nonce");
    match act {
        "activate" | "trials" => {
            if act == "activate" && text("key") != KEY {
                return problem(404, "license_not_found", None);
            }
            if let Some((code, eff)) = world.denied {
                let denial = world.denial(&device, &nonce, code, eff);
                return problem(403, code.as_str(), Some(denial));
            }
            if act == "trials" {
                world.mode = Mode::Trial;
            }
            let lease = world.lease(&device, public_key);
            granted(world, &lease, body, 201)
        }
        "renew" => {
            let presented = text("lease");
            let payload = presented.split('.').nth(1).and_then(decode).unwrap_or_default();
            let Ok(old) = serde_json::from_slice::<Lease>(&payload) else {
                return problem(400, "lease_unverifiable", None);
            };
            if let Some(key) = &old.dpk {
                let key = holdfast_lease::PublicKey::from_b64u(key).unwrap();
                let proof: Option<[u8; 64]> = decode(&text("proof")).and_then(|proof| proof.try_into().ok());
                let message = renewal_proof_message(&nonce, &presented);
                if !proof.is_some_and(|proof| key.verify_strict(&message, &proof)) {
                    return problem(400, "proof_required", None);
                }
            }
            if let Some((code, eff)) = world.denied {
                let denial = world.denial(&old.dev, &nonce, code, eff);
                return problem(403, code.as_str(), Some(denial));
            }
            let lease = world.lease(&old.dev, old.dpk);
            granted(world, &lease, body, 200)
        }
        "release" => (204, "text/plain", String::new()),
        _ => problem(404, "not_found", None),
    }
}

fn granted(world: &World, lease: &Lease, body: &Value, status: u16) -> Answer {
    let token = sign_anything(lease, &world.issuing);
    let mut answer = json!({"lease": token, "seat": {"id": lease.seat}});
    let known = body["manifest_seq"].as_i64().unwrap_or(0);
    if world.attach_manifest && known < world.manifest.seq {
        answer["keys"] = world.manifest_token().into();
    }
    (status, "application/json", answer.to_string())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

/// Signs whatever it is given, also what the library's own signer refuses to sign.
fn sign_anything<D: Document>(document: &D, key: &SigningKey) -> String {
    let header = json!({"alg": "Ed25519", "kid": key.kid().as_str(), "typ": D::PURPOSE.typ()});
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(serde_json::to_value(document).unwrap()));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign_bytes(signed.as_bytes()));
    format!("{signed}.{signature}")
}
