//! `POST /v1/webhooks`: a new webhook.

use super::NewWebhookModel;
use crate::{
    AppState,
    api::{extract::Command, problem::Result, v1::Refusals},
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::webhook::EventFilter;
use holdfast_service::admin::webhooks::CreateWebhook;
use serde::Deserialize;
use utoipa::ToSchema;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookBody {
    /// Where to: an https address that anybody can reach.
    #[schema(format = "uri", max_length = 2000)]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200, required = false)]
    pub description: String,
    /// What it wants to be told: topics, or families of topics such as `license.*`; everything where empty or absent.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false)]
    pub events: EventFilter,
}

/// Makes a webhook
///
/// The answer has the secret, which is not shown again.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    tag = "webhooks",
    operation_id = "createWebhook",
    params(),
    request_body = CreateWebhookBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The webhook and its secret", body = NewWebhookModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateWebhookBody>,
) -> Result<(StatusCode, Json<NewWebhookModel>)> {
    let input = CreateWebhook { url: input.url, description: input.description, events: input.events };
    let made = state.service().create_webhook(&call, input).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
