//! `POST /v1/licenses/{id}/transfer`: gives a license to another customer.

use super::status::unchanged;
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{CustomerInput, Refusals, models::LicenseModel},
    },
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use holdfast_domain::{LicenseId, ReasonText};
use holdfast_service::admin::inputs::Transfer;
use serde::Deserialize;
use utoipa::ToSchema;

/// To whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// A customer's id, or a customer to be made.
    pub customer: CustomerInput,
    /// Why; kept in the audit log.
    #[schema(value_type = String)]
    pub reason: ReasonText,
}

/// Transfers a license
///
/// Running seats go on. `dry_run=true` only shows the license: nobody loses access.
#[utoipa::path(
    post,
    path = "/v1/licenses/{id}/transfer",
    tag = "licenses",
    operation_id = "transferLicense",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = TransferBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The license", body = LicenseModel),
        Refusals,
    )
)]
pub async fn transfer(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<TransferBody>,
) -> Result<Response> {
    let input = Transfer { customer: input.customer.into_choice(), reason: input.reason };
    if dry.dry_run {
        return Ok(Json(unchanged(&state, &call, id).await?).into_response());
    }
    let license = state.service().transfer_license(&call, id, input).await?;
    Ok(Json(LicenseModel::from(license)).into_response())
}
