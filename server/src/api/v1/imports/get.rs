//! `GET /v1/imports/{id}`: one import.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::ImportModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ImportId;

/// Shows an import
///
/// With how far it is while it runs.
#[utoipa::path(
    get,
    path = "/v1/imports/{id}",
    tag = "imports",
    operation_id = "getImport",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The import", body = ImportModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ImportId>,
) -> Result<Json<ImportModel>> {
    Ok(Json(state.service().import(&actor, id).await?.into()))
}
