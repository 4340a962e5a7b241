//! `POST /v1/webhooks/{id}/test`: sends a test.

use super::DeliveryModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::WebhookId;

/// Sends a test to a webhook
///
/// A message of the topic `webhook.test`, whatever the webhook wants to be told. Its delivery says what became of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    tag = "webhooks",
    operation_id = "testWebhook",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The delivery", body = DeliveryModel),
        Refusals,
    )
)]
pub async fn test(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<DeliveryModel>> {
    let Empty {} = input;
    Ok(Json(state.service().test_webhook(&call, id).await?.into()))
}
