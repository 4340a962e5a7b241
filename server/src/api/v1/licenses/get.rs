//! `GET /v1/licenses/{id}`: one license.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id},
        problem::Result,
        v1::{Refusals, models::LicenseDetailModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::LicenseId;

/// Shows a license
///
/// With its seats and what happened to it.
#[utoipa::path(
    get,
    path = "/v1/licenses/{id}",
    tag = "licenses",
    operation_id = "getLicense",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The license", body = LicenseDetailModel),
        Refusals,
    )
)]
pub async fn get(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<LicenseId>,
) -> Result<Json<LicenseDetailModel>> {
    Ok(Json(state.service().license(&actor, id).await?.into()))
}
