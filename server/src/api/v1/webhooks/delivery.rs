//! `GET /v1/webhooks/{id}/deliveries/{delivery}`: a delivery with its attempts.

use super::DeliveryDetailModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Ids},
        problem::Result,
        v1::Refusals,
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{DeliveryId, WebhookId};

/// Shows a delivery
///
/// With what is sent and every attempt.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries/{delivery}",
    tag = "webhooks",
    operation_id = "getDelivery",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("delivery" = String, Path, description = "The delivery's id")
    ),
    security(("token" = [])),
    responses(
        (status = 200, description = "The delivery", body = DeliveryDetailModel),
        Refusals,
    )
)]
pub async fn delivery(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Ids(id, delivery): Ids<WebhookId, DeliveryId>,
) -> Result<Json<DeliveryDetailModel>> {
    Ok(Json(state.service().webhook_delivery(&actor, id, delivery).await?.into()))
}
