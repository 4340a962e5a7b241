//! What the screen of one's own sign-in shows.

use serde::{Deserialize, Serialize};

use crate::ui::When;

/// One's own sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityView {
    /// The second factors.
    pub factors: Vec<FactorRow>,
    /// How many there can be.
    pub most: usize,
    /// How many recovery codes are left.
    pub codes_left: i64,
    /// Of how many.
    pub codes_made: usize,
    /// Whether the role needs a second factor.
    pub required: bool,
    /// Whether nothing else can be done before there is one.
    pub held: bool,
    /// Until when the person may go on without.
    pub due: Option<When>,
    /// Recovery codes that were just made; shown once.
    pub codes: Vec<String>,
    /// Whether there is a password to change.
    pub password: bool,
    /// Of which alerts the person is told by mail; absent for those who are told of none, and where no mail leaves.
    pub alerts: Option<String>,
}

/// A second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// When it was added.
    pub added: When,
    /// When it was last used.
    pub used: Option<When>,
}

/// What is needed to set up an authenticator app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppOffer {
    /// The secret as people type it.
    pub secret: String,
    /// The path of the picture that apps read.
    pub picture: String,
    /// How many units it is wide.
    pub width: u32,
}
