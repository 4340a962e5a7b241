//! `DELETE /v1/webhooks/{id}`: removes a webhook.

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

/// Removes a webhook
///
/// With its log and all that is in line for it.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    tag = "webhooks",
    operation_id = "removeWebhook",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook that was", body = WebhookModel),
        Refusals,
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, .. }: Command<Empty>,
) -> Result<Json<WebhookModel>> {
    Ok(Json(state.service().remove_webhook(&call, id).await?.into()))
}
