//! `POST /v1/acts`: begins an act on many licenses, seats or orders.

use super::{ActModel, ActPreviewModel, begun, placed, previewed};
use crate::{
    AppState,
    api::{
        extract::{Command, DryRun, Params},
        problem::{Problem, Result},
        v1::{
            Refusals,
            list::{LicenseFilters, SeatFilters, Strict},
        },
    },
};
use axum::{extract::State, response::Response};
use holdfast_domain::{LicenseId, OrderId, ReasonText, SeatId, license::StatusChange};
use holdfast_service::{
    Error,
    admin::bulk::{BulkStep, Target},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// What is to be done to many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginActBody {
    /// What is done to each.
    pub step: Step,
    /// By how many days each ends later, from 1 to 3653; needed where `step` is `extend`, and nowhere else.
    #[serde(default)]
    #[schema(required = false)]
    pub days: Option<u16>,
    /// Which ones.
    pub target: TargetBody,
    /// Why; kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// What can be done to many: to licenses, `free` to seats, and `refund` to orders.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ActBegins)]
pub enum Step {
    /// Pauses a license.
    Suspend,
    /// Lets it go on.
    Resume,
    /// Takes it back.
    Revoke,
    /// Makes it active again.
    Reinstate,
    /// Has it end later.
    Extend,
    /// Takes a seat from its device.
    Free,
    /// Notes an order as paid back, and revokes its licenses.
    Refund,
}

/// Which ones: named, or all that a list leaves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ActTarget)]
pub enum TargetBody {
    /// These licenses, 1 to 200.
    #[schema(value_type = Vec<String>)]
    Licenses(Vec<LicenseId>),
    /// These seats, 1 to 200.
    #[schema(value_type = Vec<String>)]
    Seats(Vec<SeatId>),
    /// These orders, 1 to 1000.
    #[schema(value_type = Vec<String>)]
    Orders(Vec<OrderId>),
    /// Every license that the list of licenses leaves with these filters when the act begins.
    AllLicenses(LicenseFilters),
    /// Every seat that the list of seats leaves with these filters when the act begins.
    AllSeats(SeatFilters),
}

impl From<TargetBody> for Target {
    fn from(body: TargetBody) -> Self {
        match body {
            TargetBody::Licenses(ids) => Self::Licenses(ids),
            TargetBody::Seats(ids) => Self::Seats(ids),
            TargetBody::Orders(ids) => Self::Orders(ids),
            TargetBody::AllLicenses(Strict(filter)) => Self::AllLicenses(filter.into()),
            TargetBody::AllSeats(Strict(filter)) => Self::AllSeats(filter.into()),
        }
    }
}

/// The step, with the days that it takes and no others.
fn step(step: Step, days: Option<u16>) -> Result<BulkStep> {
    let days_of = |what: &str| Problem(Error::invalid("/days", what));
    if !matches!(step, Step::Extend) && days.is_some() {
        return Err(days_of("only extending takes days"));
    }
    Ok(match step {
        Step::Suspend => BulkStep::Status(StatusChange::Suspend),
        Step::Resume => BulkStep::Status(StatusChange::Resume),
        Step::Revoke => BulkStep::Status(StatusChange::Revoke),
        Step::Reinstate => BulkStep::Status(StatusChange::Reinstate),
        Step::Extend => BulkStep::Extend(days.ok_or_else(|| days_of("this member is missing"))?),
        Step::Free => BulkStep::Free,
        Step::Refund => BulkStep::Refund,
    })
}

/// Begins an act on many
///
/// It is done in the background, one after the other, each with its event as if it were done alone; what cannot be done to
/// one is told of it. `dry_run=true` only says to how many it would be done and whose access would end. A token does it to
/// as many as it names; the table of roles binds people, and what support ends begins ten minutes later.
#[utoipa::path(
    post,
    path = "/v1/acts",
    tag = "acts",
    operation_id = "beginAct",
    params(DryRun),
    request_body = BeginActBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "With `dry_run`: what it would do", body = ActPreviewModel),
        (status = 202, description = "The act, which has begun", body = ActModel),
        Refusals,
    )
)]
pub async fn begin(
    State(state): State<AppState>,
    Params(dry): Params<DryRun>,
    Command { call, input }: Command<BeginActBody>,
) -> Result<Response> {
    let (step, target) = (step(input.step, input.days)?, input.target.into());
    if dry.dry_run {
        return Ok(previewed(state.service().preview_bulk(&call, step, target).await.map_err(placed)?));
    }
    let id = state.service().begin_bulk(&call, None, step, target, input.reason).await.map_err(placed)?;
    begun(&state, &call.actor, id).await
}
