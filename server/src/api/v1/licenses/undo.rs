//! `POST /v1/licenses/{id}/undo`: undoes an act on a license.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{Refusals, models::ChangeOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{EventId, LicenseId, ReasonText};
use holdfast_service::admin::inputs::Undo;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which act, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoBody {
    /// The event that tells of it: `evt_…`.
    #[schema(value_type = String)]
    pub event: EventId,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

impl UndoBody {
    /// The same as the use cases take it.
    pub fn into_input(self, dry_run: bool) -> Undo {
        Undo { event: self.event, reason: self.reason, dry_run }
    }
}

/// Undoes an act
///
/// For ten minutes after it, and while nothing has been changed since that this would overwrite: a change of status, plan,
/// seats, end, entitlements or customer. A new key cannot be taken back. It is an act like any other, whose event names the
/// one undone. `dry_run=true` changes nothing.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/undo",
    tag = "licenses",
    operation_id = "undoLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = UndoBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What it does to whom", body = ChangeOutcomeModel),
        Refusals,
    )
)]
pub async fn undo(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<UndoBody>,
) -> Result<Json<ChangeOutcomeModel>> {
    Ok(Json(state.service().undo_license(&call, id, input.into_input(dry.dry_run)).await?.into()))
}
