//! What the door shows.

use serde::{Deserialize, Serialize};

use crate::ui::When;

/// With what somebody can prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // four ways, each there or not
pub struct Ways {
    /// With the password.
    pub password: bool,
    /// With the code of an authenticator app.
    pub app: bool,
    /// With a passkey.
    pub passkey: bool,
    /// With a recovery code.
    pub recovery: bool,
}

/// What a link is to: becoming a member, or a new password for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// What whoever holds it is about to do.
    pub title: String,
    /// Whose link it is.
    pub email: String,
    /// What it makes of them.
    pub what: String,
    /// What is to be known of the second factor; empty for nothing.
    pub factor: String,
    /// Whether they are new and are asked for their name.
    pub new: bool,
    /// What the password must be.
    pub hint: String,
    /// Until when it works.
    pub until: When,
    /// What the button says.
    pub verb: String,
}
