//! `DELETE /v1/members/{id}`: removes a member.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Empty, Refusals, models::MemberModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::MemberId;

/// Removes a member
///
/// The last owner cannot be removed.
#[utoipa::path(
    delete,
    path = "/v1/members/{id}",
    tag = "members",
    operation_id = "removeMember",
    params(("id" = String, Path, description = "The id")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The member that was", body = MemberModel),
        Refusals,
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    Id(id): Id<MemberId>,
    Command { call, .. }: Command<Empty>,
) -> Result<Json<MemberModel>> {
    Ok(Json(state.service().remove_member(&call, id).await?.into()))
}
