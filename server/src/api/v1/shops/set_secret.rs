//! `POST /v1/shops/{id}/set-secret`: what a shop's messages are signed with.

use super::NewShopModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ShopId;
use holdfast_service::admin::shops::Secret;
use serde::Deserialize;
use utoipa::ToSchema;

/// The secret that the provider has made.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SetShopSecretBody {
    /// For Stripe and Paddle, as it stands there. Absent for the others: Holdfast makes a new one.
    #[schema(min_length = 6, max_length = 500, required = false)]
    pub secret: Option<String>,
}

/// Sets the secret of a shop's messages
///
/// Stripe and Paddle make it: copy it from there. For any other shop Holdfast makes a new one, which the answer has and which is
/// not shown again. For a day the one before counts as well.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/set-secret",
    tag = "shops",
    operation_id = "setShopSecret",
    params(("id" = String, Path, description = "The id")),
    request_body = SetShopSecretBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop, and its secret where Holdfast made one", body = NewShopModel),
        Refusals,
    )
)]
pub async fn set_secret(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<SetShopSecretBody>,
) -> Result<Json<NewShopModel>> {
    let secret = input.secret.as_deref().map(Secret::new);
    Ok(Json(state.service().set_shop_secret(&call, id, secret).await?.into()))
}
