//! `GET /v1/inbox`: what waits for a person.

use super::InboxModel;
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
use holdfast_domain::{OrderId, ShopId};
use holdfast_service::admin::shops::InboxFilter;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only what waits, or only what does not any more.
    pub open: Option<bool>,
    /// Only of this shop.
    #[param(value_type = String, pattern = "^shp_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub shop: Option<ShopId>,
    /// Only about this order.
    #[param(value_type = String, pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub order: Option<OrderId>,
}

/// Lists what waits for a person
///
/// Newest first: prices that are no plan yet, payments of which nobody says what they were for, money that was paid back.
#[utoipa::path(
    get,
    path = "/v1/inbox",
    tag = "shops",
    operation_id = "listInbox",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of the inbox", body = Listing<InboxModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(Filter { open, shop, order }): Params<Filter>,
) -> Result<Json<Listing<InboxModel>>> {
    let page = list.page(&[("opened_at", ())])?;
    let page = state.service().inbox(&actor, InboxFilter { open, shop, order }, page).await?;
    Ok(Json(Listing::of(page, InboxModel::from)))
}
