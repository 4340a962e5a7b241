//! `POST /v1/products/{product}/validate`: asks about a key without claiming anything.

use super::{KeyGate, Product, schema};
use crate::{
    AppState,
    api::{
        extract::Runtime,
        problem::{ProblemDocument, Result},
        request::Current,
        time::Rfc3339,
    },
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use holdfast_service::runtime::{Validate, Validated};

/// Asks about a key
///
/// Claims nothing. A client never locks on `valid: false` without the signed denial.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/validate",
    tag = "runtime",
    operation_id = "validate",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    request_body = schema::Validate,
    responses(
        (status = 200, description = "What holds", body = schema::Validated),
        (status = 404, description = "`product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn validate(
    State(state): State<AppState>,
    Product(product): Product,
    Runtime(input): Runtime<Validate>,
) -> Result<Response> {
    let gate = KeyGate::enter(&state, product).await?;
    let result = state.service().validate(product, input, &Current::get().info()).await;
    if result.as_ref().is_ok_and(Validated::is_unknown_key) {
        gate.wrong();
    }
    Ok(gate.answer(result, answer))
}

fn answer(validated: Validated) -> Response {
    let license = validated.license.map(|license| schema::LicenseSummary {
        id: license.id.to_string(),
        plan: license.plan.as_str().to_owned(),
        status: license.state,
        expires_at: license.expires_at.map(Rfc3339),
        seats: license.seats,
        entitlements: license.entitlements,
    });
    let Validated { valid, codes, denial, .. } = validated;
    Json(schema::Validated { valid, codes, license, denial }).into_response()
}
