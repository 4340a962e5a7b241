//! `POST /v1/licenses/{id}/rekey`: a new key for a license.

use super::status::unchanged;
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{ReasonBody, Refusals, models::IssuedModel},
    },
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use holdfast_domain::LicenseId;
use holdfast_service::admin::inputs::Rekey;

/// Replaces the key
///
/// The old key is unknown from then on; running seats go on. `dry_run=true` only shows the license: nobody loses access.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/rekey",
    tag = "licenses",
    operation_id = "rekeyLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The license and its new key", body = IssuedModel),
        Refusals,
    )
)]
pub async fn rekey(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Response> {
    if dry.dry_run {
        return Ok(Json(unchanged(&state, &call, id).await?).into_response());
    }
    let issued = state.service().rekey_license(&call, id, Rekey { reason: input.reason }).await?;
    Ok(Json(IssuedModel::from(issued)).into_response())
}
