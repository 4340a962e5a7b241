//! `POST /v1/webhooks/{id}/rotate-secret`: a new secret and key.

use super::NewWebhookModel;
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

/// Gives a webhook a new secret
///
/// The answer has the secret, which is not shown again. For a day the one before signs as well: every request carries both
/// signatures.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/rotate-secret",
    tag = "webhooks",
    operation_id = "rotateWebhookSecret",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook and its secret", body = NewWebhookModel),
        Refusals,
    )
)]
pub async fn rotate_secret(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<NewWebhookModel>> {
    let Empty {} = input;
    Ok(Json(state.service().rotate_webhook_secret(&call, id).await?.into()))
}
