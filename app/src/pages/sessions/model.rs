//! What the screen of one's own sessions shows.

use serde::{Deserialize, Serialize};

use crate::ui::When;

/// A browser in which somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session's id; it ends the session and opens nothing.
    pub id: String,
    /// Whether it is the one that looks.
    pub current: bool,
    /// Browser and system in plain words.
    pub browser: String,
    /// The address it was begun from; empty where it is not known.
    pub origin: String,
    /// When it began.
    pub began: When,
    /// When it was last used, to the minute.
    pub used: When,
    /// When it ends in any case.
    pub ends: When,
}
