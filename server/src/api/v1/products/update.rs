//! `PATCH /v1/products/{id}`: changes a product.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::ProductModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Name, ProductId};
use holdfast_service::admin::inputs::UpdateProduct;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateProductBody {
    /// Another name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Name>,
    /// Whether to hide it from choice.
    #[schema(required = false)]
    pub archived: Option<bool>,
}

/// Changes a product
///
/// Members that are absent stay.
#[utoipa::path(
    patch,
    path = "/v1/products/{id}",
    tag = "products",
    operation_id = "updateProduct",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdateProductBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The product", body = ProductModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<ProductId>,
    Command { call, input }: Command<UpdateProductBody>,
) -> Result<Json<ProductModel>> {
    let input = UpdateProduct { name: input.name, archived: input.archived };
    Ok(Json(state.service().update_product(&call, id, input).await?.into()))
}
