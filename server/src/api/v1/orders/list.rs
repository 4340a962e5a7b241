//! `GET /v1/orders`: the orders.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::OrderModel,
            words::OrderStatusWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::CustomerId;
use holdfast_service::admin::orders::{OrderFilter, OrderStatus};
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those of this customer.
    #[param(value_type = String, pattern = "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub customer: Option<CustomerId>,
    /// Only those that stand like this.
    #[param(value_type = OrderStatusWord, inline)]
    pub status: Option<OrderStatus>,
    /// Only those of which this is a part of the reference, or of the customer's name, e-mail address or external id.
    pub q: Option<String>,
}

impl From<Filter> for OrderFilter {
    fn from(Filter { customer, status, q }: Filter) -> Self {
        Self { status, customer, q }
    }
}

/// Lists orders
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/orders",
    tag = "orders",
    operation_id = "listOrders",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of orders", body = Listing<OrderModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<OrderModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().orders(&actor, filter.into(), page).await?;
    Ok(Json(Listing::of(page, OrderModel::from)))
}
