//! What payment providers say of a sale: each in its own way, read into one form that no provider has of its own
//! ([`holdfast_domain::Sale`]).
//!
//! A message is only believed as far as it says that something about a sale has changed. What has changed is read from the
//! provider itself, so the order of messages does not matter, nor how often each comes, nor whether one never does. The
//! one exception are shops that Holdfast cannot ask: theirs carry the whole sale and a number that grows.

mod generic;
mod lemon_squeezy;
mod paddle;
pub(crate) mod signature;
mod stripe;
#[cfg(test)]
mod tests;

use crate::admin::import::dates;
use futures::future::BoxFuture;
use holdfast_domain::{
    Name, Sale, Seconds, ShopKind, Timestamp,
    sale::{Buyer, Dispute, Line, Payment},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// How much of what a provider answered is kept for a person to look at.
const KEPT: usize = 128 * 1_024;

/// Asks a provider's API. The one thing about shops that needs a network.
pub trait Ask: Send + Sync {
    /// What is answered to a GET of `url` with these headers. An error is why nothing was, in a few words.
    fn get(&self, url: String, headers: Vec<(&'static str, String)>) -> BoxFuture<'_, Result<Reply, String>>;
}

/// What a provider has answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<Seconds>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a sale could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The provider does not answer now: it is asked again, not before `after`.
    Later { why: String, after: Option<Seconds> },
    /// What it says is not what is known of it: a person has to look.
    Odd(String),
}

impl Trouble {
    fn odd(what: impl Into<String>) -> Self {
        Self::Odd(what.into())
    }
}

type Read<T> = Result<T, Trouble>;

/// What a message is called: by the provider, so that it counts once however often it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Unique among the messages of a shop.
    pub id: String,
    /// What has happened, in the provider's words.
    pub topic: String,
}

/// What the message `body`, whose signature was right, is called. `None` where it is not a message as the provider sends them.
pub(crate) fn stamp(kind: ShopKind, header: signature::Header<'_>, body: &[u8]) -> Option<Stamp> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let word = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (id, topic) = match kind {
        ShopKind::Stripe => (word("/id")?, word("/type")?),
        ShopKind::Paddle => (word("/event_id")?, word("/event_type")?),
        // Its messages have no name, and are sent again byte for byte.
        ShopKind::LemonSqueezy => (format!("{:x}", Hex(&Sha256::digest(body))), word("/meta/event_name")?),
        ShopKind::Generic => (header("webhook-id")?, word("/type")?),
    };
    let short = |text: &str| (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    (short(&id) && short(&topic)).then_some(Stamp { id, topic })
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::LowerHex for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The sale as it stands; `None` where the message is about none.
    pub sale: Option<Sale>,
    /// The number of the state, where the shop gives numbers to states.
    pub sequence: Option<i64>,
}

/// Reads what became of the sale that `message` is about.
pub(crate) async fn read(reader: &mut Reader<'_>, message: &Value) -> Read<Told> {
    let sale = match reader.kind {
        ShopKind::Stripe => stripe::read(reader, message).await?,
        ShopKind::Paddle => paddle::read(reader, message).await?,
        ShopKind::LemonSqueezy => lemon_squeezy::read(reader, message).await?,
        ShopKind::Generic => return generic::read(message),
    };
    Ok(Told { sale, sequence: None })
}

/// Asks whether the provider lets this key in.
pub(crate) async fn probe(reader: &mut Reader<'_>) -> Read<()> {
    let path = match reader.kind {
        ShopKind::Stripe => "/v1/subscriptions?limit=1",
        ShopKind::Paddle => "/transactions?per_page=1",
        ShopKind::LemonSqueezy => "/v1/orders?page[size]=1",
        ShopKind::Generic => return Ok(()),
    };
    reader.get(path).await.map(|_| ())
}

/// Reads from one shop's provider, and keeps what was answered for whoever has to look.
pub(crate) struct Reader<'a> {
    kind: ShopKind,
    ask: &'a dyn Ask,
    api: String,
    key: Zeroizing<String>,
    answers: Vec<Value>,
    heard: bool,
}

impl<'a> Reader<'a> {
    /// Of a provider at `api`, asked with `key`.
    pub fn new(kind: ShopKind, ask: &'a dyn Ask, api: &str, key: Zeroizing<String>) -> Self {
        Self { kind, ask, api: api.trim_end_matches('/').to_owned(), key, answers: Vec::new(), heard: false }
    }

    /// Whether the provider has answered.
    pub const fn has_heard(&self) -> bool {
        self.heard
    }

    /// What was answered, as JSON; nothing where it is more than anybody reads.
    pub fn answers(self) -> String {
        let text = Value::Array(self.answers).to_string();
        if text.len() <= KEPT { text } else { "[]".to_owned() }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let bearer = ("authorization", format!("Bearer {}", self.key.as_str()));
        match self.kind {
            ShopKind::Stripe => vec![bearer, ("stripe-version", stripe::VERSION.to_owned())],
            ShopKind::Paddle => vec![bearer, ("paddle-version", "1".to_owned())],
            ShopKind::LemonSqueezy => vec![bearer, ("accept", "application/vnd.api+json".to_owned())],
            ShopKind::Generic => Vec::new(),
        }
    }

    /// The JSON at `path` of the API.
    async fn get(&mut self, path: &str) -> Read<Value> {
        if self.key.is_empty() {
            return Err(Trouble::Later { why: "no API key is set".to_owned(), after: None });
        }
        let later = |why: String, after| Err(Trouble::Later { why, after });
        let name = self.kind.title();
        let reply = match self.ask.get(format!("{}{path}", self.api), self.headers()).await {
            Ok(reply) => reply,
            Err(why) => return later(why, None),
        };
        match reply.status {
            200..=299 => self.heard = true,
            401 | 403 => return later(format!("{name} refuses the API key ({})", reply.status), reply.retry_after),
            404 => {
                self.heard = true;
                return Err(Trouble::Odd(format!("{name} does not know what its message was about ({path})")));
            }
            status => return later(format!("{name} answered {status}"), reply.retry_after),
        }
        let Ok(answer) = serde_json::from_slice::<Value>(&reply.body) else {
            return later(format!("{name} answered {} without JSON", reply.status), None);
        };
        self.answers.push(json!({ "path": path, "answer": answer }));
        Ok(answer)
    }
}

/// The text at `pointer`, where there is one.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The same, which has to be there.
fn word<'a>(value: &'a Value, pointer: &str) -> Read<&'a str> {
    text(value, pointer).ok_or_else(|| Trouble::odd(format!("{pointer} is missing")))
}

/// The whole number at `pointer`, written as a number or as text.
fn whole(value: &Value, pointer: &str) -> Option<i64> {
    let found = value.pointer(pointer)?;
    found.as_i64().or_else(|| found.as_str()?.parse().ok())
}

/// The list at `pointer`; an empty one where there is none.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An id at `pointer`, which may also be the `id` of the object that it names. Ids go into addresses: they have letters,
/// digits, `_` and `-` and nothing else.
fn id(value: &Value, pointer: &str) -> Option<String> {
    let found = value.pointer(pointer)?;
    let found = found.get("id").unwrap_or(found);
    let text = found.as_str().map(str::to_owned).or_else(|| found.as_i64().map(|id| id.to_string()))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    ((1..=120).contains(&text.len()) && text.bytes().all(plain)).then_some(text)
}

/// The same, which has to be there.
fn named(value: &Value, pointer: &str) -> Read<String> {
    id(value, pointer).ok_or_else(|| Trouble::odd(format!("{pointer} is not an id")))
}

/// A text of the provider's as a type that refuses what is not clean.
fn clean<T: std::str::FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Read<T> {
    text.parse().map_err(|error| Trouble::Odd(format!("{what} {error}")))
}

/// The same where it may be left out: what is not clean then is.
fn short<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    let text: String = text?.chars().take(200).collect();
    text.parse().ok()
}

/// A number of pieces.
fn quantity(count: Option<i64>) -> Read<u32> {
    u32::try_from(count.unwrap_or(1)).map_err(|_| Trouble::odd("a quantity is not a number of pieces"))
}

/// The time at `pointer`: RFC 3339, or seconds since 1970.
fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    let found = value.pointer(pointer)?;
    match found.as_i64() {
        Some(seconds) => Some(Timestamp::from_seconds(seconds)),
        None => dates::parse_end(found.as_str()?, None).ok(),
    }
}

/// An amount as people write it; currencies have hundredths, except for those named.
fn money(minor: i64, currency: &str) -> Read<String> {
    const WHOLE: [&str; 16] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
    ];
    const THOUSANDTHS: [&str; 6] = ["BHD", "IQD", "JOD", "KWD", "OMR", "TND"];
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(Trouble::odd("the currency is none"));
    }
    let currency = currency.to_ascii_uppercase();
    let (sign, amount) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    Ok(if WHOLE.contains(&currency.as_str()) {
        format!("{sign}{amount} {currency}")
    } else if THOUSANDTHS.contains(&currency.as_str()) {
        format!("{sign}{}.{:03} {currency}", amount / 1_000, amount % 1_000)
    } else {
        format!("{sign}{}.{:02} {currency}", amount / 100, amount % 100)
    })
}

/// Whoever bought, where their address can be one.
fn buyer(email: Option<&str>, name: Option<&str>) -> Option<Buyer> {
    Some(Buyer { email: email?.parse().ok()?, name: short(name) })
}

/// What became of the money of a sale.
struct Money {
    payment: Payment,
    paid_back: Option<Name>,
    dispute: Option<Dispute>,
    lost: Vec<Name>,
}

impl Money {
    const fn of(payment: Payment) -> Self {
        Self { payment, paid_back: None, dispute: None, lost: Vec::new() }
    }

    const fn pending() -> Self {
        Self::of(Payment::Pending)
    }

    /// It was paid; so much of it was paid back, perhaps the whole.
    fn paid(whole: bool, back: i64, currency: &str) -> Read<Self> {
        let amount = money(back, currency)?;
        let payment = match (whole, back > 0) {
            (true, _) => Payment::PaidBack,
            (false, true) => Payment::PaidBackInPart,
            (false, false) => Payment::Paid,
        };
        let paid_back = if back > 0 { Some(clean("the amount", &amount)?) } else { None };
        Ok(Self { paid_back, ..Self::of(payment) })
    }

    /// The sale of these lines that it was paid for.
    fn sale(self, id: &str, buyer: Option<Buyer>, lines: Vec<Line>) -> Read<Sale> {
        let Self { payment, paid_back, dispute, lost } = self;
        let id = clean("the id", id)?;
        Ok(Sale { id, number: None, payment, paid_back, dispute, lost, buyer, lines, subscription: None })
    }
}

/// The worse of two disputes about one sale.
const fn worse(one: Option<Dispute>, other: Option<Dispute>) -> Option<Dispute> {
    match (one, other) {
        (Some(Dispute::Lost), _) | (_, Some(Dispute::Lost)) => Some(Dispute::Lost),
        (Some(Dispute::Open), _) | (_, Some(Dispute::Open)) => Some(Dispute::Open),
        (Some(Dispute::Won), _) | (_, Some(Dispute::Won)) => Some(Dispute::Won),
        (None, None) => None,
    }
}
