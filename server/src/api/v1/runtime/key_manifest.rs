//! `GET /v1/vendors/{vendor}/keys`: the signed key manifest.

use super::{document, schema};
use crate::{
    AppState,
    api::{
        extract::Id,
        problem::{ProblemDocument, Result},
    },
};
use axum::{extract::State, http::HeaderMap, response::Response};
use holdfast_domain::VendorId;

/// The key manifest
///
/// Signed by the vendor's root key. Any web cache may carry it.
#[utoipa::path(
    get,
    path = "/v1/vendors/{vendor}/keys",
    tag = "runtime",
    operation_id = "keyManifest",
    params(("vendor" = String, Path, description = "The vendor's id, `vnd_…`")),
    responses(
        (status = 200, description = "The manifest in JWS compact serialization; bare where `Accept` names `application/jwt`", body = schema::KeyManifest),
        (status = 304, description = "The one that `If-None-Match` names"),
        (status = 404, description = "`not_found`", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn key_manifest(
    State(state): State<AppState>,
    Id(vendor): Id<VendorId>,
    headers: HeaderMap,
) -> Result<Response> {
    let manifest = state.service().key_manifest(vendor).await?;
    Ok(document(&headers, "keys", &manifest))
}
