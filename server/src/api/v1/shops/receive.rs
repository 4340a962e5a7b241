//! `POST /v1/shops/{id}/events`: where a payment provider sends its messages.

use crate::{
    AppState,
    api::{
        extract::{Id, MANAGEMENT_BODY, body},
        problem::{Problem, ProblemDocument, Result},
        request::REQUEST_TIME,
    },
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use holdfast_domain::ShopId;
use holdfast_service::ErrorCode;

/// Takes a message of a payment provider
///
/// No token: the provider's signature over the body counts (`Stripe-Signature`, `Paddle-Signature`, `X-Signature`, or Standard
/// Webhooks for any other shop), and its time may be five minutes from now. The message is noted and worked off afterwards; sent
/// again, it changes nothing. Unknown shop, wrong signature and old message are refused alike.
#[utoipa::path(
    post,
    path = "/v1/shops/{id}/events",
    tag = "shops",
    operation_id = "receiveShopEvent",
    params(("id" = String, Path, description = "The shop's id, `shp_…`")),
    responses(
        (status = 204, description = "The message is noted, perhaps not for the first time"),
        (status = 400, description = "`invalid_json`: what was signed is no message", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "`message_refused`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`: more than 256 KiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Our own trouble: send it again", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn receive(
    State(state): State<AppState>,
    id: std::result::Result<Id<ShopId>, Problem>,
    headers: HeaderMap,
    stream: Body,
) -> Result<StatusCode> {
    // Not limited by address: a provider sends the messages of all vendors from the same ones, and nobody guesses a secret.
    let bytes = body(&headers, stream, MANAGEMENT_BODY, REQUEST_TIME).await?;
    // A malformed id is answered as an unknown one.
    let Ok(Id(shop)) = id else { return Err(ErrorCode::MessageRefused.into()) };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    state.service().receive(shop, &header, &bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}
