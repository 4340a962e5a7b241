//! `GET /v1/events`: the audit log.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        time::Rfc3339,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::EventModel,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::MemberId;
use holdfast_service::admin::inputs::EventFilter;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only what happened to this id.
    pub subject: Option<String>,
    /// Only what this member did.
    #[param(value_type = String, pattern = "^mem_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub member: Option<MemberId>,
    /// Only this, for example `license.revoked`.
    pub action: Option<String>,
    /// Only what happened then or later.
    pub since: Option<Rfc3339>,
    /// Only what happened before then.
    pub before: Option<Rfc3339>,
}

impl From<Filter> for EventFilter {
    fn from(filter: Filter) -> Self {
        Self {
            subject: filter.subject,
            member: filter.member,
            action: filter.action,
            since: filter.since.map(|at| at.0),
            before: filter.before.map(|at| at.0),
        }
    }
}

/// Lists events
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "listEvents",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of events", body = Listing<EventModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<EventModel>>> {
    let page = list.page(&[("at", ())])?;
    let page = state.service().events(&actor, filter.into(), page).await?;
    Ok(Json(Listing::of(page, EventModel::from)))
}
