//! `PATCH /v1/notes/{id}`: another text for a note.

use super::{NoteBody, NoteModel};
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::NoteId;

/// Changes a note
///
/// Of one's own only. What it said before stays in the audit log.
#[utoipa::path(
    patch,
    path = "/v1/notes/{id}",
    tag = "notes",
    operation_id = "editNote",
    params(("id" = String, Path, description = "The id")),
    request_body = NoteBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The note", body = NoteModel),
        Refusals,
    )
)]
pub async fn edit(
    State(state): State<AppState>,
    Id(id): Id<NoteId>,
    Command { call, input }: Command<NoteBody>,
) -> Result<Json<NoteModel>> {
    Ok(Json(state.service().edit_note(&call, id, input.text).await?.into()))
}
