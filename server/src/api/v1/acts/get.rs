//! `GET /v1/acts/{id}`: an act on many, as it stands.

use super::ActModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::BulkActId;

/// Gets an act on many
#[utoipa::path(
    get,
    path = "/v1/acts/{id}",
    tag = "acts",
    operation_id = "getAct",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The act", body = ActModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<BulkActId>,
) -> Result<Json<ActModel>> {
    Ok(Json(state.service().bulk_act(&actor, id).await?.into()))
}
