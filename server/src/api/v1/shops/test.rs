//! `POST /v1/shops/{id}/test`: whether a shop's provider answers.

use super::ShopTestModel;
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

/// Asks whether a shop's provider answers
///
/// With the API key that is set. Nothing is changed there.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/test",
    tag = "shops",
    operation_id = "testShop",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "Whether it does", body = ShopTestModel),
        Refusals,
    )
)]
pub async fn test(
    State(state): State<AppState>,
    Id(id): Id<ShopId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<ShopTestModel>> {
    let Empty {} = input;
    Ok(Json(state.service().test_shop(&call, id).await?.into()))
}
