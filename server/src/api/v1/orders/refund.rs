//! `POST /v1/orders/{id}/refund`: a refund.

use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{ReasonBody, Refusals, models::RefundOutcomeModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::OrderId;

/// Refunds an order
///
/// Its licenses are revoked. `dry_run=true` only says whose access would end and when.
#[utoipa::path(
    post,
    path = "/v1/orders/{id}/refund",
    tag = "orders",
    operation_id = "refundOrder",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ReasonBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What it does to whom", body = RefundOutcomeModel),
        Refusals,
    )
)]
pub async fn refund(
    State(state): State<AppState>,
    Id(id): Id<OrderId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ReasonBody>,
) -> Result<Json<RefundOutcomeModel>> {
    Ok(Json(state.service().refund_order(&call, id, input.reason, dry.dry_run).await?.into()))
}
