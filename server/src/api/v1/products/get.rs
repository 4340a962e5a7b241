//! `GET /v1/products/{id}`: one product.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::ProductModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ProductId;

/// Shows a product
///
///
#[utoipa::path(
    get,
    path = "/v1/products/{id}",
    tag = "products",
    operation_id = "getProduct",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The product", body = ProductModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ProductId>,
) -> Result<Json<ProductModel>> {
    Ok(Json(state.service().product(&actor, id).await?.into()))
}
