//! The inbox in the management API: one file per call.

pub mod get;
pub mod list;
pub mod resolve;

use crate::{
    AppState,
    api::{
        time::Rfc3339,
        v1::{
            models::LicenseModel,
            words::{InboxKindWord, ResolutionWord},
        },
    },
};
use holdfast_domain::{
    Sale, Timestamp,
    sale::{Buyer, Dispute, Line, Payment, Subscription, SubscriptionStatus},
};
use holdfast_service::admin::shops::{InboxDetail, InboxView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Something about a sale that waits for a person, or waited.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InboxEntry)]
pub struct InboxModel {
    /// Its id.
    pub id: String,
    /// The shop.
    pub shop: String,
    /// Why a person has to look.
    #[schema(value_type = InboxKindWord)]
    pub kind: &'static str,
    /// The same in words.
    pub detail: String,
    /// The line of the sale that it is about.
    pub line: Option<String>,
    /// The order that the sale has become; null where it has become none yet.
    pub order: Option<String>,
    /// The sale as it was read; null where it could not be.
    pub sale: Option<SaleModel>,
    /// Since when it waits.
    pub opened_at: Rfc3339,
    /// What became of it.
    #[schema(value_type = ResolutionWord)]
    pub resolution: &'static str,
    /// When it was resolved; null while it waits.
    pub resolved_at: Option<Rfc3339>,
    /// Why.
    pub reason: Option<String>,
}

/// The same with what was sent and answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InboxEntryDetail)]
pub struct InboxDetailModel {
    /// The entry.
    #[serde(flatten)]
    pub entry: InboxModel,
    /// What happened, in the provider's words; null where the message was forgotten meanwhile.
    pub topic: Option<String>,
    /// The message, byte for byte.
    pub body: Option<String>,
    /// What the provider answered when it was asked, as JSON.
    pub answers: String,
    /// The licenses that the sale has become.
    pub licenses: Vec<LicenseModel>,
}

/// A sale as it stands at the provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Sale)]
pub struct SaleModel {
    /// What the provider calls it.
    pub id: String,
    /// What the buyer's receipt calls it, where that is something else.
    pub number: Option<String>,
    /// What became of the money: `pending`, `paid`, `paid_back_in_part` or `paid_back`.
    #[schema(value_type = String)]
    pub payment: Payment,
    /// How much was paid back.
    pub paid_back: Option<String>,
    /// How a dispute stands: `open`, `won` or `lost`; null where there is none.
    #[schema(value_type = Option<String>)]
    pub dispute: Option<Dispute>,
    /// The buyer's e-mail address.
    pub email: Option<String>,
    /// The buyer's name.
    pub name: Option<String>,
    /// What was bought.
    pub lines: Vec<LineModel>,
    /// Whether it goes on: `renewing`, `past_due`, `ending` or `ended`; null where it is no subscription.
    #[schema(value_type = Option<String>)]
    pub subscription: Option<SubscriptionStatus>,
    /// The end of the last period that was paid for.
    pub paid_until: Option<Rfc3339>,
}

/// One thing that was bought.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SaleLine)]
pub struct LineModel {
    /// What the provider calls the line.
    pub id: String,
    /// What it calls the price.
    pub price: String,
    /// How many.
    pub quantity: u32,
    /// What people call it.
    pub title: Option<String>,
    /// Whether it goes on with the subscription.
    pub renews: bool,
}

impl From<Sale> for SaleModel {
    fn from(sale: Sale) -> Self {
        let (email, name) = sale.buyer.map_or((None, None), |Buyer { email, name }| (Some(email.to_string()), name));
        let period = sale.subscription.map(|Subscription { status, paid_until }| (status, paid_until));
        let (subscription, paid_until): (Option<_>, Option<Timestamp>) = period.unzip();
        let line = |Line { id, price, quantity, title, renews }: Line| LineModel {
            id: id.to_string(),
            price: price.to_string(),
            quantity,
            title: title.map(|title| title.to_string()),
            renews,
        };
        Self {
            id: sale.id.to_string(),
            number: sale.number.map(|number| number.to_string()),
            payment: sale.payment,
            paid_back: sale.paid_back.map(|amount| amount.to_string()),
            dispute: sale.dispute,
            email,
            name: name.map(|name| name.to_string()),
            lines: sale.lines.into_iter().map(line).collect(),
            subscription,
            paid_until: paid_until.map(Rfc3339),
        }
    }
}

impl From<InboxView> for InboxModel {
    fn from(view: InboxView) -> Self {
        Self {
            id: view.id.to_string(),
            shop: view.shop.to_string(),
            kind: view.kind.as_str(),
            detail: view.detail,
            line: view.line,
            order: view.order.map(|id| id.to_string()),
            sale: view.sale.map(SaleModel::from),
            opened_at: view.opened_at.into(),
            resolution: view.resolution.as_str(),
            resolved_at: view.resolved.map(|(_, at)| Rfc3339(at)),
            reason: view.reason.map(|reason| reason.to_string()),
        }
    }
}

impl From<InboxDetail> for InboxDetailModel {
    fn from(view: InboxDetail) -> Self {
        let (topic, body) = view.message.unzip();
        Self {
            entry: view.entry.into(),
            topic,
            body,
            answers: view.answers,
            licenses: view.licenses.into_iter().map(LicenseModel::from).collect(),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(get::get)).routes(routes!(resolve::resolve))
}
