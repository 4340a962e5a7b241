//! What the screens of a license's acts show and send.

use serde::{Deserialize, Serialize};

use crate::{
    UiError,
    pages::licenses::model::{ImpactView, LicenseRow},
    ui::When,
};

/// A change of a license as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeForm {
    /// The plan's id.
    pub plan: String,
    /// How many seats; empty to leave them, or to have those of another plan.
    pub seats: String,
    /// The day it ends on; empty for none.
    pub ends_on: String,
    /// The overrides, one a line.
    pub entitlements: String,
}

/// One term that becomes another, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermRow {
    /// What it is.
    pub term: String,
    /// What it is now.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

/// A device that gets another lease than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// What it calls itself.
    pub name: String,
    /// The person it belongs to.
    pub user: Option<String>,
    /// When it was last heard of.
    pub last_seen: When,
    /// When it learns of it; absent where nobody knows.
    pub expected: Option<When>,
    /// Until when it works off line after that; absent where it is refused then.
    pub works_until: Option<When>,
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Term by term.
    pub changes: Vec<TermRow>,
    /// How many devices get other leases, as a sentence.
    pub learn: String,
    /// Those devices.
    pub devices: Vec<DeviceRow>,
    /// How many seats are taken beyond what will be allowed.
    pub over: u32,
    /// Whose access ends, or whose full rights do, where anybody's does.
    pub impact: Option<ImpactView>,
}

/// The page on which a license is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The license as it is.
    pub row: LicenseRow,
    /// Its version.
    pub seen: String,
    /// The plans of its product: id and name.
    pub plans: Vec<(String, String)>,
    /// What stands in the form.
    pub form: ChangeForm,
    /// Codes that the product's plans grant.
    pub codes: Vec<String>,
    /// What it would do, where something was asked and is right.
    pub preview: Option<Preview>,
    /// What is wrong with what was asked.
    pub wrong: Option<UiError>,
}

/// What undoing an act would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoView {
    /// The license.
    pub row: LicenseRow,
    /// What was done, as a sentence.
    pub done: String,
    /// Whose seat it was done to.
    pub seat: Option<String>,
    /// Until when it can be undone.
    pub until: Option<When>,
    /// What it would put back.
    pub preview: Option<Preview>,
    /// Why it cannot be undone.
    pub refused: Option<String>,
}

/// A trial that can become a license that was bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// The trial.
    pub row: LicenseRow,
    /// The plans to choose from: id and name.
    pub plans: Vec<(String, String)>,
    /// Whether it is a trial still.
    pub open: bool,
}
