//! `GET /v1/customers/{id}`: one customer.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::CustomerModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::CustomerId;

/// Shows a customer
///
///
#[utoipa::path(
    get,
    path = "/v1/customers/{id}",
    tag = "customers",
    operation_id = "getCustomer",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The customer", body = CustomerModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<CustomerId>,
) -> Result<Json<CustomerModel>> {
    Ok(Json(state.service().customer(&actor, id).await?.into()))
}
