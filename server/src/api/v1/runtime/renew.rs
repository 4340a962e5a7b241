//! `POST /v1/products/{product}/renew`: the next lease of a seat. The hot path: nothing here waits for a write.

use super::{Product, schema};
use crate::{
    AppState,
    api::{
        extract::Runtime,
        problem::{ProblemDocument, Result},
        request::Current,
    },
};
use axum::{Json, extract::State};
use holdfast_service::runtime::Renew;

/// Renews a lease
///
/// No quota and nobody's wrong guesses ever turn a renewal away.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/renew",
    tag = "runtime",
    operation_id = "renew",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    request_body = schema::Renew,
    responses(
        (status = 200, description = "A new lease", body = schema::Renewed),
        (status = 400, description = "`lease_unverifiable` (not a denial: nothing follows from it), `proof_invalid`, `invalid_request`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "`license_revoked`, `license_suspended`, `license_expired`, `seat_released`, `device_mismatch`, each with a denial", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "`product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`, `sealed`: the stored lease stays valid", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn renew(
    State(state): State<AppState>,
    Product(product): Product,
    Runtime(input): Runtime<Renew>,
) -> Result<Json<schema::Renewed>> {
    let renewed = state.service().renew(product, input, &Current::get().info()).await?;
    Ok(Json(schema::Renewed { lease: renewed.lease, keys: renewed.keys }))
}
