//! `GET /v1/tokens`: the API tokens.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::TokenModel,
        },
    },
};
use axum::{Json, extract::State};

/// Lists API tokens
///
/// Newest first; never with their secrets.
#[utoipa::path(
    get,
    path = "/v1/tokens",
    tag = "tokens",
    operation_id = "listTokens",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of tokens", body = Listing<TokenModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<TokenModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().tokens(&actor, None, page).await?;
    Ok(Json(Listing::of(page, TokenModel::from)))
}
