//! `POST /v1/licenses/{id}/resume`: ends a pause.

use super::status::{StatusBody, change};
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{Refusals, models::StatusOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{LicenseId, license::StatusChange};

/// Ends a pause
///
/// Running seats get their rights back with their next renewal. `dry_run=true` only says whose access would end and when.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/resume",
    tag = "licenses",
    operation_id = "resumeLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = StatusBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What it does to whom", body = StatusOutcomeModel),
        Refusals,
    )
)]
pub async fn resume(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<StatusBody>,
) -> Result<Json<StatusOutcomeModel>> {
    change(&state, &call, id, StatusChange::Resume, input, dry).await
}
