//! `GET /v1/acts`: the acts on many.

use super::ActModel;
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

/// Lists acts on many
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/acts",
    tag = "acts",
    operation_id = "listActs",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of acts", body = Listing<ActModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<ActModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().bulk_acts(&actor, page).await?;
    Ok(Json(Listing::of(page, ActModel::from)))
}
