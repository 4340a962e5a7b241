//! `POST /v1/products/{product}/release`: gives the seat up.

use super::{Product, schema};
use crate::{
    AppState,
    api::{
        extract::Runtime,
        problem::{ProblemDocument, Result},
        request::Current,
    },
};
use axum::{extract::State, http::StatusCode};
use holdfast_service::runtime::Release;

/// Gives a seat up
///
/// Idempotent: a seat that is free already is released again without complaint.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/release",
    tag = "runtime",
    operation_id = "release",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    request_body = schema::Release,
    responses(
        (status = 204, description = "The seat is free"),
        (status = 400, description = "`lease_unverifiable`, `invalid_request`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "`product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn release(
    State(state): State<AppState>,
    Product(product): Product,
    Runtime(input): Runtime<Release>,
) -> Result<StatusCode> {
    state.service().release(product, input, &Current::get().info()).await?;
    Ok(StatusCode::NO_CONTENT)
}
