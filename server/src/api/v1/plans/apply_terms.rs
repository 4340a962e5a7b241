//! `POST /v1/plans/{id}/apply-terms`: gives issued licenses the terms of their plan.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{Refusals, models::TermsOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::PlanId;
use holdfast_service::admin::inputs::ApplyTerms;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which licenses follow the plan's number of seats.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApplyTermsBody {
    /// Licenses with this number of seats get the plan's; others keep theirs, which was bought.
    #[schema(required = false)]
    pub seats_from: Option<u32>,
}

/// Applies the terms to licenses already issued
///
/// `dry_run=true` only says how many would change.
#[utoipa::path(
    post,
    path = "/v1/plans/{id}/apply-terms",
    tag = "plans",
    operation_id = "applyTerms",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ApplyTermsBody,
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
    Command { call, input }: Command<ApplyTermsBody>,
) -> Result<Json<TermsOutcomeModel>> {
    let input = ApplyTerms { seats_from: input.seats_from, dry_run: dry.dry_run };
    Ok(Json(state.service().apply_terms(&call, id, input).await?.into()))
}
