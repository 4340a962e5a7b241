//! `POST /v1/imports/{id}/confirm`: turns an import into licenses.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::ImportModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ImportId;
use serde::Deserialize;
use utoipa::ToSchema;

/// How to confirm.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmBody {
    /// Leave out the rows that stand in the way, instead of refusing all.
    #[schema(required = false)]
    pub leave_out: bool,
}

/// Turns an import into licenses
///
/// All of its rows or none. Safe to repeat.
#[utoipa::path(
    post,
    path = "/v1/imports/{id}/confirm",
    tag = "imports",
    operation_id = "confirmImport",
    params(("id" = String, Path, description = "The id")),
    request_body = ConfirmBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The import", body = ImportModel),
        Refusals,
    )
)]
pub async fn confirm(
    State(state): State<AppState>,
    Id(id): Id<ImportId>,
    Command { call, input }: Command<ConfirmBody>,
) -> Result<Json<ImportModel>> {
    Ok(Json(state.service().confirm_import(&call, id, input.leave_out).await?.into()))
}
