//! `DELETE /v1/invitations/{id}`: takes an invitation back.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals, models::InvitationModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::InvitationId;

/// Takes an invitation back
///
/// Its link opens nothing any more. One that was accepted or taken back before is not found; an owner's takes a token that
/// may make owners.
#[utoipa::path(
    delete,
    path = "/v1/invitations/{id}",
    tag = "members",
    operation_id = "revokeInvitation",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The invitation that was", body = InvitationModel),
        Refusals,
    )
)]
pub async fn revoke(
    State(state): State<AppState>,
    Id(id): Id<InvitationId>,
    Command { call, .. }: Command<Empty>,
) -> Result<Json<InvitationModel>> {
    Ok(Json(state.service().revoke_invitation(&call, id).await?.into()))
}
