//! What the screens of approvals show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::licenses::model::Loss,
    ui::{Tone, When},
};

/// What somebody asks a second person for, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// Its id.
    pub id: String,
    /// Verb and object: "Revoke 12 licenses".
    pub what: String,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub who: String,
    /// What became of it, and what that means.
    pub state: (Tone, String),
    /// When it was asked for.
    pub asked: When,
}

/// The same, to decide on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDetail {
    /// As in the list.
    pub row: ApprovalRow,
    /// Until when it can be approved; absent where it no longer can.
    pub until: Option<When>,
    /// What it is about, where that has a page: address and name.
    pub about: Option<(String, String)>,
    /// What it would do now, a paragraph each; none where it no longer waits.
    pub does: Vec<String>,
    /// The devices that would lose access, as far as they were looked at.
    pub losses: Vec<Loss>,
    /// Whether it ends somebody's access.
    pub ends_access: bool,
    /// Who decided, and when.
    pub decided: Option<(String, When)>,
    /// What they said.
    pub note: Option<String>,
    /// The act that it became.
    pub act: Option<String>,
    /// Whether this person may approve or refuse it.
    pub may_decide: bool,
    /// Whether this person may take it back.
    pub may_withdraw: bool,
}
