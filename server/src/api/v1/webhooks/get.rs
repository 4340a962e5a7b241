//! `GET /v1/webhooks/{id}`: a webhook.

use super::WebhookModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::WebhookId;

/// Shows a webhook
///
/// Never with its secret.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    tag = "webhooks",
    operation_id = "getWebhook",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook", body = WebhookModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookModel>> {
    Ok(Json(state.service().webhook(&actor, id).await?.into()))
}
