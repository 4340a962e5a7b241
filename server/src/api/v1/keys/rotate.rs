//! `POST /v1/keys/rotate`: a new issuing key.

use crate::{
    AppState,
    api::{extract::Command, problem::Result, v1::Refusals},
};
use axum::{Json, extract::State};
use holdfast_domain::ProductId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whose keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateBody {
    /// The product.
    #[schema(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: ProductId,
}

/// The key that signs from now on.
#[derive(Debug, Serialize, ToSchema)]
pub struct RotatedKey {
    /// Its id, as in the header of documents.
    pub kid: String,
}

/// Rotates the issuing keys of a product
///
/// The old key stays in the manifest until the last lease signed with it has ended.
#[utoipa::path(
    post,
    path = "/v1/keys/rotate",
    tag = "keys",
    operation_id = "rotateKeys",
    params(),
    request_body = RotateBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The new key", body = RotatedKey),
        Refusals,
    )
)]
pub async fn rotate(
    State(state): State<AppState>,
    Command { call, input }: Command<RotateBody>,
) -> Result<Json<RotatedKey>> {
    let kid = state.service().rotate_issuing_keys(&call, input.product).await?;
    Ok(Json(RotatedKey { kid }))
}
