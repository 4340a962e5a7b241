//! `POST /v1/members`: somebody is invited to become a member.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, models::NewInvitationModel, words::RoleWord},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Email, Role};
use holdfast_service::admin::inputs::InviteMember;
use serde::Deserialize;
use utoipa::ToSchema;

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteMemberBody {
    /// The e-mail address.
    #[schema(value_type = String, format = "email")]
    pub email: Email,
    /// `owner`, `admin`, `developer`, `support` or `viewer`.
    #[schema(value_type = RoleWord)]
    pub role: Role,
}

/// Invites somebody
///
/// Whoever opens the link chooses a name and a password, and is a member then. It works once, for seven days, and is not
/// shown again; an earlier one of the same address ends. Refused for a member of yours; whether the address is known
/// anywhere else is not told.
#[utoipa::path(
    post,
    path = "/v1/members",
    tag = "members",
    operation_id = "inviteMember",
    params(),
    request_body = InviteMemberBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The invitation and its link", body = NewInvitationModel),
        Refusals,
    )
)]
pub async fn invite(
    State(state): State<AppState>,
    Command { call, input }: Command<InviteMemberBody>,
) -> Result<(StatusCode, Json<NewInvitationModel>)> {
    let input = InviteMember { email: input.email, role: input.role };
    let made = state.service().invite(&call, input).await?;
    let origin = state.serve().public_url.as_deref().unwrap_or_default();
    Ok((StatusCode::CREATED, Json(NewInvitationModel::of(made, origin))))
}
