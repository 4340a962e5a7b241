//! `POST /v1/tokens`: a new API token.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        time::Rfc3339,
        v1::{Refusals, models::NewTokenModel, words::ScopeWord},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Name, Permission};
use holdfast_service::admin::inputs::CreateToken;
use serde::Deserialize;
use utoipa::ToSchema;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenBody {
    /// What it is for.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
    /// What it may do, for example `licenses_read`; never more than its maker may.
    #[schema(value_type = Vec<ScopeWord>, min_items = 1)]
    pub scopes: Vec<Permission>,
    /// When it ends; a token without end where absent.
    #[serde(default)]
    #[schema(required = false)]
    pub expires_at: Option<Rfc3339>,
}

/// Makes an API token
///
/// The answer has the secret, which is not shown again.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    tag = "tokens",
    operation_id = "createToken",
    params(),
    request_body = CreateTokenBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The token and its secret", body = NewTokenModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateTokenBody>,
) -> Result<(StatusCode, Json<NewTokenModel>)> {
    let input = CreateToken { name: input.name, scopes: input.scopes, expires_at: input.expires_at.map(|at| at.0) };
    let token = state.service().create_token(&call, input).await?;
    Ok((StatusCode::CREATED, Json(token.into())))
}
