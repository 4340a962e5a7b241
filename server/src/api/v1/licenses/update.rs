//! `PATCH /v1/licenses/{id}`: changes a license.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::LicenseModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Entitlements, LicenseId};
use holdfast_service::admin::inputs::UpdateLicense;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateLicenseBody {
    /// Another number of seats.
    #[schema(required = false)]
    pub seats: Option<u32>,
    /// Other entitlements in place of the present overrides.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required = false)]
    pub overrides: Option<Entitlements>,
}

/// Changes seats or entitlements
///
/// Members that are absent stay.
#[utoipa::path(
    patch,
    path = "/v1/licenses/{id}",
    tag = "licenses",
    operation_id = "updateLicense",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdateLicenseBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The license", body = LicenseModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Command { call, input }: Command<UpdateLicenseBody>,
) -> Result<Json<LicenseModel>> {
    let input = UpdateLicense { seats: input.seats, overrides: input.overrides };
    Ok(Json(state.service().update_license(&call, id, input).await?.into()))
}
