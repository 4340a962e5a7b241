//! Alerts in the management API: one file per call.

pub mod acknowledge;
pub mod get;
pub mod list;

use crate::{
    AppState,
    api::{time::Rfc3339, v1::words::SeverityWord},
};
use holdfast_domain::event::Actor;
use holdfast_service::admin::alerts::{Acknowledged, AlertView};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A prediction or a fact that someone must act on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct AlertModel {
    /// Its id.
    pub id: String,
    /// The rule: one of the list in the documentation.
    pub code: String,
    /// What it is about: `installation`, or `node:`, `region:`, `product:`, `key:` or `job:` and a name.
    pub subject: String,
    /// The product, where it is about one or about a key of it.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// How much it matters.
    #[schema(value_type = SeverityWord)]
    pub severity: String,
    /// What was measured.
    pub detail: String,
    /// The failure it comes before.
    pub meaning: String,
    /// What to do.
    pub cure: String,
    /// Since when it stands.
    pub raised_at: Rfc3339,
    /// When it was last brought up to date.
    pub updated_at: Rfc3339,
    /// When it becomes a failure, by the estimate of `updated_at`; null where nobody can tell.
    pub fails_at: Option<Rfc3339>,
    /// When the node drains itself, where it will.
    pub drains_at: Option<Rfc3339>,
    /// When it was over; null while it stands.
    pub cleared_at: Option<Rfc3339>,
    /// Who took it on; null where nobody has.
    pub acknowledged: Option<AcknowledgedModel>,
}

/// That somebody has taken an alert on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Acknowledged)]
pub struct AcknowledgedModel {
    /// Who, as in the audit log.
    #[schema(value_type = Object)]
    pub by: Actor,
    /// When.
    pub at: Rfc3339,
    /// What they wrote.
    pub note: String,
}

impl From<AlertView> for AlertModel {
    fn from(view: AlertView) -> Self {
        let acknowledged =
            |Acknowledged { by, at, note }| AcknowledgedModel { by, at: at.into(), note: note.to_string() };
        Self {
            id: view.id.to_string(),
            code: view.code,
            subject: view.subject,
            product: view.product.map(|id| id.to_string()),
            severity: view.severity.as_str().to_owned(),
            detail: view.detail,
            meaning: view.meaning,
            cure: view.cure,
            raised_at: view.raised_at.into(),
            updated_at: view.updated_at.into(),
            fails_at: view.fails_at.map(Into::into),
            drains_at: view.drains_at.map(Into::into),
            cleared_at: view.cleared_at.map(Into::into),
            acknowledged: view.acknowledged.map(acknowledged),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(get::get)).routes(routes!(acknowledge::acknowledge))
}
