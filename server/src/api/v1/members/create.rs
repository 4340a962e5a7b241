//! `POST /v1/members`: a new member.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, models::MemberModel, words::RoleWord},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Email, Name, Role};
use holdfast_service::admin::inputs::{CreateMember, Password};
use serde::Deserialize;
use utoipa::ToSchema;

/// A member to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMemberBody {
    /// The person's name.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Name,
    /// The e-mail address.
    #[schema(value_type = String, format = "email")]
    pub email: Email,
    /// `owner`, `admin`, `developer`, `support` or `viewer`.
    #[schema(value_type = RoleWord)]
    pub role: Role,
    /// 15 to 128 characters.
    #[schema(value_type = String, format = "password")]
    pub password: Password,
}

/// Makes a member
///
/// The password is for the person to change.
#[utoipa::path(
    post,
    path = "/v1/members",
    tag = "members",
    operation_id = "createMember",
    params(),
    request_body = CreateMemberBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The member", body = MemberModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateMemberBody>,
) -> Result<(StatusCode, Json<MemberModel>)> {
    let input = CreateMember { name: input.name, email: input.email, role: input.role, password: input.password };
    let member = state.service().create_member(&call, input).await?;
    Ok((StatusCode::CREATED, Json(member.into())))
}
