//! `POST /v1/acts/{id}/undo`: takes back what an act on many did.

use super::{ActModel, ActPreviewModel, begun, may_some, previewed};
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{ReasonBody, Refusals},
    },
};
use axum::{extract::State, response::Response};
use holdfast_domain::BulkActId;

/// Takes an act back
///
/// Once and for a day after its end, on exactly those that it changed. It is an act of its own, with its own report: one that
/// was changed since is refused, and so is a seat whose place somebody else has taken. `dry_run=true` only says whose access
/// would end by it.
#[utoipa::path(
    post,
    path = "/v1/acts/{id}/undo",
    tag = "acts",
    operation_id = "undoAct",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "With `dry_run`: what it would do", body = ActPreviewModel),
        (status = 202, description = "The act that takes it back, which has begun", body = ActModel),
        Refusals,
    )
)]
pub async fn undo(
    State(state): State<AppState>,
    Id(id): Id<BulkActId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Response> {
    may_some(&call.actor)?;
    if dry.dry_run {
        return Ok(previewed(state.service().preview_undo_bulk(&call, id).await?));
    }
    let begun_as = state.service().undo_bulk(&call, None, id, input.reason).await?;
    begun(&state, &call.actor, begun_as).await
}
