//! `POST /v1/inbox/{id}/resolve`: what a person makes of it.

use super::InboxModel;
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Id, Params},
        problem::{Problem, Result},
        time::Rfc3339,
        v1::{
            CustomerInput, Refusals,
            models::{ImpactModel, LicenseModel},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{InboxId, LicenseId, PlanId, ReasonText};
use holdfast_service::{
    Error,
    admin::shops::{Resolve, ResolveInput, Resolved},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person makes of it.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Look at the sale once more.
    Again,
    /// From now on this price is `plan`, or needs no license where that is absent.
    Map,
    /// Issue a license of `plan`, this once.
    Issue,
    /// `customer` has bought.
    Customer,
    /// It was bought for `license`.
    License,
    /// Revoke what was bought.
    Revoke,
    /// Reinstate what was bought: money that was gone is there again.
    Reinstate,
    /// Nothing follows.
    Dismiss,
}

/// How something is to be resolved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveBody {
    /// What is made of it.
    pub how: How,
    /// The plan of `map` and `issue`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub plan: Option<PlanId>,
    /// For `map`: whether the number of pieces is the number of seats.
    #[serde(default)]
    #[schema(required = false)]
    pub quantity_is_seats: bool,
    /// For `issue`: the number of seats, instead of the plan's.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000, required = false)]
    pub seats: Option<u32>,
    /// The customer of `customer`.
    #[serde(default)]
    #[schema(required = false)]
    pub customer: Option<CustomerInput>,
    /// The license of `license`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^lic_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub license: Option<LicenseId>,
    /// For `revoke`: from when running seats lose their rights; at once where absent.
    #[serde(default)]
    #[schema(required = false)]
    pub effective_at: Option<Rfc3339>,
    /// Why; kept in the audit log. `revoke`, `reinstate` and `dismiss` need one.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000, required = false)]
    pub reason: Option<ReasonText>,
}

/// What came of it, or with `dry_run` would.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Resolved)]
pub struct ResolvedModel {
    /// The entry.
    pub entry: InboxModel,
    /// The licenses that were issued, linked, revoked or reinstated by it.
    pub licenses: Vec<LicenseModel>,
    /// Whose access ends.
    pub impact: ImpactModel,
    /// Whether it was done.
    pub applied: bool,
}

impl From<Resolved> for ResolvedModel {
    fn from(view: Resolved) -> Self {
        Self {
            entry: view.entry.into(),
            licenses: view.licenses.into_iter().map(LicenseModel::from).collect(),
            impact: view.impact.into(),
            applied: view.applied,
        }
    }
}

impl ResolveBody {
    fn into_input(self, dry_run: bool) -> Result<ResolveInput> {
        let missing = |pointer: &str| Problem(Error::invalid(pointer, "this member is missing"));
        let how = match self.how {
            How::Again => Resolve::Again,
            How::Map => Resolve::Map { plan: self.plan, quantity_is_seats: self.quantity_is_seats },
            How::Issue => Resolve::Issue { plan: self.plan.ok_or_else(|| missing("/plan"))?, seats: self.seats },
            How::Customer => Resolve::Customer(self.customer.ok_or_else(|| missing("/customer"))?.into_choice()),
            How::License => Resolve::License(self.license.ok_or_else(|| missing("/license"))?),
            How::Revoke => Resolve::Revoke { effective_at: self.effective_at.map(|at| at.0) },
            How::Reinstate => Resolve::Reinstate,
            How::Dismiss => Resolve::Dismiss,
        };
        Ok(ResolveInput { how, reason: self.reason, dry_run })
    }
}

/// Resolves something that waits for a person
///
/// Takes the scope of what is made of it. `dry_run=true` only says whose access would end and when. What revokes or
/// reinstates the licenses elsewhere resolves it too: support does not revoke here, where that would be at once, but with `POST /v1/acts`.
#[utoipa::path(
    post,
    path = "/v1/inbox/{id}/resolve",
    tag = "shops",
    operation_id = "resolveInboxEntry",
    params(("id" = String, Path, description = "The id"), DryRun),
    request_body = ResolveBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What came of it", body = ResolvedModel),
        Refusals,
    )
)]
pub async fn resolve(
    State(state): State<AppState>,
    Id(id): Id<InboxId>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<ResolveBody>,
) -> Result<Json<ResolvedModel>> {
    let input = input.into_input(dry.dry_run)?;
    Ok(Json(state.service().resolve_inbox(&call, id, input).await?.into()))
}
