//! A node without sockets: the router over a database of its own, with a vendor and everything needed to activate.

use axum::{Router, body::Body, extract::ConnectInfo};
use holdfast::{AppState, config::ServeConfig, health::Health, router};
use holdfast_domain::{AlertId, Permission, VendorId};
use holdfast_service::{
    Call, Parts, Service, Settings,
    admin::inputs::{BootstrapInput, CreateToken},
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Vault},
};
use holdfast_store::{
    Scope, StoreError, WriteOptions,
    alerts::{self, AlertRow},
    shops, vendors,
};
use holdfast_testkit::{TestDb, shop::waiting};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tower::ServiceExt as _;

/// A node.
pub struct World {
    pub service: Service,
    pub router: Router,
    pub vendor: VendorId,
    pub token: String,
    pub health: Health,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }

    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.json())).to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if it has that status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The answer, if it is that refusal, in the form that every refusal has.
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("/docs/errors#{code}"));
        assert!(body["title"].is_string() && body["retryable"].is_boolean());
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        assert_eq!(body["request_id"], answer.header("x-request-id"));
        answer
    }
}

pub fn device(n: u64) -> String {
    format!("{n:064x}")
}

impl World {
    pub async fn new(db: &TestDb) -> Self {
        Self::with(db, ServeConfig::default()).await
    }

    pub async fn with(db: &TestDb, serve: ServeConfig) -> Self {
        let key = MasterKey::parse(b"0123456789abcdef0123456789abcdef").unwrap();
        let service = Service::new(Parts {
            store: db.store(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            vault: Some(Vault::new(&key)),
            settings: Settings { endpoints: vec!["https://licenses.example.com".into()], ..Settings::default() },
        });
        let made = service
            .bootstrap(BootstrapInput {
                vendor: "Example Software".parse().unwrap(),
                email: "owner@example.com".parse().unwrap(),
                password: "violet kettle ponders gravel".into(),
            })
            .await
            .unwrap();
        let background = service.clone();
        tokio::spawn(async move { background.run_background(std::future::pending()).await });
        let health = Health::default();
        health.set_started();
        let router = router(AppState::new(service.clone(), serve, health.clone()));
        Self { service, router, vendor: made.vendor, token: made.api_token, health }
    }

    /// A token of this vendor with no more than `scopes`.
    pub async fn token_with(&self, scopes: Vec<Permission>) -> String {
        let input = CreateToken { name: "narrow".parse().unwrap(), scopes, expires_at: None };
        self.service.create_token(&Call::system(self.vendor), input).await.unwrap().secret
    }

    /// A token, with every scope, of another vendor in the same database.
    pub async fn foreign_token(&self, db: &TestDb) -> String {
        let vendor = VendorId::from_bytes([7; 16]);
        let now = self.service.now();
        let made: Result<(), StoreError> = db
            .store()
            .write(WriteOptions::default(), move |tx| {
                Box::pin(async move { vendors::insert(tx, vendor, &"Stranger".parse().unwrap(), now).await })
            })
            .await;
        made.unwrap();
        let input = CreateToken { name: "all".parse().unwrap(), scopes: Permission::ALL.to_vec(), expires_at: None };
        self.service.create_token(&Call::system(vendor), input).await.unwrap().secret
    }

    /// An alert about a product of this vendor.
    pub async fn alert(&self, db: &TestDb, product: &str) -> String {
        let now = self.service.now();
        let row = AlertRow {
            id: AlertId::new(now, &OsEntropy),
            vendor: Some(self.vendor),
            product: Some(product.parse().unwrap()),
            code: "expiry_cliff".to_owned(),
            subject: format!("product:{product}"),
            severity: "warning".to_owned(),
            detail: "half of its licenses end within a day".to_owned(),
            raised_at: now,
            updated_at: now,
            fails_at: None,
            drains_at: None,
            cleared_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            note: None,
        };
        let id = row.id.to_string();
        let made: Result<(), StoreError> = db
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { alerts::insert(tx, &row).await })
            })
            .await;
        made.unwrap();
        id
    }

    /// Something that a shop of this vendor has told and a person has to look at.
    pub async fn waiting(&self, db: &TestDb, shop: &str) -> String {
        let row = waiting(self.vendor, shop.parse().unwrap(), None, self.service.now());
        let scope = Scope::trusted(self.vendor);
        let id = row.id.to_string();
        let made: Result<bool, StoreError> = db
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { shops::park(tx, scope, &row, "[]").await })
            })
            .await;
        assert!(made.unwrap());
        id
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        let from: SocketAddr = "203.0.113.5:1000".parse().unwrap();
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(ConnectInfo(from));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub fn request(method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Self::request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// A management call with `token`.
    pub async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = Self::request(method, path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    /// A management call.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.call_as(&self.token, method, path, Some(&body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub async fn read(&self, path: &str) -> Answer {
        self.call_as(&self.token, Method::GET, path, None).await
    }

    /// A runtime call: no token.
    pub async fn ask(&self, path: &str, body: &Value) -> Answer {
        let request = Self::request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn product(&self, name: &str) -> String {
        self.post("/v1/products", json!({ "name": name })).await.expect(201).text("id")
    }

    pub async fn plan(&self, product: &str, terms: Value) -> String {
        let body = json!({ "product": product, "name": "Pro", "terms": terms });
        self.post("/v1/plans", body).await.expect(201).text("id")
    }

    /// A product, a plan of so many seats and a license of it: the product's id, the license's id and key.
    pub async fn licensed(&self, seats: u32) -> (String, String, String) {
        let product = self.product("Draw").await;
        let plan = self.plan(&product, json!({ "seats": seats })).await;
        let issued = self.post("/v1/licenses", json!({ "plan": plan })).await.expect(201);
        (product, issued.text("id"), issued.text("key"))
    }

    pub async fn activate(&self, product: &str, key: &str, n: u64) -> Answer {
        let body = json!({
            "key": key,
            "device": { "hash": device(n), "name": format!("PC {n}") },
            "nonce": "nonce-0123456789",
        });
        self.ask(&format!("/v1/products/{product}/activate"), &body).await
    }

    pub async fn renew(&self, product: &str, lease: &str) -> Answer {
        let body = json!({ "lease": lease, "nonce": "nonce-0123456789" });
        self.ask(&format!("/v1/products/{product}/renew"), &body).await
    }
}

/// Asks again until `done`, for what becomes true on every node within two seconds.
pub async fn soon<F: Future<Output = Answer>>(mut ask: impl FnMut() -> F, done: impl Fn(&Answer) -> bool) -> Answer {
    let begun = std::time::Instant::now();
    loop {
        let answer = ask().await;
        if done(&answer) || begun.elapsed() > std::time::Duration::from_secs(4) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// The payload of a signed document, unverified.
pub fn claims(token: &str) -> Value {
    use base64::prelude::*;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
