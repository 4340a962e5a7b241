//! `GET /v1/alerts/{id}`: one alert.

use super::AlertModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::AlertId;

/// Shows an alert
///
///
#[utoipa::path(
    get,
    path = "/v1/alerts/{id}",
    tag = "alerts",
    operation_id = "getAlert",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The alert", body = AlertModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<AlertId>,
) -> Result<Json<AlertModel>> {
    Ok(Json(state.service().alert(&actor, id).await?.into()))
}
