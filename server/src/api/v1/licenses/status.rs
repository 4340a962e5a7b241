//! What the four changes of a license's status have in common.

use crate::{
    AppState,
    api::{extract::DryRun, problem::Result, time::Rfc3339, v1::models::StatusOutcomeModel},
};
use axum::Json;
use holdfast_domain::{LicenseId, Permission, ReasonText, license::StatusChange};
use holdfast_service::{
    Call,
    admin::{
        inputs::ChangeStatus,
        views::{Impact, StatusOutcome},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why, and from when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusBody {
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
    /// From when running seats lose their rights; at once where absent.
    #[serde(default)]
    #[schema(required = false)]
    pub effective_at: Option<Rfc3339>,
}

/// Makes the change, or with `dry_run` says what it would do.
pub async fn change(
    state: &AppState,
    call: &Call,
    id: LicenseId,
    change: StatusChange,
    body: StatusBody,
    dry: DryRun,
) -> Result<Json<StatusOutcomeModel>> {
    let input = ChangeStatus {
        change,
        reason: body.reason,
        effective_at: body.effective_at.map(|at| at.0),
        dry_run: dry.dry_run,
    };
    Ok(Json(state.service().change_status(call, id, input).await?.into()))
}

/// What a dry run of an act says by which nobody loses access.
pub async fn unchanged(state: &AppState, call: &Call, id: LicenseId) -> Result<StatusOutcomeModel> {
    call.actor.require(Permission::LicensesWrite)?;
    let license = state.service().license(&call.actor, id).await?.license;
    Ok(StatusOutcome { license, impact: Impact::default(), applied: false }.into())
}
