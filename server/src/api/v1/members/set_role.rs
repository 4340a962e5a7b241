//! `POST /v1/members/{id}/role`: gives a member another role.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::MemberModel, words::RoleWord},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{MemberId, Role};
use serde::Deserialize;
use utoipa::ToSchema;

/// The new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoleBody {
    /// `owner`, `admin`, `developer`, `support` or `viewer`.
    #[schema(value_type = RoleWord)]
    pub role: Role,
}

/// Changes a role
///
/// The last owner cannot be demoted.
#[utoipa::path(
    post,
    path = "/v1/members/{id}/role",
    tag = "members",
    operation_id = "setRole",
    params(("id" = String, Path, description = "The id")),
    request_body = SetRoleBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The member", body = MemberModel),
        Refusals,
    )
)]
pub async fn set_role(
    State(state): State<AppState>,
    Id(id): Id<MemberId>,
    Command { call, input }: Command<SetRoleBody>,
) -> Result<Json<MemberModel>> {
    Ok(Json(state.service().set_role(&call, id, input.role).await?.into()))
}
