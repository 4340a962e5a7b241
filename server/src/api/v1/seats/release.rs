//! `POST /v1/seats/{id}/release`: takes a seat from a device.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{ReasonBody, Refusals, models::SeatModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::SeatId;

/// Frees a seat
///
/// Its device loses access with its next renewal; it can activate again where a seat is free.
#[utoipa::path(
    post,
    path = "/v1/seats/{id}/release",
    tag = "seats",
    operation_id = "freeSeat",
    params(("id" = String, Path, description = "The id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The seat", body = SeatModel),
        Refusals,
    )
)]
pub async fn release(
    State(state): State<AppState>,
    Id(id): Id<SeatId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<SeatModel>> {
    Ok(Json(state.service().free_seat(&call, id, input.reason).await?.into()))
}
