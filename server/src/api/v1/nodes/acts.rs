//! `POST /v1/nodes/{id}/{drain|resume|declare-gone}`: what an operator does about a node.

use super::NodeModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{ReasonBody, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::NodeId;
use holdfast_service::admin::fleet::NodeAct;

/// Drains a node
///
/// Its `/readyz` says so with its next sign of life, and load balancers leave it alone; it answers whoever asks all the same.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/drain",
    tag = "nodes",
    operation_id = "drainNode",
    params(("id" = String, Path, description = "The id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The node", body = NodeModel),
        Refusals,
    )
)]
pub async fn drain(
    State(state): State<AppState>,
    Id(id): Id<NodeId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<NodeModel>> {
    Ok(Json(state.service().act_on_node(&call, id, NodeAct::Drain, input.reason).await?.into()))
}

/// Lets a node serve again
///
///
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/resume",
    tag = "nodes",
    operation_id = "resumeNode",
    params(("id" = String, Path, description = "The id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The node", body = NodeModel),
        Refusals,
    )
)]
pub async fn resume(
    State(state): State<AppState>,
    Id(id): Id<NodeId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<NodeModel>> {
    Ok(Json(state.service().act_on_node(&call, id, NodeAct::Resume, input.reason).await?.into()))
}

/// Says that a node is off
///
/// For a node that vanished and will not come back under its id. Floating seats that it may have renewed are then given to
/// others as soon as their last leases have ended. Only where it is really off: a node that is merely cut off goes on
/// renewing them.
#[utoipa::path(
    post,
    path = "/v1/nodes/{id}/declare-gone",
    tag = "nodes",
    operation_id = "declareNodeGone",
    params(("id" = String, Path, description = "The id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The node", body = NodeModel),
        Refusals,
    )
)]
pub async fn declare_gone(
    State(state): State<AppState>,
    Id(id): Id<NodeId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<NodeModel>> {
    Ok(Json(state.service().act_on_node(&call, id, NodeAct::DeclareGone, input.reason).await?.into()))
}
