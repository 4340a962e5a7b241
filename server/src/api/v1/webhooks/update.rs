//! `PATCH /v1/webhooks/{id}`: changes a webhook.

use super::WebhookModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{WebhookId, webhook::EventFilter};
use holdfast_service::admin::webhooks::UpdateWebhook;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateWebhookBody {
    /// Another address.
    #[schema(format = "uri", max_length = 2000, required = false)]
    pub url: Option<String>,
    /// Another description.
    #[schema(max_length = 200, required = false)]
    pub description: Option<String>,
    /// Other topics; everything where empty.
    #[schema(value_type = Option<Vec<String>>, required = false)]
    pub events: Option<EventFilter>,
}

/// Changes a webhook
///
/// What is in line for it already goes to its new address.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    tag = "webhooks",
    operation_id = "updateWebhook",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdateWebhookBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The webhook", body = WebhookModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Command { call, input }: Command<UpdateWebhookBody>,
) -> Result<Json<WebhookModel>> {
    let input = UpdateWebhook { url: input.url, description: input.description, events: input.events };
    Ok(Json(state.service().update_webhook(&call, id, input).await?.into()))
}
