//! `POST /v1/webhooks/{id}/resume`: sends again.

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

/// Resumes a webhook
///
/// What has waited is sent at once, in its order, and tried for another three days.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/resume",
    tag = "webhooks",
    operation_id = "resumeWebhook",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook", body = WebhookModel),
        Refusals,
    )
)]
pub async fn resume(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<WebhookModel>> {
    let Empty {} = input;
    Ok(Json(state.service().resume_webhook(&call, id).await?.into()))
}
