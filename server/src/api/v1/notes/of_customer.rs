//! `GET` and `POST /v1/customers/{id}/notes`: the notes about a customer, and another one.

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
use holdfast_domain::CustomerId;
use holdfast_service::admin::notes::NoteSubject;

/// Lists the notes about a customer
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/customers/{id}/notes",
    tag = "notes",
    operation_id = "listCustomerNotes",
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
    Id(id): Id<CustomerId>,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<NoteModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().notes(&actor, NoteSubject::Customer(id), page).await?;
    Ok(Json(Listing::of(page, NoteModel::from)))
}

/// Adds a note about a customer
///
/// It is read by everybody who may read the customer.
#[utoipa::path(
    post,
    path = "/v1/customers/{id}/notes",
    tag = "notes",
    operation_id = "addCustomerNote",
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
    Id(id): Id<CustomerId>,
    Command { call, input }: Command<NoteBody>,
) -> Result<(StatusCode, Json<NoteModel>)> {
    let note = state.service().add_note(&call, NoteSubject::Customer(id), input.text).await?;
    Ok((StatusCode::CREATED, Json(note.into())))
}
