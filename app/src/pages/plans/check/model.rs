//! What the check of a plan's change shows.

use serde::{Deserialize, Serialize};

use crate::{
    UiError,
    pages::{licenses::acts::model::TermRow, plans::model::PlanForm},
    ui::When,
};

/// A license that the proposed terms would have hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitRow {
    /// The license: id and the last characters of its key.
    pub license: (String, String),
    /// Who holds it: id and name.
    pub customer: Option<(String, String)>,
    /// What would have happened, in words.
    pub what: String,
    /// When the first of it.
    pub first: Option<When>,
}

/// What the last 90 days say about proposed terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayView {
    /// From when on.
    pub since: When,
    /// How many licenses were looked at, of how many: "5,000", "12,345".
    pub looked_at: (String, String),
    /// Where to go on.
    pub next: Option<String>,
    /// How many of those looked at would have other terms.
    pub changing: u64,
    /// One line each: what would have happened.
    pub findings: Vec<String>,
    /// The licenses it would have hit.
    pub hit: Vec<HitRow>,
    /// How many more there are than are named, in words.
    pub more: Option<String>,
    /// What the history cannot say, in words.
    pub unknown: Vec<String>,
}

/// The check of a plan's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckView {
    /// The plan: id and name.
    pub plan: (String, String),
    /// Its product: id and name.
    pub product: (String, String),
    /// What was typed.
    pub form: PlanForm,
    /// Term by term, what becomes another.
    pub changes: Vec<TermRow>,
    /// What the last 90 days say; absent where the terms stay.
    pub replay: Option<ReplayView>,
    /// The plan's present number of seats.
    pub seats: String,
    /// What the button says that saves the plan and goes on with its licenses; absent where none would change.
    pub apply: Option<String>,
    /// What is wrong with what was typed.
    pub wrong: Option<UiError>,
}
