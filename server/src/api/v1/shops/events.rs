//! `GET /v1/shops/{id}/events`: what a shop has told.

use super::ShopEventModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ShopId;

/// Lists what a shop has told
///
/// Newest first; of the last 35 days, each with what came of it.
#[utoipa::path(
    get,
    path = "/v1/shops/{id}/events",
    tag = "shops",
    operation_id = "listShopEvents",
    params(("id" = String, Path, description = "The id"), ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of messages", body = Listing<ShopEventModel>),
        Refusals,
    )
)]
pub async fn events(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ShopId>,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<ShopEventModel>>> {
    let page = list.page(&[("received_at", ())])?;
    let page = state.service().shop_events(&actor, id, page).await?;
    Ok(Json(Listing::of(page, ShopEventModel::from)))
}
