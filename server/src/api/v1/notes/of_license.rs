//! `GET` and `POST /v1/licenses/{id}/notes`: the notes about a license, and another one.

use super::{NoteBody, NoteModel};
use crate::{
    AppState,
    api::{
        extract::{Caller, Command, Id, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::LicenseId;
use holdfast_service::admin::notes::NoteSubject;

/// Lists the notes about a license
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/licenses/{id}/notes",
    tag = "notes",
    operation_id = "listLicenseNotes",
    params(("id" = String, Path, description = "The id"), ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of notes", body = Listing<NoteModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<LicenseId>,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<NoteModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().notes(&actor, NoteSubject::License(id), page).await?;
    Ok(Json(Listing::of(page, NoteModel::from)))
}

/// Adds a note about a license
///
/// It is read by everybody who may read the license.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/notes",
    tag = "notes",
    operation_id = "addLicenseNote",
    params(("id" = String, Path, description = "The id")),
    request_body = NoteBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The note", body = NoteModel),
        Refusals,
    )
)]
pub async fn add(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Command { call, input }: Command<NoteBody>,
) -> Result<(StatusCode, Json<NoteModel>)> {
    let note = state.service().add_note(&call, NoteSubject::License(id), input.text).await?;
    Ok((StatusCode::CREATED, Json(note.into())))
}
