//! What finding shows.

use serde::{Deserialize, Serialize};

use crate::pages::lists::model::Link;

/// What a text found, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What was typed is a whole key, which stands in no address.
    pub whole_key: bool,
    /// The kinds of which anything was found.
    pub groups: Vec<Group>,
}

/// What was found of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// "Licenses".
    pub name: String,
    /// The first few.
    pub hits: Vec<Hit>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its page.
    pub href: String,
    /// What it is called.
    pub title: String,
    /// What tells it from others of that name.
    pub detail: String,
    /// What this person may do with it as it stands, each on a page that says first what it does.
    pub acts: Vec<Link>,
}
