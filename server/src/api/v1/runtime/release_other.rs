//! `POST /v1/products/{product}/seats/{seat}/release`: frees another device's seat from inside the application.

use super::{KeyGate, Product, schema};
use crate::{
    AppState,
    api::{
        extract::Runtime,
        problem::{ProblemDocument, Result},
        request::Current,
    },
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_service::{ErrorCode, runtime::ReleaseOther};

/// Frees another device's seat
///
/// Whoever has the license key may do so, as often as the plan allows within 30 days.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/seats/{seat}/release",
    tag = "runtime",
    operation_id = "releaseOther",
    params(
        ("product" = String, Path, description = "The product's id, `prd_…`"),
        ("seat" = String, Path, description = "The seat's id, `sea_…`"),
    ),
    request_body = schema::ReleaseOther,
    responses(
        (status = 204, description = "The seat is free"),
        (status = 404, description = "`license_not_found`, `not_found`, `product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`release_budget_spent`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn release_other(
    State(state): State<AppState>,
    Product(product): Product,
    Path((_, seat)): Path<(String, String)>,
    Runtime(input): Runtime<ReleaseOther>,
) -> Result<Response> {
    let seat = seat.parse().map_err(|_| ErrorCode::NotFound)?;
    let gate = KeyGate::enter(&state, product).await?;
    let result = state.service().release_other(product, seat, input, &Current::get().info()).await;
    Ok(gate.answer(result, |()| StatusCode::NO_CONTENT.into_response()))
}
