//! A vendor with a product, licenses and devices, and what a client does with the answers.

use holdfast_domain::{
    Code, DeviceHash, Entitlements, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, Name, PlanId,
    ProductId, SeatModel, Seconds, Terms, VendorId,
};
use holdfast_lease::{
    Denial, Document, Expectations, KeyManifest, Keyring, Lease, PublicKey, RootKeys, device_hash, verify,
    verify_manifest,
};
use holdfast_service::{
    Error, ErrorCode, Parts, RequestInfo, Service, Settings,
    runtime::{Activate, Activated, Device, Nonce, Release, Renew, Renewed, keys},
    vault::{MasterKey, Purpose, Vault},
};
use holdfast_store::{
    Direction, NewChange, PageRequest, Scope, Store, WriteOptions,
    changes::ChangeKind,
    events,
    licenses::{self, NewLicense},
    plans::{self, PlanRow},
    products::{self, ProductRow},
    vendors,
};
use holdfast_testkit::{FakeClock, SeededEntropy, TestDb};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub const NONCE: &str = "nonce-0123456789";

pub struct World {
    pub service: Service,
    pub clock: Arc<FakeClock>,
    pub vendor: VendorId,
    pub product: ProductId,
    pub root: PublicKey,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Another number every time.
pub fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub fn vault() -> Vault {
    let bytes: Vec<u8> = (0..32).collect();
    Vault::new(&MasterKey::parse(&bytes).unwrap())
}

pub fn node(store: Store, clock: Arc<FakeClock>, vault: Option<Vault>) -> Service {
    let settings = Settings { endpoints: vec!["https://licenses.example.com".to_owned()], ..Settings::default() };
    Service::new(Parts { store, clock, entropy: Arc::new(SeededEntropy::new(unique())), vault, settings })
}

/// Runs a write job that is run once.
pub async fn write<T: Send + 'static, F>(service: &Service, job: F) -> T
where
    F: for<'a> Fn(&'a mut holdfast_store::Tx) -> holdfast_store::BoxFuture<'a, Result<T, Error>> + Send + 'static,
{
    service.store().write(WriteOptions::alone(), job).await.unwrap()
}

impl World {
    pub async fn new(db: &TestDb) -> Self {
        let clock = Arc::new(FakeClock::default());
        let service = node(db.store(), Arc::clone(&clock), Some(vault()));
        let vendor = VendorId::new(service.now(), &SeededEntropy::new(unique()));
        let (own, now) = (service.clone(), service.now());
        let root = write(&service, move |tx| {
            let own = own.clone();
            Box::pin(async move {
                let name: Name = "Example Software".parse().unwrap();
                vendors::insert(tx, vendor, &name, now).await?;
                keys::new_root(&own, tx, Scope::trusted(vendor), now).await
            })
        })
        .await;
        let world = Self { product: product(&service, vendor).await, service, clock, vendor, root };
        world.clock.advance(Seconds(60));
        world
    }

    pub fn scope(&self) -> Scope {
        Scope::trusted(self.vendor)
    }

    /// Another node on the same database, with a cache of its own.
    pub async fn another_node(&self, db: &TestDb) -> Service {
        node(db.another_node().await, Arc::clone(&self.clock), Some(vault()))
    }

    pub async fn another_product(&self) -> ProductId {
        product(&self.service, self.vendor).await
    }

    pub async fn plan(&self, terms: Terms) -> PlanRow {
        let plan = PlanRow {
            id: PlanId::new(self.service.now(), &SeededEntropy::new(unique())),
            vendor: self.vendor,
            product: self.product,
            code: code("plan"),
            name: "A plan".parse().unwrap(),
            terms: terms.checked().unwrap(),
            created_at: self.service.now(),
            updated_at: self.service.now(),
            archived_at: None,
        };
        let (scope, row) = (self.scope(), plan.clone());
        write(&self.service, move |tx| {
            let row = row.clone();
            Box::pin(async move { Ok(plans::insert(tx, scope, &row).await?) })
        })
        .await;
        plan
    }

    /// A license of a plan with these terms: its id and its key.
    pub async fn license(&self, terms: Terms) -> (LicenseId, String) {
        let plan = self.plan(terms).await;
        let entropy = SeededEntropy::new(unique());
        let (now, key) = (self.service.now(), LicenseKey::generate(&entropy));
        let id = LicenseId::new(now, &entropy);
        let new = NewLicense {
            key_hash: vault().key_hash(&key),
            key_sealed: vault().seal(Purpose::LicenseKey, &id.to_bytes(), key.expose().as_bytes(), &entropy).unwrap(),
            key_hint: key.hint().to_owned(),
            license: License {
                id,
                vendor: self.vendor,
                product: self.product,
                plan: plan.id,
                plan_code: plan.code,
                customer: None,
                order: None,
                status: LicenseStatus::Active,
                status_reason: None,
                status_effective_at: None,
                expires_at: plan.terms.model.end(now),
                terms: plan.terms,
                overrides: Entitlements::new(),
                created_at: now,
            },
        };
        let scope = self.scope();
        write(&self.service, move |tx| {
            let new = new.clone();
            Box::pin(async move { Ok(licenses::insert(tx, scope, &new).await?) })
        })
        .await;
        (id, key.expose().to_owned())
    }

    /// Changes a license as the management side does: row and change in one transaction.
    pub async fn change(&self, id: LicenseId, change: impl Fn(&mut License) + Send + Sync + 'static) {
        let (scope, now, product) = (self.scope(), self.service.now(), self.product);
        let change = Arc::new(change);
        write(&self.service, move |tx| {
            let change = Arc::clone(&change);
            Box::pin(async move {
                let mut license = licenses::lock(tx, scope, id).await?.unwrap().license;
                change(&mut license);
                licenses::update(tx, scope, &license, now).await?;
                tx.change(NewChange {
                    vendor: scope.vendor(),
                    product: Some(product),
                    kind: ChangeKind::License,
                    subject: id.to_bytes(),
                    at: now,
                });
                Ok(())
            })
        })
        .await;
    }

    pub async fn set_status(&self, id: LicenseId, status: LicenseStatus) {
        self.change(id, move |license| license.status = status).await;
    }

    pub fn device(&self, name: &str) -> Device {
        let hash: DeviceHash = device_hash(&self.product.to_string(), name.as_bytes()).parse().unwrap();
        Device { name: Some(name.to_owned()), ..Device::new(hash) }
    }

    pub async fn activate(&self, key: &str, device: &str) -> Result<Activated, Error> {
        self.service.activate(self.product, self.activation(key, device), &from()).await
    }

    pub fn activation(&self, key: &str, device: &str) -> Activate {
        Activate {
            key: key.to_owned(),
            device: self.device(device),
            user: None,
            nonce: nonce(),
            manifest_seq: None,
            borrow_seconds: None,
        }
    }

    pub async fn renew(&self, lease: &str) -> Result<Renewed, Error> {
        self.service.renew(self.product, renewal(lease), &from()).await
    }

    pub async fn release(&self, lease: &str) -> Result<(), Error> {
        let input = Release { lease: lease.to_owned(), nonce: nonce() };
        self.service.release(self.product, input, &from()).await
    }

    /// The newest manifest as a client reads it, with its pinned root key.
    pub async fn manifest(&self) -> KeyManifest {
        let document = self.service.key_manifest(self.vendor).await.unwrap();
        self.read_manifest(&document.token)
    }

    pub fn read_manifest(&self, token: &str) -> KeyManifest {
        verify_manifest(token.as_bytes(), &RootKeys::one(self.root)).unwrap()
    }

    /// A document as a client with the newest manifest reads it.
    pub async fn read<D: Document>(&self, token: &str) -> D {
        let keyring = Keyring::from_manifest(&self.manifest().await);
        verify(token.as_bytes(), &keyring, Expectations::product(&self.product.to_string())).unwrap()
    }

    pub async fn lease(&self, token: &str) -> Lease {
        self.read(token).await
    }

    /// What the audit log says happened to `subject`, the oldest first; and that its chain is whole.
    pub async fn log_of(&self, subject: &str) -> Vec<String> {
        let mut reader = self.service.store().reader();
        let filter = events::EventFilter { subject: Some(subject.to_owned()), ..Default::default() };
        let page = PageRequest { direction: Direction::Ascending, ..PageRequest::default() };
        let found = events::list(&mut reader, self.scope(), &filter, &page).await.unwrap();
        assert!(matches!(events::verify(&mut reader, self.scope()).await.unwrap(), events::Verdict::Whole { .. }));
        found.items.into_iter().map(|event| event.action).collect()
    }

    /// The signed denial of an error with `code`.
    pub async fn denial(&self, error: Error, code: ErrorCode) -> Denial {
        assert_eq!(error.code, code, "{error:?}");
        let denial: Denial = self.read(&error.denial.unwrap()).await;
        assert_eq!(denial.nonce, NONCE);
        assert_eq!((&denial.iss, &denial.aud), (&self.vendor.to_string(), &self.product.to_string()));
        assert_eq!(denial.help.as_deref(), Some("https://licenses.example.com/help"));
        denial
    }
}

pub async fn product(service: &Service, vendor: VendorId) -> ProductId {
    let (own, now) = (service.clone(), service.now());
    let id = ProductId::new(now, &SeededEntropy::new(unique()));
    write(service, move |tx| {
        let own = own.clone();
        Box::pin(async move {
            let scope = Scope::trusted(vendor);
            let row = ProductRow {
                id,
                vendor,
                code: code("product"),
                name: "A product".parse().unwrap(),
                revocation_seq: 0,
                created_at: now,
                updated_at: now,
                archived_at: None,
            };
            products::insert(tx, scope, &row).await?;
            keys::new_issuing(&own, tx, scope, id, now).await?;
            Ok(id)
        })
    })
    .await
}

fn code(kind: &str) -> Code {
    format!("{kind}-{}", unique()).parse().unwrap()
}

pub fn nonce() -> Nonce {
    Nonce::parse(NONCE).unwrap()
}

pub fn from() -> RequestInfo {
    RequestInfo { address: None, request_id: "req-1".to_owned(), ..RequestInfo::default() }
}

pub fn renewal(lease: &str) -> Renew {
    Renew { lease: lease.to_owned(), nonce: nonce(), manifest_seq: None, proof: None, device: None }
}

/// Node-locked and perpetual, with `seats` seats.
pub fn fixed(seats: u32) -> Terms {
    Terms { seats, ..Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked) }
}

pub fn floating(seats: u32) -> Terms {
    Terms { seats, ..Terms::defaults(LicenseModel::Perpetual, SeatModel::Floating) }
}

pub fn subscription(days: i64) -> Terms {
    let model = LicenseModel::Subscription { duration: Seconds::days(days) };
    Terms { seats: 2, ..Terms::defaults(model, SeatModel::NodeLocked) }
}

pub fn entitlements(codes: &[&str]) -> Entitlements {
    codes.iter().map(|code| (code.parse().unwrap(), holdfast_domain::EntitlementValue::ON)).collect()
}

/// Runs `body` while the background work of `services` runs; waits until they have caught up with the feed first.
pub async fn in_background<T>(services: &[&Service], body: impl Future<Output = T>) -> T {
    let mut running = Vec::new();
    for service in services {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let own = (*service).clone();
        let task = tokio::spawn(async move {
            own.run_background(async {
                let _ = stopped.await;
            })
            .await;
        });
        running.push((stop, task));
    }
    for service in services {
        until(|| async { service.runtime_status().feed_age.is_some() }).await;
    }
    let result = body.await;
    for (stop, task) in running {
        let _ = stop.send(());
        tokio::time::timeout(std::time::Duration::from_secs(10), task).await.unwrap().unwrap();
    }
    result
}

/// Waits until `done` holds, for at most five seconds. Returns how long it took.
pub async fn until<F: Future<Output = bool>>(done: impl Fn() -> F) -> std::time::Duration {
    let began = std::time::Instant::now();
    while !done().await {
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "waited for too long");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    began.elapsed()
}
