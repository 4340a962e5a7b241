//! `POST /v1/licenses/{id}/revoke`: withdraws a license.

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

/// Withdraws a license
///
/// Running seats lose their rights with the signed denial, from `effective_at` on. `dry_run=true` only says whose access would end and when.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/revoke",
    tag = "licenses",
    operation_id = "revokeLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = StatusBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What it does to whom", body = StatusOutcomeModel),
        Refusals,
    )
)]
pub async fn revoke(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<StatusBody>,
) -> Result<Json<StatusOutcomeModel>> {
    change(&state, &call, id, StatusChange::Revoke, input, dry).await
}
