//! `GET /v1/products/{id}/trial-funnel`: what becomes of trials.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id, Params},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ProductId;
use holdfast_service::admin::views::TrialFunnel;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const fn month() -> u32 {
    30
}

/// How far to look back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FunnelParams {
    /// Of the trials that began within so many days.
    #[serde(default = "month")]
    #[param(required = false, minimum = 1, maximum = 3650, default = 30)]
    pub days: u32,
}

/// What became of the trials of a product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TrialFunnel)]
pub struct FunnelModel {
    /// Of those that began within so many days.
    pub days: u32,
    /// How many began.
    pub started: u64,
    /// How many run.
    pub active: u64,
    /// How many became licenses that were bought.
    pub converted: u64,
    /// How many ran out without that.
    pub lapsed: u64,
}

impl From<TrialFunnel> for FunnelModel {
    fn from(funnel: TrialFunnel) -> Self {
        let TrialFunnel { days, started, active, converted, lapsed } = funnel;
        Self { days, started, active, converted, lapsed }
    }
}

/// Shows what becomes of trials
#[utoipa::path(
    get,
    path = "/v1/products/{id}/trial-funnel",
    tag = "products",
    operation_id = "getTrialFunnel",
    params(("id" = String, Path, description = "The product's id"), FunnelParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "The funnel", body = FunnelModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ProductId>,
    Params(asked): Params<FunnelParams>,
) -> Result<Json<FunnelModel>> {
    Ok(Json(state.service().trial_funnel(&actor, id, asked.days).await?.into()))
}
