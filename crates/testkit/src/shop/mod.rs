//! Payment providers for tests: what each answers about a sale, the messages that it sends, and how it signs them. Written
//! after the providers' documentation, with the members that are read and enough of the others.
#![allow(clippy::missing_panics_doc, clippy::needless_pass_by_value, clippy::unwrap_used)]

mod lemon_squeezy;
mod paddle;
mod stripe;

#[cfg(feature = "db")]
use crate::SeededEntropy;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
#[cfg(feature = "db")]
use holdfast_domain::{InboxId, OrderId, ShopEventId, ShopId, VendorId};
use holdfast_domain::{ShopKind, Timestamp, sale::SubscriptionStatus};
#[cfg(feature = "db")]
use holdfast_store::shops::{InboxKind, InboxRow, Resolution};
use serde_json::{Value, json};
use sha2::Sha256;
#[cfg(feature = "db")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What everything costs, in hundredths.
pub const TOTAL: i64 = 4_900;
/// The API key that a stand-in lets in.
pub const API_KEY: &str = "key_of_the_tests";

/// A sale as a provider has it.
#[derive(Clone, Debug)]
pub struct Sold {
    /// Makes its ids other ones than those of another.
    pub tag: u32,
    /// Who bought.
    pub email: String,
    /// The price or variant.
    pub price: String,
    /// How many.
    pub quantity: u32,
    /// Whether it was paid.
    pub paid: bool,
    /// How much was paid back, of the last payment.
    pub back: i64,
    /// How a dispute about the last payment stands: `open`, `won` or `lost`.
    pub dispute: Option<&'static str>,
    /// The subscription that it is.
    pub period: Option<Period>,
}

/// A subscription as a provider has it.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// Whether it goes on.
    pub status: SubscriptionStatus,
    /// The end of the first period.
    pub first_until: Timestamp,
    /// How many periods were paid.
    pub paid: u32,
}

/// How long a period is, in seconds.
const PERIOD: i64 = 30 * 86_400;

impl Period {
    /// The end of the period of this number, from 1.
    pub const fn end(self, number: u32) -> i64 {
        self.first_until.seconds().0 + (number as i64 - 1) * PERIOD
    }

    /// Until when it was paid for.
    pub const fn paid_until(self) -> Timestamp {
        Timestamp::from_seconds(self.end(self.paid))
    }
}

impl Sold {
    /// One piece, bought once and paid.
    pub fn once(tag: u32, price: &str) -> Self {
        Self {
            tag,
            email: format!("buyer{tag}@example.com"),
            price: price.to_owned(),
            quantity: 1,
            paid: true,
            back: 0,
            dispute: None,
            period: None,
        }
    }

    /// A subscription, of which the first period was paid.
    pub fn subscribed(tag: u32, price: &str, first_until: Timestamp) -> Self {
        let period = Period { status: SubscriptionStatus::Renewing, first_until, paid: 1 };
        Self { period: Some(period), ..Self::once(tag, price) }
    }

    /// The same after so many payments.
    #[must_use]
    pub fn renewed(mut self, paid: u32) -> Self {
        self.period = self.period.map(|period| Period { paid, ..period });
        self
    }

    /// The same in another state.
    #[must_use]
    pub fn now(mut self, status: SubscriptionStatus) -> Self {
        self.period = self.period.map(|period| Period { status, ..period });
        self
    }

    /// The same with so much paid back.
    #[must_use]
    pub fn paid_back(self, back: i64) -> Self {
        Self { back, ..self }
    }

    /// What the API of a provider answers about it: paths and answers.
    pub fn answers(&self, kind: ShopKind) -> Vec<(String, Value)> {
        match kind {
            ShopKind::Stripe => stripe::answers(self),
            ShopKind::Paddle => paddle::answers(self),
            ShopKind::LemonSqueezy => lemon_squeezy::answers(self),
            ShopKind::Generic => Vec::new(),
        }
    }

    /// The messages that a provider has sent about it by now.
    pub fn messages(&self, kind: ShopKind) -> Vec<Value> {
        match kind {
            ShopKind::Stripe => stripe::messages(self),
            ShopKind::Paddle => paddle::messages(self),
            ShopKind::LemonSqueezy => lemon_squeezy::messages(self),
            ShopKind::Generic => vec![self.described(1)],
        }
    }

    /// What its messages are called after, so that each state of it is told anew.
    fn state(&self) -> String {
        let period = self.period.map(|period| format!("{:?}_{}", period.status, period.paid)).unwrap_or_default();
        format!("{}_{}_{period}", self.back, self.dispute.unwrap_or_default())
    }

    /// What the sale is called.
    pub fn id(&self, kind: ShopKind) -> String {
        let (tag, renews) = (self.tag, self.period.is_some());
        match (kind, renews) {
            (ShopKind::Stripe, true) => format!("sub_{tag}"),
            (ShopKind::Stripe, false) => format!("pi_{tag}"),
            (ShopKind::Paddle, true) => format!("sub_0{tag}"),
            (ShopKind::Paddle, false) => format!("txn_0{tag}"),
            (ShopKind::LemonSqueezy, _) => (700_000 + tag).to_string(),
            (ShopKind::Generic, _) => format!("order-{tag}"),
        }
    }

    /// The message in which any other shop describes this state, the `sequence`th.
    pub fn described(&self, sequence: u64) -> Value {
        let payment = match (self.paid, self.back) {
            (false, _) => "pending",
            (true, 0) => "paid",
            (true, back) if back < TOTAL => "paid_back_in_part",
            (true, _) => "paid_back",
        };
        let line =
            json!({ "id": "1", "price": self.price, "quantity": self.quantity, "renews": self.period.is_some() });
        let mut sale = json!({
            "id": self.id(ShopKind::Generic), "payment": payment, "lines": [line],
            "buyer": { "email": self.email, "name": "Ada Example" },
        });
        if self.back > 0 {
            sale["paid_back"] = json!(format!("{}.{:02} EUR", self.back / 100, self.back % 100));
        }
        if let Some(dispute) = self.dispute {
            sale["dispute"] = json!(dispute);
        }
        if let Some(period) = self.period {
            sale["subscription"] = json!({ "status": period.status, "paid_until": period.end(period.paid) });
        }
        json!({ "type": "sale", "sequence": sequence, "sale": sale })
    }
}

/// A time as most providers write it.
fn rfc_3339(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000000Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The secret of a shop of that kind, as its provider or Holdfast would make it.
pub fn secret(kind: ShopKind, tag: u8) -> String {
    match kind {
        ShopKind::Stripe => format!("whsec_{tag:032}"),
        ShopKind::Paddle => format!("pdl_ntfset_{tag:032}"),
        ShopKind::LemonSqueezy => format!("{tag:032}"),
        ShopKind::Generic => format!("whsec_{}", BASE64_STANDARD.encode([tag; 24])),
    }
}

/// The headers with which a provider sends `body` at `at`, signed with `secret`; `name` is what other shops call the message.
pub fn sign(kind: ShopKind, secret: &str, at: Timestamp, body: &[u8], name: &str) -> Vec<(&'static str, String)> {
    let at = at.seconds();
    let mac = |before: String, key: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(before.as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    };
    let hex = |bytes: Vec<u8>| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    match kind {
        ShopKind::Stripe => {
            let v1 = hex(mac(format!("{at}."), secret.as_bytes()));
            vec![("stripe-signature", format!("t={at},v0={v1},v1={v1}"))]
        }
        ShopKind::Paddle => {
            let h1 = hex(mac(format!("{at}:"), secret.as_bytes()));
            vec![("paddle-signature", format!("ts={at};h1={h1}"))]
        }
        ShopKind::LemonSqueezy => vec![("x-signature", hex(mac(String::new(), secret.as_bytes())))],
        ShopKind::Generic => {
            let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
            let v1 = BASE64_STANDARD.encode(mac(format!("{name}.{at}."), &key));
            vec![
                ("webhook-id", name.to_owned()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", format!("v1,{v1}")),
            ]
        }
    }
}

/// Something in the inbox of a shop: that the money for an order went back, or that a message cannot be read.
#[cfg(feature = "db")]
pub fn waiting(vendor: VendorId, shop: ShopId, order: Option<OrderId>, at: Timestamp) -> InboxRow {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let entropy = SeededEntropy::new(number);
    InboxRow {
        id: InboxId::new(at, &entropy),
        vendor,
        shop,
        sale: format!("sale-{number}"),
        matter: "told".to_owned(),
        kind: if order.is_some() { InboxKind::Refund } else { InboxKind::Unreadable },
        detail: "A person has to look.".to_owned(),
        line: None,
        order_id: order,
        event: ShopEventId::new(at, &entropy),
        state: None,
        opened_at: at,
        resolution: Resolution::Open,
        resolved_by: None,
        resolved_at: None,
        reason: None,
    }
}

/// The API of a provider. Clones are the same one.
#[derive(Clone, Default)]
pub struct StandIn(Arc<Mutex<Standing>>);

#[derive(Default)]
struct Standing {
    answers: BTreeMap<String, Value>,
    fails_with: Option<u16>,
    asked: Vec<String>,
}

impl StandIn {
    /// Has it know a sale as it stands now.
    pub fn knows(&self, kind: ShopKind, sold: &Sold) {
        self.says(sold.answers(kind));
    }

    /// Has it give these answers.
    pub fn says(&self, answers: Vec<(String, Value)>) {
        self.0.lock().unwrap().answers.extend(answers);
    }

    /// Has it answer everything with that status, or as it should.
    pub fn fails_with(&self, status: Option<u16>) {
        self.0.lock().unwrap().fails_with = status;
    }

    /// What it was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    /// Its answer to whoever asks for `target` with that `Authorization`.
    pub fn answer(&self, target: &str, authorization: Option<&str>) -> (u16, Vec<u8>) {
        let mut standing = self.0.lock().unwrap();
        standing.asked.push(target.to_owned());
        if let Some(status) = standing.fails_with {
            return (status, b"{\"error\":\"not now\"}".to_vec());
        }
        if authorization != Some(format!("Bearer {API_KEY}").as_str()) {
            return (401, b"{\"error\":\"who are you?\"}".to_vec());
        }
        match standing.answers.get(&plain(target)) {
            Some(answer) => (200, answer.to_string().into_bytes()),
            None => (404, b"{\"error\":\"no such thing\"}".to_vec()),
        }
    }

    /// Serves it over HTTP on a free port of this machine, for as long as the process lives.
    pub fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let own = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let own = own.clone();
                thread::spawn(move || own.talk(stream));
            }
        });
        address
    }

    fn talk(&self, mut stream: TcpStream) -> Option<()> {
        let (mut head, mut piece) = (String::new(), [0; 4_096]);
        while !head.contains("\r\n\r\n") {
            let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
            head.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        let target = head.split(' ').nth(1)?.to_owned();
        let authorization = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
        });
        let (status, body) = self.answer(&target, authorization.as_deref());
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
            .ok()?;
        stream.write_all(&body).ok()
    }
}

/// A target without what only says how much of an answer is wanted.
fn plain(target: &str) -> String {
    const HOW: [&str; 6] = ["expand[]", "limit", "per_page", "page[size]", "order_by", "include"];
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let kept = query.split('&').filter(|pair| !HOW.contains(&pair.split('=').next().unwrap_or_default()));
    let kept: Vec<&str> = kept.filter(|pair| !pair.is_empty()).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}
