//! `GET /v1/members`: the members.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::MemberModel,
        },
    },
};
use axum::{Json, extract::State};

/// Lists members
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/members",
    tag = "members",
    operation_id = "listMembers",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of members", body = Listing<MemberModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<MemberModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().members(&actor, None, page).await?;
    Ok(Json(Listing::of(page, MemberModel::from)))
}
