//! `GET /v1/vendor`: the vendor itself.

use crate::{
    AppState,
    api::{extract::Caller, problem::Result, time::Rfc3339, v1::Refusals},
};
use axum::{Json, extract::State};
use holdfast_service::admin::views::VendorView;
use serde::Serialize;
use utoipa::ToSchema;

/// A vendor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Vendor)]
pub struct VendorModel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The raw root public key, base64url.
    pub root_public_key: String,
    /// When it was set up.
    pub created_at: Rfc3339,
}

impl From<VendorView> for VendorModel {
    fn from(view: VendorView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            root_public_key: view.root_public_key,
            created_at: view.created_at.into(),
        }
    }
}

/// Shows the vendor
///
/// With the root public key that applications pin.
#[utoipa::path(
    get,
    path = "/v1/vendor",
    tag = "vendor",
    operation_id = "getVendor",
    params(),
    security(("token" = [])),
    responses(
        (status = 200, description = "The vendor", body = VendorModel),
        Refusals,
    )
)]
pub async fn get(State(state): State<AppState>, Caller(actor): Caller) -> Result<Json<VendorModel>> {
    Ok(Json(state.service().vendor(&actor).await?.into()))
}
