//! `GET /v1/shops`: the shops.

use super::ShopModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State};

/// Lists shops
///
/// Newest first; never with their secrets.
#[utoipa::path(
    get,
    path = "/v1/shops",
    tag = "shops",
    operation_id = "listShops",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of shops", body = Listing<ShopModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<ShopModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().shops(&actor, page).await?;
    Ok(Json(Listing::of(page, ShopModel::from)))
}
