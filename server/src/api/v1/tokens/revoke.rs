//! `POST /v1/tokens/{id}/revoke`: ends an API token.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals, models::TokenModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::TokenId;

/// Revokes an API token
///
/// At once, on every node.
#[utoipa::path(
    post,
    path = "/v1/tokens/{id}/revoke",
    tag = "tokens",
    operation_id = "revokeToken",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The token", body = TokenModel),
        Refusals,
    )
)]
pub async fn revoke(
    State(state): State<AppState>,
    Id(id): Id<TokenId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<TokenModel>> {
    let Empty {} = input;
    Ok(Json(state.service().revoke_token(&call, id).await?.into()))
}
