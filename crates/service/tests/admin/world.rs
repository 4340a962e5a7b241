//! A vendor with members of every role, a product, plans and customers.

use holdfast_domain::{
    AlertId, CustomerId, DeviceHash, Entitlements, InboxId, LicenseId, LicenseModel, MemberId, Name, NodeId, OrderId,
    Permission, PlanId, ProductId, Role, SeatId, SeatModel, Seconds, ShopId, ShopKind, ShopRules, Terms, Timestamp,
    VendorId,
};
use holdfast_service::{
    Actor, Call, Error, Idempotency, Parts, RequestInfo, Service, Settings,
    admin::{
        inputs::{
            AcceptInvitation, BootstrapInput, CreateCustomer, CreatePlan, CreateProduct, CreateToken, InviteMember,
            IssueLicense, Password, SignIn,
        },
        page::{Limit, PageRequest},
        second::SignInStep,
        sessions::SignedIn,
        shops::ConnectShop,
        views::Issued,
    },
    runtime::{Activate, Activated, Device, Nonce, keys},
    vault::{MasterKey, Vault},
};
use holdfast_store::{
    Scope, Store, WriteOptions,
    alerts::{self, AlertRow},
    nodes::{self, NodeRow, NodeState, Wanted},
    shops, vendors,
};
use holdfast_testkit::{FakeClock, SeededEntropy, TestDb, shop::waiting};
use sha2::{Digest as _, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub const PASSWORD: &str = "violet kettle ponders gravel";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Another number every time.
pub fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub fn vault() -> Vault {
    let bytes: Vec<u8> = (0..32).collect();
    Vault::new(&MasterKey::parse(&bytes).unwrap())
}

pub fn node(store: Store, clock: &Arc<FakeClock>) -> Service {
    let settings = Settings { endpoints: vec!["https://licenses.example.com".to_owned()], ..Settings::default() };
    let entropy = Arc::new(SeededEntropy::new(unique()));
    Service::new(Parts { store, clock: clock.clone(), entropy, vault: Some(vault()), settings })
}

pub fn from(address: &str) -> RequestInfo {
    RequestInfo {
        address: Some(address.parse().unwrap()),
        request_id: format!("req-{}", unique()),
        ..RequestInfo::default()
    }
}

pub fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub fn idempotency(key: &str, body: &str) -> Idempotency {
    Idempotency { key: key.to_owned(), body_hash: Sha256::digest(body.as_bytes()).into() }
}

/// A page of 200 in the list's usual order.
pub fn page<S: Default>() -> PageRequest<S> {
    PageRequest { limit: Limit::new(200), ..PageRequest::default() }
}

/// An empty installation.
pub fn empty(db: &TestDb) -> (Service, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::default());
    (node(db.store(), &clock), clock)
}

/// A vendor on `service`, however many there are already.
pub async fn vendor(service: &Service, name: &str) -> VendorId {
    let vendor = VendorId::new(service.now(), &SeededEntropy::new(unique()));
    let (own, now, name) = (service.clone(), service.now(), text::<Name>(name));
    service
        .store()
        .write::<_, Error, _>(WriteOptions::alone(), move |tx| {
            let (own, name) = (own.clone(), name.clone());
            Box::pin(async move {
                vendors::insert(tx, vendor, &name, now).await?;
                keys::new_root(&own, tx, Scope::trusted(vendor), now).await
            })
        })
        .await
        .unwrap();
    vendor
}

pub struct World {
    pub service: Service,
    pub clock: Arc<FakeClock>,
    pub vendor: VendorId,
    pub product: ProductId,
    /// A yearly plan of three node-locked seats.
    pub plan: PlanId,
}

impl World {
    /// A node that has just registered.
    pub async fn node(&self, id: NodeId) {
        let at = self.service.now();
        let row = NodeRow {
            id,
            name: "node-1".to_owned(),
            region: "eu".to_owned(),
            version: "1.0".to_owned(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            started_at: at,
            seen_at: at,
            settled_at: at,
            lost_from: Timestamp::default(),
            lost_until: Timestamp::default(),
            report: r#"{"mode":"normal"}"#.to_owned(),
        };
        let write = self.service.store().write(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { nodes::register(tx, &row).await })
        });
        write.await.unwrap();
    }

    /// The vendor's shop.
    pub async fn shop(&self) -> ShopId {
        if let Some(shop) = self.service.shops(&self.system(), page()).await.unwrap().items.first() {
            return shop.id;
        }
        let (kind, name, rules) = (ShopKind::Generic, text("Web shop"), ShopRules::default());
        let input = ConnectShop { kind, name, api_url: None, api_key: None, rules };
        self.service.connect_shop(&self.call(), input).await.unwrap().shop.id
    }

    /// Something in the inbox: that the money for an order went back, or that a message cannot be read.
    pub async fn waiting(&self, order: Option<OrderId>) -> InboxId {
        let row = waiting(self.vendor, self.shop().await, order, self.service.now());
        let (id, scope) = (row.id, Scope::trusted(self.vendor));
        let write = self.service.store().write(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { shops::park(tx, scope, &row, "[]").await })
        });
        assert!(write.await.unwrap());
        id
    }

    /// An alert of the vendor that stands.
    pub async fn alert(&self) -> AlertId {
        let (id, at) = (AlertId::new(self.service.now(), &SeededEntropy::new(unique())), self.service.now());
        let row = AlertRow {
            id,
            vendor: Some(self.vendor),
            product: Some(self.product),
            code: "job_silent".to_owned(),
            subject: format!("job:job-{}", unique()),
            severity: "warning".to_owned(),
            detail: "it has not run for 3 h".to_owned(),
            raised_at: at,
            updated_at: at,
            fails_at: None,
            drains_at: None,
            cleared_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            note: None,
        };
        let write = self.service.store().write(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { alerts::insert(tx, &row).await })
        });
        write.await.unwrap();
        id
    }

    pub async fn new(db: &TestDb) -> Self {
        let (service, clock) = empty(db);
        let vendor = vendor(&service, "Example Software").await;
        let call = Call::system(vendor);
        let (product, plan) = product(&service, &call, "editor").await;
        clock.advance(Seconds(60));
        Self { service, clock, vendor, product, plan }
    }

    /// The system's call.
    pub fn call(&self) -> Call {
        Call::system(self.vendor)
    }

    pub fn system(&self) -> Actor {
        Actor::system(self.vendor)
    }

    /// Somebody of `role`, freshly signed in.
    pub async fn member(&self, role: Role) -> Call {
        let email = format!("{}-{}@example.com", role.as_str(), unique());
        join(&self.service, &self.call(), &email, role).await;
        self.spare_factors().await;
        let signed_in = let_in(&self.service, &email, PASSWORD).await;
        let actor = self.service.actor_for_session(&signed_in.session).await.unwrap();
        Call::new(actor, from("192.0.2.1"))
    }

    /// A program with a token for these.
    pub async fn token(&self, scopes: &[Permission]) -> Call {
        let input = CreateToken { name: text("A program"), scopes: scopes.to_vec(), expires_at: None };
        let token = self.service.create_token(&self.call(), input).await.unwrap();
        Call::new(self.service.authenticate_token(&token.secret).await.unwrap(), from("192.0.2.2"))
    }

    /// Lets everybody go on without a second factor: what is tested here is something else.
    pub async fn spare_factors(&self) {
        let sql = "UPDATE members SET factor_due_at = 9000000000000000";
        holdfast_store::raw::run(self.service.store().db(), sql).await.unwrap();
    }

    pub async fn issue(&self) -> Issued {
        self.service.issue_license(&self.call(), IssueLicense::of(self.plan)).await.unwrap()
    }

    pub async fn customer(&self, email: &str) -> CustomerId {
        let input = CreateCustomer { email: Some(text(email)), ..CreateCustomer::default() };
        self.service.create_customer(&self.call(), input).await.unwrap().id
    }

    pub async fn activate(&self, key: &str, device: &str) -> Result<Activated, Error> {
        self.activate_as(key, device, None).await
    }

    /// The same for a person.
    pub async fn activate_for(&self, key: &str, device: &str, user: &str) -> Result<Activated, Error> {
        self.activate_as(key, device, Some(user)).await
    }

    async fn activate_as(&self, key: &str, device: &str, user: Option<&str>) -> Result<Activated, Error> {
        self.activate_on(&self.service, key, device, user).await
    }

    /// The same on another node.
    pub async fn activate_on(
        &self,
        node: &Service,
        key: &str,
        device: &str,
        user: Option<&str>,
    ) -> Result<Activated, Error> {
        let input = Activate {
            key: key.to_owned(),
            device: Device {
                hash: DeviceHash::from_bytes(Sha256::digest(device.as_bytes()).into()),
                name: Some(device.to_owned()),
                platform: None,
                app_version: None,
                public_key: None,
            },
            user: user.map(text),
            nonce: Nonce::parse("nonce-0123456789").unwrap(),
            manifest_seq: None,
            borrow_seconds: None,
        };
        node.activate(self.product, input, &from("198.51.100.7")).await
    }

    /// A license with a seat taken on each of `devices`.
    pub async fn used(&self, devices: &[&str]) -> (LicenseId, Vec<SeatId>) {
        let issued = self.issue().await;
        let mut seats = Vec::new();
        for device in devices {
            seats.push(self.activate(&issued.key, device).await.unwrap().seat.id);
        }
        (issued.license.id, seats)
    }
}

pub fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn { email: email.to_owned(), password: Password::from(password) }
}

/// Makes somebody a member, whom `by` invites, with [`PASSWORD`] and without a session.
pub async fn join(service: &Service, by: &Call, email: &str, role: Role) -> MemberId {
    let made = service.invite(by, InviteMember { email: text(email), role }).await.unwrap();
    let input = AcceptInvitation { name: text("Somebody"), password: PASSWORD.into() };
    match service.accept_invitation(&made.secret, input, &from("192.0.2.1")).await.unwrap() {
        SignInStep::In(signed_in) => {
            service.sign_out(&signed_in.session).await.unwrap();
            signed_in.member.id
        }
        SignInStep::Factor(_) => panic!("{email} has a second factor"),
    }
}

/// Signs somebody without a second factor in.
pub async fn let_in(service: &Service, email: &str, password: &str) -> SignedIn {
    match service.sign_in(sign_in(email, password), &from("192.0.2.1")).await.unwrap() {
        SignInStep::In(signed_in) => signed_in,
        SignInStep::Factor(_) => panic!("{email} has a second factor"),
    }
}

pub fn bootstrap_input(email: &str) -> BootstrapInput {
    BootstrapInput { vendor: text("Example Software"), email: text(email), password: PASSWORD.into() }
}

pub fn yearly() -> Terms {
    let year = LicenseModel::Subscription { duration: Seconds::days(365) };
    Terms { seats: 3, ..Terms::defaults(year, SeatModel::NodeLocked) }
}

pub async fn product(service: &Service, call: &Call, code: &str) -> (ProductId, PlanId) {
    let input = CreateProduct { name: text("A product"), code: text(code) };
    let product = service.create_product(call, input).await.unwrap().id;
    let input = CreatePlan { product, name: text("Pro"), code: text("pro"), terms: yearly() };
    (product, service.create_plan(call, input).await.unwrap().id)
}

pub fn entitlements(codes: &[&str]) -> Entitlements {
    codes.iter().map(|code| (text(code), holdfast_domain::EntitlementValue::ON)).collect()
}
