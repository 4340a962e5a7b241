//! `POST /v1/alerts/{id}/acknowledge`: somebody takes an alert on.

use super::AlertModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{ReasonBody, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::AlertId;

/// Acknowledges an alert
///
/// Says that somebody has taken it on, and what they are about to do. It stands until what it is about is better; should it get
/// worse, it has to be acknowledged anew.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/acknowledge",
    tag = "alerts",
    operation_id = "acknowledgeAlert",
    params(("id" = String, Path, description = "The id")),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The alert", body = AlertModel),
        Refusals,
    )
)]
pub async fn acknowledge(
    State(state): State<AppState>,
    Id(id): Id<AlertId>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<AlertModel>> {
    Ok(Json(state.service().acknowledge_alert(&call, id, input.reason).await?.into()))
}
