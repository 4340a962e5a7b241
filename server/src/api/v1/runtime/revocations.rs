//! `GET /v1/products/{product}/revocations`: the signed revocation list.

use super::{Product, document, schema};
use crate::{
    AppState,
    api::problem::{ProblemDocument, Result},
};
use axum::{extract::State, http::HeaderMap, response::Response};

/// The revocation list
///
/// Signed by an issuing key of the product. Any web cache may carry it.
#[utoipa::path(
    get,
    path = "/v1/products/{product}/revocations",
    tag = "runtime",
    operation_id = "revocations",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    responses(
        (status = 200, description = "The list in JWS compact serialization; bare where `Accept` names `application/jwt`", body = schema::Revocations),
        (status = 304, description = "The one that `If-None-Match` names"),
        (status = 404, description = "`product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn revocations(
    State(state): State<AppState>,
    Product(product): Product,
    headers: HeaderMap,
) -> Result<Response> {
    let list = state.service().revocations(product).await?;
    Ok(document(&headers, "revocations", &list))
}
