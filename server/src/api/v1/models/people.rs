//! Members, API tokens and the audit log.

use crate::api::time::Rfc3339;
use holdfast_service::admin::views::{EventView, InvitationView, MemberView, NewInvitation, NewToken, TokenView};
use serde::Serialize;
use utoipa::ToSchema;

/// A person of the vendor.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberModel {
    /// Its id.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// `owner`, `admin`, `developer`, `support` or `viewer`.
    pub role: String,
    /// When the person last signed in.
    pub signed_in_at: Option<Rfc3339>,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<MemberView> for MemberModel {
    fn from(view: MemberView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            email: view.email.to_string(),
            role: view.role.as_str().to_owned(),
            signed_in_at: view.signed_in_at.map(Rfc3339),
            created_at: view.created_at.into(),
        }
    }
}

/// An invitation, without its link.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationModel {
    /// Its id.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// What the person is to be: `owner`, `admin`, `developer`, `support` or `viewer`.
    pub role: String,
    /// The member who invited, or made the token that did; absent for the command line.
    pub invited_by: Option<String>,
    /// Whether it can be accepted now.
    pub open: bool,
    /// Until when it can be accepted.
    pub expires_at: Rfc3339,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<InvitationView> for InvitationModel {
    fn from(view: InvitationView) -> Self {
        Self {
            id: view.id.to_string(),
            email: view.email.to_string(),
            role: view.role.as_str().to_owned(),
            invited_by: view.invited_by.map(|id| id.to_string()),
            open: view.open,
            expires_at: view.expires_at.into(),
            created_at: view.created_at.into(),
        }
    }
}

/// An invitation with its link, shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = NewInvitation)]
pub struct NewInvitationModel {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: InvitationModel,
    /// What the person opens: an address, or a path of the console where the node was started without `--public-url`.
    pub link: String,
    /// Whether it is mailed to the person as well.
    pub mailed: bool,
}

impl NewInvitationModel {
    /// The invitation, with a link to the console at `origin`.
    pub fn of(made: NewInvitation, origin: &str) -> Self {
        let link = format!("{origin}/invite/{}", made.secret);
        Self { invitation: made.invitation.into(), link, mailed: made.mailed }
    }
}

/// An API token, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenModel {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// How it begins.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it ends.
    pub expires_at: Option<Rfc3339>,
    /// When it was last used.
    pub used_at: Option<Rfc3339>,
    /// When it was revoked.
    pub revoked_at: Option<Rfc3339>,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<TokenView> for TokenModel {
    fn from(view: TokenView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            hint: view.hint,
            scopes: view.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_by: view.created_by.map(|id| id.to_string()),
            expires_at: view.expires_at.map(Rfc3339),
            used_at: view.used_at.map(Rfc3339),
            revoked_at: view.revoked_at.map(Rfc3339),
            created_at: view.created_at.into(),
        }
    }
}

/// An API token with its secret, shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = NewToken)]
pub struct NewTokenModel {
    /// The token.
    #[serde(flatten)]
    pub token: TokenModel,
    /// What to send as bearer.
    pub secret: String,
}

impl From<NewToken> for NewTokenModel {
    fn from(view: NewToken) -> Self {
        Self { token: view.token.into(), secret: view.secret }
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventModel {
    /// Its id.
    pub id: String,
    /// Its place in the log, from 1 without gaps.
    pub number: i64,
    /// When it happened.
    pub at: Rfc3339,
    /// Who did it: a `type` (`member`, `customer`, `token`, `system`) and an `id`.
    #[schema(value_type = Object)]
    pub actor: serde_json::Value,
    /// What happened, for example `license.revoked`.
    pub action: String,
    /// What it happened to.
    pub subject: String,
    /// What was before and after.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// From where: an address.
    pub origin: String,
    /// The id of the request.
    pub request: String,
}

impl From<EventView> for EventModel {
    fn from(view: EventView) -> Self {
        Self {
            id: view.id.to_string(),
            number: view.number,
            at: view.at.into(),
            actor: serde_json::to_value(view.actor).unwrap_or_default(),
            action: view.action,
            subject: view.subject,
            data: view.data,
            origin: view.origin,
            request: view.request,
        }
    }
}
