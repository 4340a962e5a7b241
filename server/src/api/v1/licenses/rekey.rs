//! `POST /v1/licenses/{id}/rekey`: a new key for a license.

use super::status::unchanged;
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{
            ReasonBody, Refusals,
            models::{IssuedModel, StatusOutcomeModel},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::LicenseId;
use holdfast_service::admin::inputs::Rekey;
use serde::Serialize;
use utoipa::ToSchema;

/// The license and its new key, or with `dry_run` who would lose access.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Rekeyed {
    /// It was done.
    Done(IssuedModel),
    /// It was only asked about.
    Asked(StatusOutcomeModel),
}

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
        (status = 200, description = "The license and its new key", body = Rekeyed),
        Refusals,
    )
)]
pub async fn rekey(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<Rekeyed>> {
    if dry.dry_run {
        return Ok(Json(Rekeyed::Asked(unchanged(&state, &call, id).await?)));
    }
    let issued = state.service().rekey_license(&call, id, Rekey { reason: input.reason }).await?;
    Ok(Json(Rekeyed::Done(issued.into())))
}
