//! What goes into the use cases of shops and what comes out.

use super::{InboxKind, Resolution, ShopEventState};
use crate::admin::{
    inputs::CustomerChoice,
    views::{Impact, LicenseView},
};
use holdfast_domain::{
    InboxId, LicenseId, Name, OrderId, PlanId, ReasonText, Sale, ShopEventId, ShopId, ShopKind, ShopRules, Timestamp,
    event,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A shop to be connected.
#[derive(Clone, Debug)]
pub struct ConnectShop {
    /// With whom it is.
    pub kind: ShopKind,
    /// What it is called.
    pub name: Name,
    /// Where its API is, instead of the provider's own address.
    pub api_url: Option<String>,
    /// What its API is asked with.
    pub api_key: Option<Secret>,
    /// What is to follow from what it says.
    pub rules: ShopRules,
}

/// What to change about a shop; absent members stay.
#[derive(Clone, Debug, Default)]
pub struct UpdateShop {
    /// Another name.
    pub name: Option<Name>,
    /// Another address of its API.
    pub api_url: Option<String>,
    /// Another API key.
    pub api_key: Option<Secret>,
    /// Other rules.
    pub rules: Option<ShopRules>,
}

/// A secret as it was typed. Never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(pub(super) Zeroizing<String>);

impl Secret {
    /// From what was typed.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopView {
    /// Its id.
    pub id: ShopId,
    /// With whom it is.
    pub kind: ShopKind,
    /// What it is called.
    pub name: Name,
    /// Where its API is; empty where it is not asked.
    pub api_url: String,
    /// Whether it has what its API is asked with.
    pub has_api_key: bool,
    /// Whether it has what its messages are signed with: without it each is refused.
    pub has_secret: bool,
    /// Until when the secret before counts as well.
    pub previous_until: Option<Timestamp>,
    /// What follows from what it says.
    pub rules: ShopRules,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// Since when its messages are refused.
    pub closed_at: Option<Timestamp>,
    /// Since when its provider does not answer, and what was in the way the last time.
    pub failing: Option<Failing>,
}

/// That a provider does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// What was in the way the last time.
    pub why: String,
}

/// A shop, and the secret of its messages where Holdfast has made one: shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewShop {
    /// The shop.
    pub shop: ShopView,
    /// The secret; absent where the provider makes it.
    pub secret: Option<String>,
}

/// Whether a shop's provider answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopTest {
    /// Whether it lets the API key in.
    pub works: bool,
    /// The same in words.
    pub detail: String,
}

/// Which plan a price is to be.
#[derive(Clone, Debug)]
pub struct SetPrice {
    /// What the provider calls the price or variant.
    pub price: Name,
    /// The plan; absent for what needs no license.
    pub plan: Option<PlanId>,
    /// Whether the number of pieces is the number of seats.
    pub quantity_is_seats: bool,
}

/// Which plan a price is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceView {
    /// What the provider calls it.
    pub price: String,
    /// The plan; absent for what needs no license.
    pub plan: Option<PlanId>,
    /// Its name, with that of its product.
    pub plan_name: Option<String>,
    /// Whether the number of pieces is the number of seats.
    pub quantity_is_seats: bool,
    /// When somebody said so.
    pub updated_at: Timestamp,
}

/// A message of a shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopEventView {
    /// Its id.
    pub id: ShopEventId,
    /// What the provider calls it.
    pub event: String,
    /// What happened, in the provider's words.
    pub topic: String,
    /// When it came.
    pub received_at: Timestamp,
    /// How far it is.
    pub state: ShopEventState,
    /// What came of it, in a few words.
    pub outcome: Option<String>,
    /// The sale that it was about.
    pub sale: Option<String>,
    /// When it is tried again, while it waits.
    pub next_at: Option<Timestamp>,
}

/// The sale that an order was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleView {
    /// The shop.
    pub shop: ShopId,
    /// What it is called.
    pub shop_name: Name,
    /// The sale as it was last read.
    pub sale: Sale,
    /// When that was.
    pub applied_at: Timestamp,
}

/// Something that waits for a person, or waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxView {
    /// Its id.
    pub id: InboxId,
    /// The shop.
    pub shop: ShopId,
    /// What it is called.
    pub shop_name: Name,
    /// Why a person has to look.
    pub kind: InboxKind,
    /// The same in words.
    pub detail: String,
    /// The line of the sale that it is about.
    pub line: Option<String>,
    /// The order that the sale has become.
    pub order: Option<OrderId>,
    /// The sale, where it could be read.
    pub sale: Option<Sale>,
    /// Since when it waits.
    pub opened_at: Timestamp,
    /// What became of it.
    pub resolution: Resolution,
    /// Who has resolved it, and when.
    pub resolved: Option<(event::Actor, Timestamp)>,
    /// Why.
    pub reason: Option<ReasonText>,
}

/// The same with what was sent and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxDetail {
    /// The entry.
    pub entry: InboxView,
    /// The message that brought it: its topic and what was sent; absent where it was forgotten meanwhile.
    pub message: Option<(String, String)>,
    /// What the provider answered, as JSON.
    pub answers: String,
    /// The licenses that its sale has become.
    pub licenses: Vec<LicenseView>,
}

/// What a person makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolve {
    /// Look at the sale once more.
    Again,
    /// From now on, this price is that plan.
    Map {
        /// The plan; absent for what needs no license.
        plan: Option<PlanId>,
        /// Whether the number of pieces is the number of seats.
        quantity_is_seats: bool,
    },
    /// Issue a license, this once.
    Issue {
        /// Of which plan.
        plan: PlanId,
        /// With how many seats, instead of the plan's.
        seats: Option<u32>,
    },
    /// This customer has bought.
    Customer(CustomerChoice),
    /// It was bought for a license that there is already.
    License(LicenseId),
    /// Revoke what was bought.
    Revoke {
        /// From when on, for running seats; absent for at once.
        effective_at: Option<Timestamp>,
    },
    /// Reinstate what was bought.
    Reinstate,
    /// Nothing follows.
    Dismiss,
}

/// How something is to be resolved.
#[derive(Clone, Debug)]
pub struct ResolveInput {
    /// What a person makes of it.
    pub how: Resolve,
    /// Why; kept in the audit log.
    pub reason: Option<ReasonText>,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What came of resolving, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The entry.
    pub entry: InboxView,
    /// The licenses that were issued, revoked or reinstated by it.
    pub licenses: Vec<LicenseView>,
    /// Who loses access, and when.
    pub impact: Impact,
    /// Whether it has been done.
    pub applied: bool,
}
