//! `POST /v1/licenses/{id}/extend`: gives a license a later end.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        time::Rfc3339,
        v1::{Refusals, models::StatusOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{LicenseId, ReasonText};
use holdfast_service::admin::inputs::ExtendLicense;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// A later end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendBody {
    /// The new end; null for a license without end. It must be there: a forgotten one must not give everything away.
    #[serde(deserialize_with = "present")]
    #[schema(required = true)]
    pub expires_at: Option<Rfc3339>,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// A member that may be null and must not be absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rfc3339>, D::Error> {
    Option::deserialize(deserializer)
}

/// Extends a license
///
/// `dry_run=true` changes nothing.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/extend",
    tag = "licenses",
    operation_id = "extendLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ExtendBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What it does to whom", body = StatusOutcomeModel),
        Refusals,
    )
)]
pub async fn extend(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ExtendBody>,
) -> Result<Json<StatusOutcomeModel>> {
    let input =
        ExtendLicense { expires_at: input.expires_at.map(|at| at.0), reason: input.reason, dry_run: dry.dry_run };
    Ok(Json(state.service().extend_license(&call, id, input).await?.into()))
}
