//! `POST /v1/products`: a new product.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, code_or, models::ProductModel},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Code, Name};
use holdfast_service::admin::inputs::CreateProduct;
use serde::Deserialize;
use utoipa::ToSchema;

/// A product to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProductBody {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
    /// Its short name; made from the name where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", required = false)]
    pub code: Option<Code>,
}

/// Makes a product
///
/// Its issuing key is made with it.
#[utoipa::path(
    post,
    path = "/v1/products",
    tag = "products",
    operation_id = "createProduct",
    params(),
    request_body = CreateProductBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The product", body = ProductModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateProductBody>,
) -> Result<(StatusCode, Json<ProductModel>)> {
    let input = CreateProduct { code: code_or(input.code, &input.name)?, name: input.name };
    let product = state.service().create_product(&call, input).await?;
    Ok((StatusCode::CREATED, Json(product.into())))
}
