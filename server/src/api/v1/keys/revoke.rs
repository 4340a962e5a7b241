//! `POST /v1/keys/{id}/revoke`: withdraws an issuing key.

use crate::{
    AppState,
    api::{extract::Command, problem::Result, v1::Refusals},
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_domain::{ProductId, ReasonText};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// The key's product.
    #[schema(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: ProductId,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// Revokes an issuing key
///
/// For a key that leaked: documents signed with it are refused once a client has the new manifest. The id is the key id (`kid`).
#[utoipa::path(
    post,
    path = "/v1/keys/{id}/revoke",
    tag = "keys",
    operation_id = "revokeKey",
    params(("id" = String, Path, description = "The id")),
    request_body = RevokeBody,
    security(("token" = [])),
    responses(
        (status = 204, description = "It is revoked"),
        Refusals,
    )
)]
pub async fn revoke(
    State(state): State<AppState>,
    Path(kid): Path<String>,
    Command { call, input }: Command<RevokeBody>,
) -> Result<StatusCode> {
    state.service().revoke_issuing_key(&call, input.product, &kid, &input.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
