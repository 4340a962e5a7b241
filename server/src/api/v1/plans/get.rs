//! `GET /v1/plans/{id}`: one plan.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::PlanModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::PlanId;

/// Shows a plan
///
///
#[utoipa::path(
    get,
    path = "/v1/plans/{id}",
    tag = "plans",
    operation_id = "getPlan",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The plan", body = PlanModel),
        Refusals,
    )
)]
pub async fn get(State(state): State<AppState>, Caller(actor): Caller, Id(id): Id<PlanId>) -> Result<Json<PlanModel>> {
    Ok(Json(state.service().plan(&actor, id).await?.into()))
}
