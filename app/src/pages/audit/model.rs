//! What the screen of an event shows. The server puts all of it into words.

use serde::{Deserialize, Serialize};

use crate::{pages::licenses::acts::model::TermRow, ui::When};

/// One thing that is told of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub text: String,
    /// The page about it.
    pub href: Option<String>,
    /// Whether it is something to copy.
    pub copies: bool,
}

/// Everything about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetail {
    /// What happened.
    pub title: String,
    /// When.
    pub at: When,
    /// What is wrong with its place in the chain.
    pub broken: Option<String>,
    /// What became what.
    pub changes: Vec<TermRow>,
    /// What else is told, under headings.
    pub parts: Vec<(String, Vec<Told>)>,
}
