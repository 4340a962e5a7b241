//! `POST /v1/shops/{id}/prices`: which plan a price of a shop is.

use super::PriceModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Name, PlanId, ShopId};
use holdfast_service::admin::shops::SetPrice;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which plan a price is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetShopPriceBody {
    /// What the provider calls the price (Stripe, Paddle) or the variant (Lemon Squeezy).
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub price: Name,
    /// The plan; null or absent for what needs no license.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub plan: Option<PlanId>,
    /// Whether the number of pieces is the number of seats.
    #[serde(default)]
    #[schema(required = false)]
    pub quantity_is_seats: bool,
}

/// Says which plan a price is
///
/// In place of what was said before. What was sold already stays as it is; sales that wait in the inbox for this are looked at
/// once more.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/prices",
    tag = "shops",
    operation_id = "setShopPrice",
    params(("id" = String, Path, description = "The id")),
    request_body = SetShopPriceBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The price", body = PriceModel),
        Refusals,
    )
)]
pub async fn set_price(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<SetShopPriceBody>,
) -> Result<Json<PriceModel>> {
    let input = SetPrice { price: input.price, plan: input.plan, quantity_is_seats: input.quantity_is_seats };
    Ok(Json(state.service().set_shop_price(&call, id, input).await?.into()))
}
