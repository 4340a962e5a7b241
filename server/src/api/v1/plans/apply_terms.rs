//! `POST /v1/plans/{id}/apply-terms`: gives issued licenses the terms of their plan.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{Empty, Refusals, models::TermsOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::PlanId;

/// Applies the terms to licenses already issued
///
/// `dry_run=true` only says how many would change.
#[utoipa::path(
    post,
    path = "/v1/plans/{id}/apply-terms",
    tag = "plans",
    operation_id = "applyTerms",
    params(("id" = String, Path, description = "The id"), DryRun),
    security(("token" = [])),
    responses(
        (status = 200, description = "What changed", body = TermsOutcomeModel),
        Refusals,
    )
)]
pub async fn apply_terms(
    State(state): State<AppState>,
    Id(id): Id<PlanId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<TermsOutcomeModel>> {
    let Empty {} = input;
    Ok(Json(state.service().apply_terms(&call, id, dry.dry_run).await?.into()))
}
