//! Two vendors in one installation, members of every role, one thing of every kind, and browsers to look at them with.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use holdfast_app::ssr::{self, AppState};
use holdfast_domain::{
    AlertId, ApprovalId, BulkActId, CustomerId, DeliveryId, DeviceHash, ImportId, InboxId, InvitationId, LicenseId,
    LicenseModel, MemberId, NodeId, NoteId, OrderId, Permission, PlanId, ProductId, ReplyId, Role, SeatId, SeatModel,
    Seconds, ShopId, ShopKind, ShopRules, Terms, Timestamp, TokenId, VendorId, WebhookId, license::StatusChange,
    webhook::EventFilter,
};
use holdfast_service::{
    Call, Error, Parts, RequestInfo, Service, Settings,
    admin::{
        approvals::Asked,
        bulk::{BulkStep, Target},
        import::StageImport,
        inputs::{
            AcceptInvitation, BootstrapInput, CreateCustomer, CreateOrder, CreatePlan, CreateProduct, CreateToken,
            CustomerChoice, InviteMember, IssueLicense, SignIn,
        },
        notes::NoteSubject,
        second::SignInStep,
        shops::ConnectShop,
        webhooks::CreateWebhook,
    },
    runtime::{Activate, Device, Nonce, keys, mails::MailWay},
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Vault},
};
use holdfast_store::{
    Scope, WriteOptions,
    alerts::{self, AlertRow},
    nodes::{self, NodeRow, NodeState, Wanted},
    shops, vendors,
};
use holdfast_testkit::{db::TestDb, shop::waiting};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub const PASSWORD: &str = "violet kettle ponders gravel";
pub const MASTER_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const OWNER: &str = "owner@example.com";

/// The paths of all pages; found before the first world is made, because nothing may be rendered meanwhile.
pub static PAGE_PATHS: LazyLock<Vec<String>> = LazyLock::new(ssr::page_paths);

/// Where a server function is called.
pub fn function(name: &str) -> String {
    let mut paths = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path);
    let found = paths.find(|path| path.rsplit('/').next() == Some(name));
    found.unwrap_or_else(|| panic!("no function {name}")).to_owned()
}

pub fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub struct World {
    pub db: TestDb,
    pub service: Service,
    pub router: Router,
    pub vendor: VendorId,
    /// A vendor that has nothing.
    pub other: VendorId,
}

/// One thing of every kind.
#[derive(Clone)]
pub struct Things {
    pub product: ProductId,
    pub plan: PlanId,
    pub customer: CustomerId,
    pub order: OrderId,
    pub license: LicenseId,
    pub key: String,
    pub seat: SeatId,
    /// A node that runs and was heard of a moment ago.
    pub node: NodeId,
    /// An alert about the product.
    pub alert: AlertId,
    pub import: ImportId,
    /// An act on many that is still to be done.
    pub bulk: BulkActId,
    /// What an admin asks for.
    pub approval: ApprovalId,
    pub webhook: WebhookId,
    /// A test on its way to it.
    pub delivery: DeliveryId,
    pub shop: ShopId,
    /// What of it waits for a person.
    pub waiting: InboxId,
    /// An import that is still to be decided on.
    pub open_import: ImportId,
    pub member: MemberId,
    pub invitation: InvitationId,
    pub note: NoteId,
    pub token: TokenId,
    pub reply: ReplyId,
    /// The number of the event that tells of the license in the audit log, which is longer than the other vendor's.
    pub event: i64,
    /// What stands at the end of the invitation's link.
    pub link: String,
    /// The day, ten days after the license ends.
    pub later: String,
}

impl World {
    pub async fn new() -> Self {
        Self::with(ssr::Settings::default()).await
    }

    pub async fn with(settings: ssr::Settings) -> Self {
        LazyLock::force(&PAGE_PATHS);
        let db = TestDb::sqlite().await;
        let key = MasterKey::parse(MASTER_KEY.as_bytes()).unwrap();
        let service = Service::new(Parts {
            store: db.store(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            vault: Some(Vault::new(&key)),
            settings: Settings {
                public_url: settings.origins.first().cloned(),
                mail: Some(MailWay {
                    from: text("licenses@example.com"),
                    how: "through mail.example.com:465, TLS".to_owned(),
                    site: "https://licenses.example.com".to_owned(),
                }),
                ..Settings::default()
            },
        });
        let input = BootstrapInput { vendor: text("Example Software"), email: text(OWNER), password: PASSWORD.into() };
        let vendor = service.bootstrap(input).await.unwrap().vendor;
        let (other, own, now) = (VendorId::from_bytes([7; 16]), service.clone(), service.now());
        let made: Result<_, Error> = service
            .store()
            .write(WriteOptions::alone(), move |tx| {
                let own = own.clone();
                Box::pin(async move {
                    vendors::insert(tx, other, &text("Stranger Software"), now).await?;
                    keys::new_root(&own, tx, Scope::trusted(other), now).await
                })
            })
            .await;
        made.unwrap();
        let router = ssr::router(AppState::new(service.clone(), settings));
        Self { db, service, router, vendor, other }
    }

    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookies: BTreeMap::new() }
    }

    /// The browser of a new member.
    pub async fn member(&self, vendor: VendorId, role: Role) -> Browser {
        let email = format!("{}-{}@example.com", role.as_str(), if vendor == self.vendor { "ours" } else { "theirs" });
        self.join(vendor, &email, "Somebody", role).await;
        self.spare_factors().await;
        let mut browser = self.browser();
        browser.sign_in(&email).await;
        browser
    }

    /// Lets everybody go on without a second factor: what most tests are about is something else.
    pub async fn spare_factors(&self) {
        let sql = "UPDATE members SET factor_due_at = 9000000000000000";
        holdfast_store::raw::run(&self.db.db, sql).await.unwrap();
    }

    /// A node of the installation.
    pub async fn node(&self, name: &str) -> NodeId {
        let now = self.service.now();
        let id = NodeId::new(now, &OsEntropy);
        let report = format!(r#"{{"node":"{name}","region":"eu","mode":"normal","requests":{{"used":3,"limit":64}}}}"#);
        let row = NodeRow {
            id,
            name: name.to_owned(),
            region: "eu".to_owned(),
            version: "1.0.0".to_owned(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            started_at: now,
            seen_at: now,
            settled_at: now,
            lost_from: Timestamp::default(),
            lost_until: Timestamp::default(),
            report,
        };
        let registered: Result<(), Error> = self
            .service
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { Ok(nodes::register(tx, &row).await?) })
            })
            .await;
        registered.unwrap();
        id
    }

    /// An alert about a product of the first vendor.
    pub async fn alert(&self, product: ProductId) -> AlertId {
        let now = self.service.now();
        let row = AlertRow {
            id: AlertId::new(now, &OsEntropy),
            vendor: Some(self.vendor),
            product: Some(product),
            code: "expiry_cliff".to_owned(),
            subject: format!("product:{product}"),
            severity: "warning".to_owned(),
            detail: "half of its licenses end within a day".to_owned(),
            raised_at: now,
            updated_at: now,
            fails_at: Some(now.plus(Seconds::days(9))),
            drains_at: None,
            cleared_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
            note: None,
        };
        let id = row.id;
        let raised: Result<(), Error> = self
            .service
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { Ok(alerts::insert(tx, &row).await?) })
            })
            .await;
        raised.unwrap();
        id
    }

    /// Something in the inbox of the first vendor that a shop has told.
    async fn waiting(&self, shop: ShopId) -> InboxId {
        let row = waiting(self.vendor, shop, None, self.service.now());
        let (id, scope) = (row.id, Scope::trusted(self.vendor));
        let parked: Result<bool, Error> = self
            .service
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { Ok(shops::park(tx, scope, &row, "[]").await?) })
            })
            .await;
        assert!(parked.unwrap());
        id
    }

    /// A member of the first vendor who never signed in.
    async fn somebody(&self, tag: &str) -> MemberId {
        self.join(self.vendor, &format!("member-{tag}@example.com"), &format!("Member {tag}"), Role::Viewer).await
    }

    /// The call of an admin of the first vendor who has just signed in.
    async fn asker(&self, tag: &str) -> Call {
        let email = format!("asker-{tag}@example.com");
        self.join(self.vendor, &email, "Somebody", Role::Admin).await;
        self.spare_factors().await;
        let input = SignIn { email, password: PASSWORD.into() };
        let SignInStep::In(signed_in) = self.service.sign_in(input, &RequestInfo::default()).await.unwrap() else {
            panic!("nobody here has a second factor");
        };
        let actor = self.service.actor_for_session(&signed_in.session).await.unwrap();
        Call::new(actor, RequestInfo::default())
    }

    /// Makes somebody a member, with [`PASSWORD`] and without a session.
    async fn join(&self, vendor: VendorId, email: &str, name: &str, role: Role) -> MemberId {
        let invited = InviteMember { email: text(email), role };
        let made = self.service.invite(&Call::system(vendor), invited).await.unwrap();
        let input = AcceptInvitation { name: text(name), password: PASSWORD.into() };
        match self.service.accept_invitation(&made.secret, input, &RequestInfo::default()).await.unwrap() {
            SignInStep::In(signed_in) => {
                self.service.sign_out(&signed_in.session).await.unwrap();
                signed_in.member.id
            }
            SignInStep::Factor(_) => panic!("{email} has a second factor"),
        }
    }

    /// Things of the first vendor. `tag` keeps their names apart.
    pub async fn things(&self, tag: &str) -> Things {
        let (service, call) = (&self.service, Call::system(self.vendor));
        let input = CreateProduct { name: text(&format!("Product {tag}")), code: text(&format!("product-{tag}")) };
        let product = service.create_product(&call, input).await.unwrap().id;
        let year = LicenseModel::Subscription { duration: Seconds::days(365) };
        let terms = Terms { seats: 3, ..Terms::defaults(year, SeatModel::NodeLocked) };
        let input = CreatePlan { product, name: text("Pro"), code: text("pro"), terms };
        let plan = service.create_plan(&call, input).await.unwrap().id;
        let input = CreateCustomer {
            name: Some(text(&format!("Customer {tag}"))),
            email: Some(text(&format!("customer-{tag}@example.com"))),
            ..CreateCustomer::default()
        };
        let customer = service.create_customer(&call, input).await.unwrap().id;
        let order = CreateOrder { reference: text(&format!("order-{tag}")), customer: Some(customer) };
        let order = service.create_order(&call, order).await.unwrap().id;
        let expires_at = service.now().plus(Seconds::days(365));
        let input = IssueLicense {
            customer: Some(CustomerChoice::Existing(customer)),
            order: Some(order),
            expires_at: Some(expires_at),
            ..IssueLicense::of(plan)
        };
        let issued = service.issue_license(&call, input).await.unwrap();
        let activate = Activate {
            key: issued.key.clone(),
            device: Device {
                hash: DeviceHash::from_bytes([9; 32]),
                name: Some(format!("Computer {tag}")),
                platform: None,
                app_version: None,
                public_key: None,
            },
            user: None,
            nonce: Nonce::parse("nonce-0123456789").unwrap(),
            manifest_seq: None,
            borrow_seconds: None,
        };
        let seat = service.activate(product, activate, &RequestInfo::default()).await.unwrap().seat.id;
        let mut imports = Vec::new();
        for n in 0..2 {
            let stage = StageImport {
                file_name: format!("{tag}.csv"),
                product,
                plan: None,
                source: None,
                delimiter: None,
                dates: None,
                mapping: BTreeMap::new(),
            };
            let file = format!("key,plan\nAAAA-{tag}-IMPORTED-000{n},pro\n").into_bytes();
            imports.push(service.stage_import(&call, stage, file).await.unwrap().id);
        }
        let (step, chosen) = (BulkStep::Status(StatusChange::Resume), Target::Licenses(vec![issued.license.id]));
        let bulk = service.begin_bulk(&call, None, step, chosen, text("Asked")).await.unwrap();
        let (step, chosen) = (BulkStep::Status(StatusChange::Resume), Target::Licenses(vec![issued.license.id]));
        let asker = self.asker(tag).await;
        let approval =
            service.ask(&asker, None, Asked::Many { step, target: Box::new(chosen) }, text("Asked")).await.unwrap();
        let hook = CreateWebhook {
            url: format!("https://example.com/{tag}"),
            description: String::new(),
            events: EventFilter::default(),
        };
        let webhook = service.create_webhook(&call, hook).await.unwrap().webhook.id;
        let delivery = service.test_webhook(&call, webhook).await.unwrap().id;
        let (kind, name, rules) = (ShopKind::Generic, text(&format!("Shop {tag}")), ShopRules::default());
        let shop = ConnectShop { kind, name, api_url: None, api_key: None, rules };
        let shop = service.connect_shop(&call, shop).await.unwrap().shop.id;
        let invite = InviteMember { email: text(&format!("invited-{tag}@example.com")), role: Role::Viewer };
        let invited = service.invite(&call, invite).await.unwrap();
        let note = text(&format!("Note {tag}"));
        let note = service.add_note(&call, NoteSubject::License(issued.license.id), note).await.unwrap().id;
        let reply = service.save_reply(&call, None, text(&format!("Reply {tag}")), text("Dear {customer}")).await;
        let reply = reply.unwrap();
        let token = CreateToken { name: text("Shop"), scopes: vec![Permission::CatalogRead], expires_at: None };
        let token = service.create_token(&call, token).await.unwrap().token.id;
        let told = service.license(&call.actor, issued.license.id).await.unwrap().timeline;
        let event = told.iter().find(|event| event.action == "license.issued").unwrap().number;
        let day = jiff::Timestamp::from_microsecond(expires_at.plus(Seconds::days(10)).micros()).unwrap();
        let later = day.strftime("%Y-%m-%d").to_string();
        Things {
            product,
            plan,
            customer,
            order,
            license: issued.license.id,
            key: issued.key,
            seat,
            node: self.node(tag).await,
            alert: self.alert(product).await,
            member: self.somebody(tag).await,
            invitation: invited.invitation.id,
            note,
            reply,
            token,
            event,
            link: invited.secret,
            import: imports[0],
            open_import: imports[1],
            bulk,
            approval,
            webhook,
            delivery,
            shop,
            waiting: self.waiting(shop).await,
            later,
        }
    }
}

/// What a browser got.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `ok`, or the code of the refusal.
    pub fn code(&self) -> String {
        if self.status.is_success() {
            return "ok".to_owned();
        }
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().map_or_else(|| format!("{} {}", self.status, self.body), str::to_owned)
    }
}

/// A browser: it keeps cookies.
#[derive(Clone)]
pub struct Browser {
    pub router: Router,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Calls a server function as a script does.
    pub async fn call(&mut self, path: &str, arguments: &str) -> Answer {
        let request = Self::form(path).header(header::ACCEPT, "application/json");
        self.send(request.body(Body::from(arguments.to_owned())).unwrap()).await
    }

    /// Sends a form from the page `from` as a browser without scripting does.
    pub async fn submit(&mut self, from: &str, path: &str, fields: &str) -> Answer {
        let request = Self::form(path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header(header::REFERER, format!("http://127.0.0.1:8080{from}"));
        self.send(request.body(Body::from(fields.to_owned())).unwrap()).await
    }

    /// Sends a form as a browser does whose fields may be files, scripting or not.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let part = |(name, value): &(&str, &str)| {
            format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = fields.iter().map(part).collect();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=part")
            .header(header::ACCEPT, "text/html")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(format!("{body}--part--\r\n"))).unwrap()).await
    }

    fn form(path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
    }

    pub async fn sign_in(&mut self, email: &str) {
        let fields = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.call(&function("sign_in"), &fields).await;
        assert_eq!(answer.code(), "ok", "{email}: {}", answer.body);
    }

    /// The value of the session's cookie.
    pub fn session(&self) -> Option<&String> {
        self.cookies.get("holdfast_session").or_else(|| self.cookies.get("__Host-holdfast"))
    }
}
