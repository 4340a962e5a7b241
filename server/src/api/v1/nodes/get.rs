//! `GET /v1/nodes/{id}`: one node.

use super::NodeModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::NodeId;

/// Shows a node
///
///
#[utoipa::path(
    get,
    path = "/v1/nodes/{id}",
    tag = "nodes",
    operation_id = "getNode",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The node", body = NodeModel),
        Refusals,
    )
)]
pub async fn get(State(state): State<AppState>, Caller(actor): Caller, Id(id): Id<NodeId>) -> Result<Json<NodeModel>> {
    Ok(Json(state.service().node_view(&actor, id).await?.into()))
}
