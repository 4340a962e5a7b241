//! `GET /v1/products/{id}/breaker` and `POST /v1/products/{id}/let-denials-pass`: what keeps a mistake from locking everybody
//! out.

use crate::{
    AppState,
    api::{
        extract::{Caller, Command, Id},
        problem::Result,
        time::Rfc3339,
        v1::{ReasonBody, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ProductId;
use holdfast_service::admin::breakers::BreakerView;
use serde::Serialize;
use utoipa::ToSchema;

/// The denial breaker of a product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Breaker)]
pub struct BreakerModel {
    /// Whether nothing of the product is denied at the moment.
    pub stopped: bool,
    /// When it last tripped; null where it never has.
    pub tripped_at: Option<Rfc3339>,
    /// How many devices were about to be denied within ten minutes then.
    pub denials: u64,
    /// How many were allowed.
    pub allowed: u64,
    /// Until when all denials pass; null where they are watched.
    pub passes_until: Option<Rfc3339>,
}

impl From<BreakerView> for BreakerModel {
    fn from(view: BreakerView) -> Self {
        Self {
            stopped: view.stopped,
            tripped_at: view.tripped_at.map(Into::into),
            denials: view.denials,
            allowed: view.allowed,
            passes_until: view.passes_until.map(Into::into),
        }
    }
}

/// Shows a product's denial breaker
///
/// Where more devices than usual were about to lose their access within ten minutes, nothing of the product is denied until a
/// person has looked.
#[utoipa::path(
    get,
    path = "/v1/products/{id}/breaker",
    tag = "products",
    operation_id = "getBreaker",
    params(("id" = String, Path, description = "The product's id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The breaker", body = BreakerModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ProductId>,
) -> Result<Json<BreakerModel>> {
    Ok(Json(state.service().breaker(&actor, id).await?.into()))
}

/// Lets a product's denials pass
///
/// Says that they are meant: for a day all of them are signed. Nothing changes where the breaker has not tripped.
#[utoipa::path(
    post,
    path = "/v1/products/{id}/let-denials-pass",
    tag = "products",
    operation_id = "letDenialsPass",
    params(("id" = String, Path, description = "The product's id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The breaker", body = BreakerModel),
        Refusals,
    )
)]
pub async fn let_pass(
    State(state): State<AppState>,
    Id(id): Id<ProductId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<BreakerModel>> {
    Ok(Json(state.service().let_denials_pass(&call, id, input.reason).await?.into()))
}
