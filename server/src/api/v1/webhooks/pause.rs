//! `POST /v1/webhooks/{id}/pause`: sends nothing for a while.

use super::WebhookModel;
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

/// Pauses a webhook
///
/// Nothing more is sent until it is resumed; what happens meanwhile waits for it, for 30 days.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/pause",
    tag = "webhooks",
    operation_id = "pauseWebhook",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook", body = WebhookModel),
        Refusals,
    )
)]
pub async fn pause(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<WebhookModel>> {
    let Empty {} = input;
    Ok(Json(state.service().pause_webhook(&call, id).await?.into()))
}
