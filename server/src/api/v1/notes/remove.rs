//! `DELETE /v1/notes/{id}`: takes a note away.

use super::NoteModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::NoteId;

/// Removes a note
///
/// Of one's own only. What it said stays in the audit log.
#[utoipa::path(
    delete,
    path = "/v1/notes/{id}",
    tag = "notes",
    operation_id = "removeNote",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The note that was", body = NoteModel),
        Refusals,
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    Id(id): Id<NoteId>,
    Command { call, .. }: Command<Empty>,
) -> Result<Json<NoteModel>> {
    Ok(Json(state.service().remove_note(&call, id).await?.into()))
}
