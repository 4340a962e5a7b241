//! `POST /v1/acts/{id}/stop`: stops an act on many.

use super::{ActModel, may_some};
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::BulkActId;

/// Stops an act
///
/// What it has not come to yet stays as it is; what it has changed can be taken back.
#[utoipa::path(
    post,
    path = "/v1/acts/{id}/stop",
    tag = "acts",
    operation_id = "stopAct",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The act", body = ActModel),
        Refusals,
    )
)]
pub async fn stop(
    State(state): State<AppState>,
    Id(id): Id<BulkActId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ActModel>> {
    let Empty {} = input;
    may_some(&call.actor)?;
    state.service().stop_bulk(&call, id).await?;
    Ok(Json(state.service().bulk_act(&call.actor, id).await?.into()))
}
