//! `GET /v1/inbox/{id}`: something that waits for a person.

use super::InboxDetailModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::InboxId;

/// Shows something that waits for a person
///
/// With the message that brought it and what the provider answered.
#[utoipa::path(
    get,
    path = "/v1/inbox/{id}",
    tag = "shops",
    operation_id = "getInboxEntry",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The entry", body = InboxDetailModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<InboxId>,
) -> Result<Json<InboxDetailModel>> {
    Ok(Json(state.service().inbox_entry(&actor, id).await?.into()))
}
