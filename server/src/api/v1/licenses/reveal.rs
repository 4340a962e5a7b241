//! `POST /v1/licenses/{id}/reveal-key`: shows the whole key.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::LicenseId;
use serde::Serialize;
use utoipa::ToSchema;

/// A license key.
#[derive(Serialize, ToSchema)]
pub struct RevealedKey {
    /// Its own bytes.
    pub key: String,
}

/// Shows the whole key
///
/// Written to the audit log.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/reveal-key",
    tag = "licenses",
    operation_id = "revealKey",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The key", body = RevealedKey),
        Refusals,
    )
)]
pub async fn reveal(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Command { call, input }: Command<Empty>,
) -> Result<Json<RevealedKey>> {
    let Empty {} = input;
    Ok(Json(RevealedKey { key: state.service().reveal_key(&call, id).await? }))
}
