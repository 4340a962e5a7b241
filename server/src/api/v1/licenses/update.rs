//! `PATCH /v1/licenses/{id}`: changes a license.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        time::Rfc3339,
        v1::{
            Refusals,
            models::{ChangeOutcomeModel, LicenseModel, given},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Entitlements, LicenseId, PlanId, ReasonText};
use holdfast_service::admin::inputs::UpdateLicense;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateLicenseBody {
    /// Another plan of the same product, with its terms: `pln_…`.
    #[schema(value_type = Option<String>, required = false)]
    pub plan: Option<PlanId>,
    /// Another number of seats; with another plan, instead of that plan's.
    #[schema(required = false)]
    pub seats: Option<u32>,
    /// Other entitlements in place of the present overrides.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required = false)]
    pub overrides: Option<Entitlements>,
    /// Another end; null for none. An earlier one takes the right to revoke, and a reason.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Rfc3339>, required = false)]
    pub expires_at: Option<Option<Rfc3339>>,
    /// Why; kept in the audit log.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000, required = false)]
    pub reason: Option<ReasonText>,
}

/// The license, or with `dry_run` what would change for whom.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Updated {
    /// It was done.
    Done(LicenseModel),
    /// It was only asked about.
    Asked(ChangeOutcomeModel),
}

/// Changes plan, seats, end or entitlements
///
/// Members that are absent stay. No seat that is taken is lost. `dry_run=true` says term by term what would change, and which
/// device would learn of it when.
#[utoipa::path(
    patch,
    path = "/v1/licenses/{id}",
    tag = "licenses",
    operation_id = "updateLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = UpdateLicenseBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The license", body = Updated),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<UpdateLicenseBody>,
) -> Result<Json<Updated>> {
    let input = UpdateLicense {
        plan: input.plan,
        seats: input.seats,
        overrides: input.overrides,
        expires_at: input.expires_at.map(|end| end.map(|at| at.0)),
        seen: None,
        reason: input.reason,
        dry_run: dry.dry_run,
    };
    let outcome = state.service().update_license(&call, id, input).await?;
    Ok(Json(if outcome.applied { Updated::Done(outcome.license.into()) } else { Updated::Asked(outcome.into()) }))
}
