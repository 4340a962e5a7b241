//! `POST /v1/products/{product}/activate`: claims a seat.

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
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_service::runtime::{Activate, Activated};

/// Claims a seat
///
/// The same device again gets the seat it has (`200`); a new one takes a free seat (`201`).
#[utoipa::path(
    post,
    path = "/v1/products/{product}/activate",
    tag = "runtime",
    operation_id = "activate",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    request_body = schema::Activate,
    responses(
        (status = 201, description = "A seat was taken", body = schema::Activated),
        (status = 200, description = "This device has its seat already", body = schema::Activated),
        (status = 400, description = "`invalid_request`, `invalid_json`, `user_required`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "`license_revoked`, `license_suspended`, `license_expired`, with a denial", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "`license_not_found`, `product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`seat_limit_reached`, `device_limit_reached`, with the seats in the way", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn activate(
    State(state): State<AppState>,
    Product(product): Product,
    Runtime(input): Runtime<Activate>,
) -> Result<Response> {
    let gate = KeyGate::enter(&state, product).await?;
    let result = state.service().activate(product, input, &Current::get().info()).await;
    Ok(gate.answer(result, answer))
}

pub(super) fn answer(activated: Activated) -> Response {
    let status = if activated.again { StatusCode::OK } else { StatusCode::CREATED };
    let body = schema::Activated { lease: activated.lease, seat: activated.seat.id.to_string(), keys: activated.keys };
    (status, Json(body)).into_response()
}
