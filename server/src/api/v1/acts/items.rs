//! `GET /v1/acts/{id}/items`: what became of each that an act is about.

use super::ActItemModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id, Params},
        problem::Result,
        v1::{Refusals, words::FateWord},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::BulkActId;
use holdfast_service::{Error, admin::bulk::Fate};
use holdfast_store::page::Limit;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ItemFilter {
    /// Only those with this fate.
    #[param(value_type = FateWord, inline)]
    pub fate: Option<Fate>,
    /// Only those after this place.
    pub after: Option<u32>,
    /// How many at most: 50 where absent, and never more than 200.
    #[param(minimum = 1, default = 50)]
    pub limit: Option<u32>,
}

/// What became of some.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActItems {
    /// In the order in which they are done.
    pub items: Vec<ActItemModel>,
    /// What to send as `after` for the next ones; null where there are none.
    pub next: Option<i64>,
    /// How many all pages have together.
    pub total: u64,
}

/// Lists what became of each
///
/// For 30 days after the end; later there is none, and the audit log has what happened.
#[utoipa::path(
    get,
    path = "/v1/acts/{id}/items",
    tag = "acts",
    operation_id = "listActItems",
    params(("id" = String, Path, description = "The id"), ItemFilter),
    security(("token" = [])),
    responses(
        (status = 200, description = "What became of some", body = ActItems),
        Refusals,
    )
)]
pub async fn items(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<BulkActId>,
    Params(filter): Params<ItemFilter>,
) -> Result<Json<ActItems>> {
    let limit = match filter.limit {
        Some(0) => return Err(Error::invalid("/limit", "expected a number from 1 to 200").into()),
        limit => Limit::new(limit.unwrap_or(50)).rows(),
    };
    let act = state.service().bulk_act(&actor, id).await?;
    let total = match filter.fate {
        _ if act.cleared => 0,
        None => act.total,
        Some(Fate::Changed) => act.changed,
        Some(Fate::Refused) => act.refused,
        Some(Fate::Pending) => act.total.saturating_sub(act.changed + act.refused),
    };
    let after = i64::from(filter.after.unwrap_or(0));
    // One more tells whether there is a next page.
    let mut items = state.service().bulk_items(&actor, id, filter.fate, after, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|item| item.number);
    Ok(Json(ActItems { items: items.into_iter().map(ActItemModel::from).collect(), next, total }))
}
