//! `POST /v1/licenses/{id}/transfer`: gives a license to another customer.

use super::status::unchanged;
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::Result,
        v1::{
            CustomerInput, Refusals,
            models::{LicenseModel, StatusOutcomeModel},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{LicenseId, ReasonText};
use holdfast_service::admin::inputs::Transfer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// To whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// A customer's id, or a customer to be made.
    pub customer: CustomerInput,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// The license, or with `dry_run` who would lose access.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Transferred {
    /// It was done.
    Done(LicenseModel),
    /// It was only asked about.
    Asked(StatusOutcomeModel),
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
        (status = 200, description = "The license", body = Transferred),
        Refusals,
    )
)]
pub async fn transfer(
    State(state): State<AppState>,
    Id(id): Id<LicenseId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<TransferBody>,
) -> Result<Json<Transferred>> {
    let input = Transfer { customer: input.customer.into_choice(), reason: input.reason };
    if dry.dry_run {
        return Ok(Json(Transferred::Asked(unchanged(&state, &call, id).await?)));
    }
    let license = state.service().transfer_license(&call, id, input).await?;
    Ok(Json(Transferred::Done(license.into())))
}
