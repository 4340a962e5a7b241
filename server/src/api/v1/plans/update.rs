//! `PATCH /v1/plans/{id}`: changes a plan.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{
            Refusals,
            models::{PlanModel, TermsInput},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{Name, PlanId};
use holdfast_service::admin::inputs::UpdatePlan;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdatePlanBody {
    /// Another name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Name>,
    /// Other terms; members that are absent stay.
    #[schema(required = false)]
    pub terms: Option<TermsInput>,
    /// Whether to hide it from choice.
    #[schema(required = false)]
    pub archived: Option<bool>,
}

/// Changes a plan
///
/// Licenses that were issued keep their copy of the terms.
#[utoipa::path(
    patch,
    path = "/v1/plans/{id}",
    tag = "plans",
    operation_id = "updatePlan",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdatePlanBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The plan", body = PlanModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<PlanId>,
    Command { call, input }: Command<UpdatePlanBody>,
) -> Result<Json<PlanModel>> {
    let terms = match input.terms {
        None => None,
        Some(terms) => Some(terms.terms(Some(state.service().plan(&call.actor, id).await?.terms), "/terms")?),
    };
    let input = UpdatePlan { name: input.name, terms, archived: input.archived, seen: None };
    Ok(Json(state.service().update_plan(&call, id, input).await?.into()))
}
