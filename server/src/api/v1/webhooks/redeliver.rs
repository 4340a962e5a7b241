//! `POST /v1/webhooks/{id}/deliveries/{delivery}/redeliver`: sends a message once more.

use super::DeliveryModel;
use crate::{
    AppState,
    api::{
        extract::{Command, Ids},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{DeliveryId, WebhookId};

/// Sends a message once more
///
/// The same bytes under the same `webhook-id`, as a delivery of its own at the end of the line.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
    tag = "webhooks",
    operation_id = "redeliver",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("delivery" = String, Path, description = "The delivery's id")
    ),
    security(("token" = [])),
    responses(
        (status = 200, description = "The new delivery", body = DeliveryModel),
        Refusals,
    )
)]
pub async fn redeliver(
    State(state): State<AppState>,
    Ids(id, delivery): Ids<WebhookId, DeliveryId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<DeliveryModel>> {
    let Empty {} = input;
    Ok(Json(state.service().redeliver(&call, id, delivery).await?.into()))
}
