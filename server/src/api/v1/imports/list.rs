//! `GET /v1/imports`: the imports.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::ImportModel,
        },
    },
};
use axum::{Json, extract::State};

/// Lists imports
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/imports",
    tag = "imports",
    operation_id = "listImports",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of imports", body = Listing<ImportModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<ImportModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().imports(&actor, page).await?;
    Ok(Json(Listing::of(page, ImportModel::from)))
}
