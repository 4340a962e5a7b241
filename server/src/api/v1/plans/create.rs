//! `POST /v1/plans`: a new plan.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{
            Refusals, code_or,
            models::{ModelName, PlanModel, SeatModelName, TermsInput},
        },
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Code, Entitlements, Name, ProductId, Terms};
use holdfast_service::Error;
use holdfast_service::admin::inputs::CreatePlan;
use serde::Deserialize;
use utoipa::ToSchema;

/// A plan to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlanBody {
    /// Its product.
    #[schema(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: ProductId,
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
    /// Its short name; made from the name where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", required = false)]
    pub code: Option<Code>,
    /// What a license of it copies.
    #[serde(default)]
    #[schema(required = false)]
    pub terms: Option<TermsInput>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub model: Option<ModelName>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub duration_seconds: Option<i64>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub seat_model: Option<SeatModelName>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub devices_per_user: Option<u32>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub seats: Option<u32>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub overdraft: Option<u32>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub lease_seconds: Option<i64>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub grace_seconds: Option<i64>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false)]
    pub renew_after_seconds: Option<i64>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false, value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    pub entitlements: Option<Entitlements>,
    /// As in `terms`.
    #[serde(default)]
    #[schema(required = false, value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    pub fallback: Option<Entitlements>,
}

struct Body {
    product: ProductId,
    name: Name,
    code: Option<Code>,
    terms: Terms,
}

impl CreatePlanBody {
    fn split(self) -> Result<Body> {
        let beside = TermsInput {
            model: self.model,
            duration_seconds: self.duration_seconds,
            seat_model: self.seat_model,
            devices_per_user: self.devices_per_user,
            seats: self.seats,
            overdraft: self.overdraft,
            lease_seconds: self.lease_seconds,
            grace_seconds: self.grace_seconds,
            renew_after_seconds: self.renew_after_seconds,
            entitlements: self.entitlements,
            fallback: self.fallback.map(Some),
            ..TermsInput::default()
        };
        let terms = match self.terms {
            None => beside.terms(None, "")?,
            Some(terms) if beside.is_empty() => terms.terms(None, "/terms")?,
            Some(_) => return Err(Error::invalid("/terms", "the terms stand here or beside it, not in both").into()),
        };
        Ok(Body { product: self.product, name: self.name, code: self.code, terms })
    }
}

/// Makes a plan
///
/// Whatever is absent from its terms has the default of its model. The members of `terms` may also stand beside `name`.
#[utoipa::path(
    post,
    path = "/v1/plans",
    tag = "plans",
    operation_id = "createPlan",
    params(),
    request_body = CreatePlanBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The plan", body = PlanModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreatePlanBody>,
) -> Result<(StatusCode, Json<PlanModel>)> {
    let Body { product, name, code, terms } = input.split()?;
    let code = code_or(code, &name)?;
    let plan = state.service().create_plan(&call, CreatePlan { product, name, code, terms }).await?;
    Ok((StatusCode::CREATED, Json(plan.into())))
}
