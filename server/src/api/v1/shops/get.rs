//! `GET /v1/shops/{id}`: one shop.

use super::ShopModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ShopId;

/// Shows a shop
///
/// Never with its secrets.
#[utoipa::path(
    get,
    path = "/v1/shops/{id}",
    tag = "shops",
    operation_id = "getShop",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop", body = ShopModel),
        Refusals,
    )
)]
pub async fn get(State(state): State<AppState>, Caller(actor): Caller, Id(id): Id<ShopId>) -> Result<Json<ShopModel>> {
    Ok(Json(state.service().shop(&actor, id).await?.into()))
}
