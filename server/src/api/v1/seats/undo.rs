//! `POST /v1/seats/{id}/undo`: gives a seat that was freed back to its device.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, licenses::undo::UndoBody, models::SeatModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::SeatId;

/// Gives a freed seat back
///
/// For ten minutes after it was freed, and while its place is free.
#[utoipa::path(
    post,
    path = "/v1/seats/{id}/undo",
    tag = "seats",
    operation_id = "undoSeat",
    params(("id" = String, Path, description = "The id")),
    request_body = UndoBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The seat", body = SeatModel),
        Refusals,
    )
)]
pub async fn undo(
    State(state): State<AppState>,
    Id(id): Id<SeatId>,
    Command { call, input }: Command<UndoBody>,
) -> Result<Json<SeatModel>> {
    Ok(Json(state.service().undo_seat(&call, id, input.into_input(false)).await?.into()))
}
