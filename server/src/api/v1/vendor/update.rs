//! `PATCH /v1/vendor`: changes the vendor.

use super::get::VendorModel;
use crate::{
    AppState,
    api::{extract::Command, problem::Result, v1::Refusals},
};
use axum::{Json, extract::State};
use holdfast_domain::Name;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVendorBody {
    /// Another name.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
}

/// Renames the vendor
///
/// As its people and customers read it.
#[utoipa::path(
    patch,
    path = "/v1/vendor",
    tag = "vendor",
    operation_id = "updateVendor",
    params(),
    request_body = UpdateVendorBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The vendor", body = VendorModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Command { call, input }: Command<UpdateVendorBody>,
) -> Result<Json<VendorModel>> {
    Ok(Json(state.service().rename_vendor(&call, input.name).await?.into()))
}
