//! What the license screens show.

use holdfast_domain::{LicenseState, LicenseStatus, license::StatusChange};
use serde::{Deserialize, Serialize};

use crate::{
    UiError,
    pages::{List, acts::model::Waiting, notes::model::NotesView},
    ui::{TimelineEntry, When},
};

/// A license in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseRow {
    /// Its id.
    pub id: String,
    /// The last four characters of its key.
    pub key_hint: String,
    /// Its plan's short name.
    pub plan: String,
    /// Who holds it: id, and name or address.
    pub customer: Option<(String, String)>,
    /// How it stands.
    pub state: LicenseState,
    /// Seats taken.
    pub taken: u32,
    /// Seats it has.
    pub seats: u32,
    /// Its end.
    pub ends: Option<When>,
    /// When it was issued.
    pub issued: When,
}

/// A plan to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChoice {
    /// Its id.
    pub id: String,
    /// "Example Editor · Professional (subscription, 1 year)".
    pub name: String,
}

/// What issuing starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueView {
    /// The plans.
    pub plans: Vec<PlanChoice>,
    /// The customer that was come from: id and name.
    pub customer: Option<(String, String)>,
}

/// A license as it was typed: a plan, a customer, and what differs from the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssueForm {
    /// The plan's id.
    pub plan: String,
    /// The customer's id, where there is one already.
    pub customer: String,
    /// The customer's address.
    pub email: String,
    /// The customer's name.
    pub name: String,
    /// How many seats.
    pub seats: String,
    /// The day it ends on.
    pub expires_on: String,
    /// Entitlements, one a line.
    pub entitlements: String,
    /// A key of another system.
    pub key: String,
}

/// A seat of a license.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRow {
    /// Its id.
    pub id: String,
    /// What the device calls itself, or that it does not.
    pub name: String,
    /// The person it belongs to.
    pub user: Option<String>,
    /// Platform and version of the application.
    pub runs: String,
    /// Whether it is taken.
    pub taken: bool,
    /// When it was taken.
    pub since: When,
    /// When its device was seen for the first time.
    pub first_seen: When,
    /// When it was last heard of.
    pub last_seen: When,
    /// How long it works without any server.
    pub offline_until: When,
}

/// Everything about a license.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseDetail {
    /// As in the list.
    pub row: LicenseRow,
    /// The stored status.
    pub status: LicenseStatus,
    /// Why it is not in force.
    pub reason: Option<String>,
    /// Its product: id and name.
    pub product: (String, String),
    /// Its plan: id and name.
    pub plan: (String, String),
    /// Its order: id and the provider's number.
    pub order: Option<(String, String)>,
    /// Where it came from: the import, and the system's name.
    pub migrated: Option<(String, String)>,
    /// What becomes of its devices when it gets another key.
    pub after_rekey: String,
    /// How it was sold, who may use it, how long off line.
    pub terms: (String, String, String),
    /// Entitlements in force.
    pub entitlements: Vec<(String, String)>,
    /// What else it has a limit of: a name, and how much of it is used, of how much.
    pub limits: Vec<(String, String)>,
    /// Its seats, as many of them as a page has.
    pub seats: Vec<SeatRow>,
    /// What is said where it has more.
    pub more_seats: Option<String>,
    /// What happened to it.
    pub timeline: Vec<TimelineEntry>,
    /// The whole key, where it has just been issued or shown in this browser.
    pub key: Option<String>,
    /// What this person may do.
    pub may: May,
    /// What they can undo of what was done last.
    pub undo: Option<UndoOffer>,
    /// Whether it is a trial.
    pub trial: bool,
    /// What begins later and is about it, or about its order.
    pub waits: Vec<Waiting>,
}

/// A license's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseView {
    /// Everything about it.
    pub detail: LicenseDetail,
    /// What was noted.
    pub notes: NotesView,
    /// A page of its time line, where that is asked for.
    pub told: Option<List<TimelineEntry>>,
    /// What that does not tell of.
    pub untold: Option<String>,
}

/// An act that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoOffer {
    /// The page that undoes it.
    pub path: String,
    /// What was done, as a sentence.
    pub what: String,
    /// By whom.
    pub who: String,
    /// Until when.
    pub until: When,
}

/// What a person may do with a license.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct May {
    /// Suspend, resume, revoke, reinstate.
    pub status: bool,
    /// Extend.
    pub extend: bool,
    /// Free a seat.
    pub free: bool,
    /// See the whole key.
    pub reveal: bool,
    /// Change plan, seats, end and entitlements, hand over, make a new key.
    pub change: bool,
    /// Ask somebody else for a new key.
    pub ask_key: bool,
}

/// One device that loses access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// What the device calls itself.
    pub name: String,
    /// The person it belongs to.
    pub user: Option<String>,
    /// When it was last heard of.
    pub last_seen: When,
    /// When it is expected to hear of it; absent where nobody knows.
    pub expected: Option<When>,
    /// When it stops at the latest.
    pub latest: When,
}

/// Who loses access, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpactView {
    /// "7 devices: 5 within a day, 2 when they are next on line, at the latest on 3 March."
    pub sentence: String,
    /// Each of them.
    pub losses: Vec<Loss>,
}

/// A step of a license's status that waits for a yes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// The license.
    pub row: LicenseRow,
    /// What it does to whom.
    pub impact: ImpactView,
    /// Whether it begins ten minutes after it is asked for.
    pub later: bool,
    /// Whether a second person has to approve it.
    pub second: bool,
}

/// A license that is to end later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendView {
    /// The license.
    pub row: LicenseRow,
    /// What moving its end does to its devices, in words.
    pub does: String,
    /// The day that was chosen; empty to take the end away.
    pub until: String,
    /// What that day changes, where one was chosen that it can be.
    pub preview: Option<String>,
    /// Why it cannot.
    pub wrong: Option<UiError>,
}

/// The words of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWords {
    /// Verb and object, on the button.
    pub verb: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Whether it ends somebody's access.
    pub ends_access: bool,
    /// What the next page says was done.
    pub done: &'static str,
}

/// A step by its name in the address.
pub fn step(name: &str) -> Option<(StatusChange, StepWords)> {
    Some(match name {
        "revoke" => (
            StatusChange::Revoke,
            StepWords {
                verb: "Revoke license",
                does: "Its devices lose their rights with their next background call. You can reinstate it at any time.",
                ends_access: true,
                done: "license_revoked",
            },
        ),
        "suspend" => (
            StatusChange::Suspend,
            StepWords {
                verb: "Suspend license",
                does: "Its devices pause with their next background call, until you resume it.",
                ends_access: true,
                done: "license_suspended",
            },
        ),
        "resume" => (
            StatusChange::Resume,
            StepWords {
                verb: "Resume license",
                does: "Its devices go on with their next background call.",
                ends_access: false,
                done: "license_resumed",
            },
        ),
        "reinstate" => (
            StatusChange::Reinstate,
            StepWords {
                verb: "Reinstate license",
                does: "The license is active again. Its devices go on with their next background call.",
                ends_access: false,
                done: "license_reinstated",
            },
        ),
        _ => return None,
    })
}
