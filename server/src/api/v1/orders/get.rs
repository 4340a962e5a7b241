//! `GET /v1/orders/{id}`: one order.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::OrderModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::OrderId;

/// Shows an order
///
///
#[utoipa::path(
    get,
    path = "/v1/orders/{id}",
    tag = "orders",
    operation_id = "getOrder",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The order", body = OrderModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<OrderId>,
) -> Result<Json<OrderModel>> {
    Ok(Json(state.service().order(&actor, id).await?.into()))
}
