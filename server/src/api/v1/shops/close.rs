//! `POST /v1/shops/{id}/close` and `…/open`: refuses what a shop tells, and takes it again.

use super::ShopModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ShopId;

/// Closes a shop
///
/// Its messages are refused from then on. What it has told already is still worked off, and its licenses stay as they are.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/close",
    tag = "shops",
    operation_id = "closeShop",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop", body = ShopModel),
        Refusals,
    )
)]
pub async fn close(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ShopModel>> {
    let Empty {} = input;
    Ok(Json(state.service().close_shop(&call, id, true).await?.into()))
}

/// Opens a shop again
///
/// Its messages are taken again. What was sent meanwhile comes again where the provider still sends it.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/open",
    tag = "shops",
    operation_id = "openShop",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The shop", body = ShopModel),
        Refusals,
    )
)]
pub async fn open(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ShopModel>> {
    let Empty {} = input;
    Ok(Json(state.service().close_shop(&call, id, false).await?.into()))
}
