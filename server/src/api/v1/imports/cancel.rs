//! `POST /v1/imports/{id}/cancel`: drops an import.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals, models::ImportModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ImportId;

/// Drops an import
///
/// Nothing was changed by it.
#[utoipa::path(
    post,
    path = "/v1/imports/{id}/cancel",
    tag = "imports",
    operation_id = "cancelImport",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The import", body = ImportModel),
        Refusals,
    )
)]
pub async fn cancel(
    State(state): State<AppState>,
    Id(id): Id<ImportId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ImportModel>> {
    let Empty {} = input;
    Ok(Json(state.service().cancel_import(&call, id).await?.into()))
}
