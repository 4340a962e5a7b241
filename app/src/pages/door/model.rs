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

/// What an invitation is to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Who invites.
    pub vendor: String,
    /// Whom.
    pub email: String,
    /// What they are to be.
    pub role: String,
    /// Whether that needs a second factor.
    pub factor: bool,
    /// Until when it can be accepted.
    pub until: When,
}
