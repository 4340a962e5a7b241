//! `POST /v1/shops`: connects a shop.

use super::{NewShopModel, RulesModel};
use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, words::ShopKindWord},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Name, ShopKind, ShopRules};
use holdfast_service::admin::shops::{ConnectShop, Secret};
use serde::Deserialize;
use utoipa::ToSchema;

/// A shop to be connected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectShopBody {
    /// With whom it is.
    #[schema(value_type = ShopKindWord)]
    pub kind: ShopKind,
    /// What it is called.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
    /// Where the provider's API is, instead of its own address.
    #[schema(format = "uri", max_length = 2000, required = false)]
    pub api_url: Option<String>,
    /// What the provider's API is asked with.
    #[schema(min_length = 6, max_length = 500, required = false)]
    pub api_key: Option<String>,
    /// What is to follow from what it says; where absent, a refund revokes, a lost dispute asks, and subscriptions have two weeks
    /// for a payment.
    #[schema(required = false)]
    pub rules: Option<RulesModel>,
}

/// Connects a shop
///
/// Messages are then taken at `/v1/shops/{id}/events`. Where Holdfast makes the secret that they are to be signed with, the
/// answer has it; it is not shown again.
#[utoipa::path(
    post,
    path = "/v1/shops",
    tag = "shops",
    operation_id = "connectShop",
    params(),
    request_body = ConnectShopBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The shop, and its secret where Holdfast made one", body = NewShopModel),
        Refusals,
    )
)]
pub async fn connect(
    State(state): State<AppState>,
    Command { call, input }: Command<ConnectShopBody>,
) -> Result<(StatusCode, Json<NewShopModel>)> {
    let input = ConnectShop {
        kind: input.kind,
        name: input.name,
        api_url: input.api_url,
        api_key: input.api_key.as_deref().map(Secret::new),
        rules: input.rules.map_or_else(ShopRules::default, Into::into),
    };
    let made = state.service().connect_shop(&call, input).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
