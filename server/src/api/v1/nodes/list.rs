//! `GET /v1/nodes`: the nodes.

use super::NodeModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State};

/// Lists nodes
///
/// Every server of the installation that has registered, newest first.
#[utoipa::path(
    get,
    path = "/v1/nodes",
    tag = "nodes",
    operation_id = "listNodes",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of nodes", body = Listing<NodeModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<NodeModel>>> {
    let mut nodes = state.service().nodes(&actor).await?;
    // Ids sort by the time of their making.
    nodes.sort_unstable_by_key(|node| node.id);
    Ok(Json(list.cut(nodes, |node| node.id.to_string(), NodeModel::from)?))
}
