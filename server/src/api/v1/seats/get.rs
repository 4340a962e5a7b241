//! `GET /v1/seats/{id}`: one seat.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::SeatModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::SeatId;

/// Shows a seat
///
///
#[utoipa::path(
    get,
    path = "/v1/seats/{id}",
    tag = "seats",
    operation_id = "getSeat",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The seat", body = SeatModel),
        Refusals,
    )
)]
pub async fn get(State(state): State<AppState>, Caller(actor): Caller, Id(id): Id<SeatId>) -> Result<Json<SeatModel>> {
    Ok(Json(state.service().seat(&actor, id).await?.into()))
}
