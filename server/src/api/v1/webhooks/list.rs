//! `GET /v1/webhooks`: the webhooks.

use super::WebhookModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State};

/// Lists webhooks
///
/// Newest first; never with their secrets.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    tag = "webhooks",
    operation_id = "listWebhooks",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of webhooks", body = Listing<WebhookModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<WebhookModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().webhooks(&actor, None, page).await?;
    Ok(Json(Listing::of(page, WebhookModel::from)))
}
