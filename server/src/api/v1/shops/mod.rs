//! Shops in the management API, and where their providers send messages: one file per call.

pub mod close;
pub mod connect;
pub mod events;
pub mod get;
pub mod list;
pub mod prices;
pub mod receive;
pub mod remove_price;
pub mod set_price;
pub mod set_secret;
pub mod test;
pub mod update;

use crate::{
    AppState,
    api::{
        time::Rfc3339,
        v1::words::{ShopEventStateWord, ShopKindWord},
    },
};
use holdfast_domain::{ShopRules, sale::Consequence};
use holdfast_service::admin::shops::{NewShop, PriceView, ShopEventView, ShopTest, ShopView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A vendor's account at a payment provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Shop)]
pub struct ShopModel {
    /// Its id.
    pub id: String,
    /// With whom it is.
    #[schema(value_type = ShopKindWord)]
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// Where its API is; empty where it is not asked.
    pub api_url: String,
    /// Whether it has what its API is asked with.
    pub has_api_key: bool,
    /// Whether it has what its messages are signed with. Without it each message is refused.
    pub has_secret: bool,
    /// Until when the secret before counts as well.
    pub previous_until: Option<Rfc3339>,
    /// What follows from what it says.
    pub rules: RulesModel,
    /// When it was connected.
    pub created_at: Rfc3339,
    /// When it was last changed.
    pub updated_at: Rfc3339,
    /// Since when its messages are refused; null where they are not.
    pub closed_at: Option<Rfc3339>,
    /// Since when its provider does not answer; null where it does.
    pub failing_since: Option<Rfc3339>,
    /// What was in the way the last time.
    pub failure: Option<String>,
}

/// What follows from what a shop says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ShopRules)]
#[serde(deny_unknown_fields)]
pub struct RulesModel {
    /// From a sale that was wholly paid back: `at_once` its licenses are revoked; `after_days:14` so too, for running seats that
    /// many days later; `ask` a person decides.
    #[schema(value_type = String, pattern = "^(at_once|ask|after_days:[1-9][0-9]{0,2})$")]
    pub on_refund: Consequence,
    /// The same from a dispute that was lost.
    #[schema(value_type = String, pattern = "^(at_once|ask|after_days:[1-9][0-9]{0,2})$")]
    pub on_dispute: Consequence,
    /// For how many days licenses go on after a paid period while a subscription renews itself, 90 at most.
    #[schema(maximum = 90)]
    pub grace_days: u16,
}

impl From<RulesModel> for ShopRules {
    fn from(rules: RulesModel) -> Self {
        let RulesModel { on_refund, on_dispute, grace_days } = rules;
        Self { on_refund, on_dispute, grace_days }
    }
}

/// A shop and the secret of its messages.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = NewShop)]
pub struct NewShopModel {
    /// The shop.
    #[serde(flatten)]
    pub shop: ShopModel,
    /// The secret that its messages are to be signed with, where Holdfast has made it: enter it at the provider. It is not
    /// shown again. Null where the provider makes it.
    pub secret: Option<String>,
}

/// Whether a shop's provider answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ShopTest)]
pub struct ShopTestModel {
    /// Whether it lets the API key in.
    pub works: bool,
    /// The same in words.
    pub detail: String,
}

/// Which plan a price of a shop is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ShopPrice)]
pub struct PriceModel {
    /// What the provider calls the price or variant.
    pub price: String,
    /// The plan; null for what needs no license.
    pub plan: Option<String>,
    /// Whether the number of pieces is the number of seats. Otherwise one piece is one license, and of several a person decides.
    pub quantity_is_seats: bool,
    /// When somebody said so.
    pub updated_at: Rfc3339,
}

/// A message of a shop.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ShopEvent)]
pub struct ShopEventModel {
    /// Its id.
    pub id: String,
    /// What the provider calls it.
    pub event: String,
    /// What happened, in the provider's words.
    pub topic: String,
    /// When it came.
    pub received_at: Rfc3339,
    /// How far it is.
    #[schema(value_type = ShopEventStateWord)]
    pub state: &'static str,
    /// What came of it, in a few words.
    pub outcome: Option<String>,
    /// The sale that it was about.
    pub sale: Option<String>,
    /// When it is tried again; null where it is done with.
    pub next_at: Option<Rfc3339>,
}

impl From<ShopView> for ShopModel {
    fn from(view: ShopView) -> Self {
        let ShopRules { on_refund, on_dispute, grace_days } = view.rules;
        let (failing_since, failure) = view.failing.map(|failing| (failing.since, failing.why)).unzip();
        Self {
            id: view.id.to_string(),
            kind: view.kind.as_str(),
            name: view.name.to_string(),
            api_url: view.api_url,
            has_api_key: view.has_api_key,
            has_secret: view.has_secret,
            previous_until: view.previous_until.map(Rfc3339),
            rules: RulesModel { on_refund, on_dispute, grace_days },
            created_at: view.created_at.into(),
            updated_at: view.updated_at.into(),
            closed_at: view.closed_at.map(Rfc3339),
            failing_since: failing_since.map(Rfc3339),
            failure,
        }
    }
}

impl From<NewShop> for NewShopModel {
    fn from(made: NewShop) -> Self {
        Self { shop: made.shop.into(), secret: made.secret }
    }
}

impl From<ShopTest> for ShopTestModel {
    fn from(view: ShopTest) -> Self {
        Self { works: view.works, detail: view.detail }
    }
}

impl From<PriceView> for PriceModel {
    fn from(view: PriceView) -> Self {
        Self {
            price: view.price,
            plan: view.plan.map(|id| id.to_string()),
            quantity_is_seats: view.quantity_is_seats,
            updated_at: view.updated_at.into(),
        }
    }
}

impl From<ShopEventView> for ShopEventModel {
    fn from(view: ShopEventView) -> Self {
        Self {
            id: view.id.to_string(),
            event: view.event,
            topic: view.topic,
            received_at: view.received_at.into(),
            state: view.state.as_str(),
            outcome: view.outcome,
            sale: view.sale,
            next_at: view.next_at.map(Rfc3339),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(connect::connect))
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(update::update))
        .routes(routes!(set_secret::set_secret))
        .routes(routes!(close::close))
        .routes(routes!(close::open))
        .routes(routes!(test::test))
        .routes(routes!(prices::prices))
        .routes(routes!(set_price::set_price))
        .routes(routes!(remove_price::remove_price))
        .routes(routes!(events::events, receive::receive))
}
