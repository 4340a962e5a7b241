//! `GET /v1/shops/{id}/prices`: which plan each price of a shop is.

use super::PriceModel;
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

/// Lists which plan each price is
///
/// By price; at most a thousand.
#[utoipa::path(
    get,
    path = "/v1/shops/{id}/prices",
    tag = "shops",
    operation_id = "listShopPrices",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The prices", body = Vec<PriceModel>),
        Refusals,
    )
)]
pub async fn prices(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ShopId>,
) -> Result<Json<Vec<PriceModel>>> {
    let prices = state.service().shop_prices(&actor, id).await?;
    Ok(Json(prices.into_iter().map(PriceModel::from).collect()))
}
