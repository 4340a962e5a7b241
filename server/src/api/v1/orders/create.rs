//! `POST /v1/orders`: a new order.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, models::OrderModel},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{CustomerId, Name};
use holdfast_service::admin::inputs::CreateOrder;
use serde::Deserialize;
use utoipa::ToSchema;

/// An order to be made known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrderBody {
    /// What the payment provider calls it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub reference: Name,
    /// Who bought.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub customer: Option<CustomerId>,
}

/// Makes an order known
///
/// Licenses name it when they are issued.
#[utoipa::path(
    post,
    path = "/v1/orders",
    tag = "orders",
    operation_id = "createOrder",
    params(),
    request_body = CreateOrderBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The order", body = OrderModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateOrderBody>,
) -> Result<(StatusCode, Json<OrderModel>)> {
    let input = CreateOrder { reference: input.reference, customer: input.customer };
    let order = state.service().create_order(&call, input).await?;
    Ok((StatusCode::CREATED, Json(order.into())))
}
