//! People and programs: members, how they get in, and tokens.

use holdfast_domain::{
    Email, FactorId, InvitationId, MemberId, Name, Permission, Role, SessionId, Timestamp, TokenId, VendorId,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its id.
    pub id: MemberId,
    /// The vendor.
    pub vendor: VendorId,
    /// The person's name.
    pub name: Name,
    /// The address.
    pub email: Email,
    /// What the person may do.
    pub role: Role,
    /// When the person last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// When the person lost the right to sign in.
    pub removed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Somebody who was invited and has not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// The address.
    pub email: Email,
    /// What the person is to be.
    pub role: Role,
    /// Who invited, or made the token that did; absent for the command line.
    pub invited_by: Option<MemberId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// Whether it can be accepted now.
    pub open: bool,
}

/// An invitation with the secret of its link, which is shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The invitation.
    pub invitation: InvitationView,
    /// What stands at the end of the link.
    pub secret: String,
    /// Whether the link is mailed to them.
    #[serde(default)]
    pub mailed: bool,
}

impl fmt::Debug for NewInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// A link to a new password with its secret, which is shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewPasswordLink {
    /// Whose password.
    pub member: MemberView,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// What stands at the end of the link.
    pub secret: String,
    /// Whether the link is mailed to them.
    #[serde(default)]
    pub mailed: bool,
}

impl fmt::Debug for NewPasswordLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPasswordLink").field("member", &self.member).finish_non_exhaustive()
    }
}

/// What whoever holds a link to a new password may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordLinkLook {
    /// Whose member they are.
    pub vendor: Name,
    /// Who.
    pub email: Email,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What whoever holds the link of an invitation may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationLook {
    /// Who invites.
    pub vendor: Name,
    /// Whom.
    pub email: Email,
    /// What they are to be.
    pub role: Role,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Through whom a vendor's people may sign in. The secret is never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// The provider's address.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// The domains of the addresses that are let in.
    pub domains: Vec<String>,
    /// What people get who come for the first time.
    pub new_role: Option<Role>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorView {
    /// Its id.
    pub id: FactorId,
    /// Whether it is a passkey and not an app.
    pub passkey: bool,
    /// What its owner calls it.
    pub name: Name,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// The second factors of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorsView {
    /// The factors.
    pub factors: Vec<FactorView>,
    /// How many recovery codes are left.
    pub codes_left: i64,
    /// Whether the role needs one.
    pub required: bool,
    /// Until when the person may go on without.
    pub due_at: Option<Timestamp>,
}

/// A session of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id; not the secret.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub touched_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// From where the person signed in.
    pub origin: String,
    /// With what, in plain words; empty where it is not known.
    pub browser: String,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: Name,
    /// Its first characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Who made it, by hand or by a token of theirs; absent for the command line.
    pub created_by: Option<MemberId>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token with its secret, shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// The token.
    pub token: TokenView,
    /// The secret, `hf_sk_…`.
    pub secret: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token.id).finish_non_exhaustive()
    }
}

/// What the command line prints after setting up an installation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The vendor.
    pub vendor: VendorId,
    /// A token that may do everything. A secret, shown once.
    pub api_token: String,
    /// The raw root public key that applications pin, base64url.
    pub root_public_key: String,
}

impl std::fmt::Debug for Bootstrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bootstrapped").field("vendor", &self.vendor).finish_non_exhaustive()
    }
}
