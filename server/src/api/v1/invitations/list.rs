//! `GET /v1/invitations`: who was invited and has not come yet.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::InvitationModel,
        },
    },
};
use axum::{Json, extract::State};

/// Lists invitations
///
/// Those that nobody has accepted or taken back, newest first, those that have run out included; never with their links.
#[utoipa::path(
    get,
    path = "/v1/invitations",
    tag = "members",
    operation_id = "listInvitations",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of invitations", body = Listing<InvitationModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<InvitationModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().invitations(&actor, None, page).await?;
    Ok(Json(Listing::of(page, InvitationModel::from)))
}
