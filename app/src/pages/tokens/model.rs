//! What the screens of API tokens show.

use serde::{Deserialize, Serialize};

use crate::ui::When;

/// An API token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// What it may do, as scopes.
    pub scopes: Vec<String>,
    /// Who made it.
    pub who: String,
    /// When.
    pub made: When,
    /// When it was last used.
    pub used: Option<When>,
    /// When it ends.
    pub ends: Option<When>,
    /// Whether it has ended.
    pub ended: bool,
    /// When it was revoked.
    pub revoked: Option<When>,
    /// Whether this person may revoke it.
    pub may_revoke: bool,
}

/// A token on a page of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDetail {
    /// The token.
    pub row: TokenRow,
    /// Its secret, where it has just been made in this browser.
    pub secret: Option<String>,
}

/// A scope to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeChoice {
    /// Its name in the API.
    pub name: String,
    /// What it allows.
    pub about: String,
}
