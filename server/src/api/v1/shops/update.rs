//! `PATCH /v1/shops/{id}`: changes a shop.

use super::{RulesModel, ShopModel};
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Name, ShopId};
use holdfast_service::admin::shops::{Secret, UpdateShop};
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateShopBody {
    /// Another name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Name>,
    /// Another address of the provider's API.
    #[schema(format = "uri", max_length = 2000, required = false)]
    pub api_url: Option<String>,
    /// Another API key.
    #[schema(min_length = 6, max_length = 500, required = false)]
    pub api_key: Option<String>,
    /// Other rules.
    #[schema(required = false)]
    pub rules: Option<RulesModel>,
}

/// Changes a shop
///
/// Other rules count for what the shop says from then on.
#[utoipa::path(
    patch,
    path = "/v1/shops/{id}",
    tag = "shops",
    operation_id = "updateShop",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdateShopBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop", body = ShopModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<UpdateShopBody>,
) -> Result<Json<ShopModel>> {
    let input = UpdateShop {
        name: input.name,
        api_url: input.api_url,
        api_key: input.api_key.as_deref().map(Secret::new),
        rules: input.rules.map(Into::into),
    };
    Ok(Json(state.service().update_shop(&call, id, input).await?.into()))
}
