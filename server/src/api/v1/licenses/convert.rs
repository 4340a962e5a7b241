//! `POST /v1/licenses/{id}/convert`: makes a trial a license that was bought.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        time::Rfc3339,
        v1::{CustomerInput, Refusals, models::IssuedModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Entitlements, LicenseId, OrderId, PlanId, ReasonText};
use holdfast_service::admin::inputs::ConvertTrial;
use serde::Deserialize;
use utoipa::ToSchema;

/// What it becomes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertBody {
    /// The plan whose terms it copies; of the trial's product, and no trial itself.
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
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false)]
    pub overrides: Entitlements,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// Converts a trial
///
/// It keeps its id, its key and its seat: the device that tried goes on with its next renewal. The answer has the key, which is
/// not shown again here.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/convert",
    tag = "licenses",
    operation_id = "convertTrial",
    params(("id" = String, Path, description = "The id")),
    request_body = ConvertBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The license and its key", body = IssuedModel),
        Refusals,
    )
)]
pub async fn convert(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Command { call, input }: Command<ConvertBody>,
) -> Result<Json<IssuedModel>> {
    let input = ConvertTrial {
        plan: input.plan,
        customer: input.customer.map(CustomerInput::into_choice),
        order: input.order,
        expires_at: input.expires_at.map(|at| at.0),
        seats: input.seats,
        overrides: input.overrides,
        reason: Some(input.reason),
    };
    Ok(Json(state.service().convert_trial(&call, id, input).await?.into()))
}
