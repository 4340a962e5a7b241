//! `DELETE /v1/shops/{id}/prices/{price}`: takes back which plan a price is.

use super::ShopModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Ids},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ShopId;

/// Takes back which plan a price is
///
/// What was sold stays as it is; what is sold at this price from then on waits in the inbox.
#[utoipa::path(
    delete,
    path = "/v1/shops/{id}/prices/{price}",
    tag = "shops",
    operation_id = "removeShopPrice",
    params(
        ("id" = String, Path, description = "The id"),
        ("price" = String, Path, description = "What the provider calls the price"),
    ),
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop", body = ShopModel),
        Refusals,
    )
)]
pub async fn remove_price(
    State(state): State<AppState>,
    Ids(id, price): Ids<ShopId, String>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ShopModel>> {
    let Empty {} = input;
    Ok(Json(state.service().remove_shop_price(&call, id, price).await?.into()))
}
