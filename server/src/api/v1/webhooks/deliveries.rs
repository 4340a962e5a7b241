//! `GET /v1/webhooks/{id}/deliveries`: what went, goes or was to go to a webhook.

use super::DeliveryModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Id, Params},
        problem::{Problem, Result},
        v1::{
            Refusals,
            list::{ListParams, Listing},
            words::DeliveryStateWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::WebhookId;
use holdfast_service::{
    Error,
    admin::webhooks::{DeliveryFilter, DeliveryState},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those that are so far.
    #[param(value_type = DeliveryStateWord, required = false)]
    pub state: Option<String>,
    /// Only those of this topic.
    pub topic: Option<String>,
}

/// Lists the deliveries of a webhook
///
/// Newest first; those of the last 30 days.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    tag = "webhooks",
    operation_id = "listDeliveries",
    params(("id" = String, Path, description = "The id"), ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of deliveries", body = Listing<DeliveryModel>),
        Refusals,
    )
)]
pub async fn deliveries(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<WebhookId>,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<DeliveryModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let unknown = || Problem(Error::invalid("/state", "pending, delivered or failed"));
    let of_name = |name: String| DeliveryState::from_name(&name).ok_or_else(unknown);
    let filter = DeliveryFilter { state: given(filter.state).map(of_name).transpose()?, topic: given(filter.topic) };
    let page = state.service().webhook_deliveries(&actor, id, filter, page).await?;
    Ok(Json(Listing::of(page, DeliveryModel::from)))
}
