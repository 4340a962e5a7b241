//! `POST /v1/products/{product}/trials`: the device's one trial.

use super::{Product, activate::answer, schema};
use crate::{
    AppState,
    api::{
        extract::Runtime,
        problem::{ProblemDocument, Result},
        request::Current,
    },
};
use axum::{extract::State, response::Response};
use holdfast_service::runtime::StartTrial;
use std::time::Instant;

/// Starts a trial
///
/// A device has one trial of a product: asked again, the running one is returned.
#[utoipa::path(
    post,
    path = "/v1/products/{product}/trials",
    tag = "runtime",
    operation_id = "startTrial",
    params(("product" = String, Path, description = "The product's id, `prd_…`")),
    request_body = schema::StartTrial,
    responses(
        (status = 201, description = "The trial begins", body = schema::Activated),
        (status = 200, description = "The trial is running already", body = schema::Activated),
        (status = 403, description = "`license_revoked`, `license_suspended`, `license_expired`, with a denial", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "`no_trial`, `product_not_found`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "`trial_used`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn start_trial(
    State(state): State<AppState>,
    Product(product): Product,
    Runtime(input): Runtime<StartTrial>,
) -> Result<Response> {
    // No key, nothing to guess: only the number of calls counts.
    let current = Current::get();
    state.rates().address.take(current.address.into(), Instant::now())?;
    Ok(answer(state.service().start_trial(product, input, &current.info()).await?))
}
