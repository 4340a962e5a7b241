//! `POST /v1/licenses`: a new license.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        time::Rfc3339,
        v1::{CustomerInput, Refusals, models::IssuedModel},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{DeviceHash, Entitlements, OrderId, PlanId};
use holdfast_service::admin::inputs::IssueLicense;
use serde::Deserialize;
use utoipa::ToSchema;

/// A license to be issued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueLicenseBody {
    /// The plan whose terms it copies.
    #[schema(value_type = String, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub plan: PlanId,
    /// Who gets it: a customer's id, or a customer to be made.
    #[serde(default)]
    #[schema(required = false)]
    pub customer: Option<CustomerInput>,
    /// The order it was bought with.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub order: Option<OrderId>,
    /// Its end, where it differs from the plan's.
    #[serde(default)]
    #[schema(required = false)]
    pub expires_at: Option<Rfc3339>,
    /// The number of seats, where it differs from the plan's.
    #[serde(default)]
    #[schema(required = false)]
    pub seats: Option<u32>,
    /// Entitlements that differ from the plan's: code to `true`, an integer or a text.
    #[serde(default, alias = "entitlements")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false)]
    pub overrides: Entitlements,
    /// A key that exists already; a new one is made where absent.
    #[serde(default)]
    #[schema(required = false)]
    pub key: Option<String>,
    /// The hash of the device on which the product was tried: its trial becomes this license, and keeps its key and its seat.
    /// Where it has no trial that can, a new license is issued.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$", required = false)]
    pub device: Option<DeviceHash>,
}

/// Issues a license
///
/// The answer has the key, which is not shown again here.
#[utoipa::path(
    post,
    path = "/v1/licenses",
    tag = "licenses",
    operation_id = "issueLicense",
    params(),
    request_body = IssueLicenseBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The license and its key", body = IssuedModel),
        Refusals,
    )
)]
pub async fn issue(
    State(state): State<AppState>,
    Command { call, input }: Command<IssueLicenseBody>,
) -> Result<(StatusCode, Json<IssuedModel>)> {
    let input = IssueLicense {
        customer: input.customer.map(CustomerInput::into_choice),
        order: input.order,
        expires_at: input.expires_at.map(|at| at.0),
        seats: input.seats,
        overrides: input.overrides,
        key: input.key,
        device: input.device,
        ..IssueLicense::of(input.plan)
    };
    let issued = state.service().issue_license(&call, input).await?;
    Ok((StatusCode::CREATED, Json(issued.into())))
}
