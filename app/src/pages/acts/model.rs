//! What the screens of acts on many show.

use serde::{Deserialize, Serialize};

use crate::{pages::licenses::model::Loss, ui::When};

/// An act on many that waits for a yes.
#[allow(clippy::struct_excessive_bools)] // each stands for something of its own on the screen
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// The id under which it is begun, once.
    pub id: String,
    /// The list it comes from; `acts` where one is taken back.
    pub of: String,
    /// What is done to each.
    pub step: String,
    /// Verb and object: "Revoke 12,345 licenses".
    pub title: String,
    /// What it does to each.
    pub does: String,
    /// How many it is done to, of how many that this person may do at once, where that is not any number.
    pub limit: Option<String>,
    /// Who loses access, in a sentence.
    pub impact: Option<String>,
    /// The devices that lose access, as far as they were looked at.
    pub losses: Vec<Loss>,
    /// Whether it ends somebody's access.
    pub ends_access: bool,
    /// Whether it begins ten minutes after it is asked for.
    pub later: bool,
    /// Whether a second person has to approve it.
    pub second: bool,
    /// Whether a number of days is asked for.
    pub days: bool,
    /// Those chosen one by one, `all` for all that match, or the act that is taken back.
    pub ids: String,
    /// The query of all that match.
    pub query: String,
    /// Where one came from.
    pub back: String,
}

/// An act on many, as its form says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Begin {
    /// As in [`Proposed`].
    pub of: String,
    /// As there.
    pub step: String,
    /// As there.
    pub id: String,
    /// As there.
    pub ids: String,
    /// As there.
    pub query: String,
    /// By how many days each is extended.
    pub days: String,
    /// Whether a second person is asked for it.
    pub ask: bool,
}

/// An act on many in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRow {
    /// Its id.
    pub id: String,
    /// What it does: "Revoke".
    pub what: String,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub who: String,
    /// How far it is: "At work", "Done", "Stopped".
    pub state: String,
    /// Whether it goes on by itself.
    pub runs: bool,
    /// How many it is about, were changed, and were refused.
    pub counts: (u64, u64, u64),
    /// When it was asked for.
    pub began: When,
}

/// An act that begins later, unless somebody takes it back before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The act.
    pub id: String,
    /// "Revoke 1 license".
    pub what: String,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub who: String,
    /// When it begins.
    pub at: When,
    /// How many seconds that is away.
    pub seconds: i64,
    /// Whether this person may take it back.
    pub may_stop: bool,
}

/// An act on many, and what became of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActDetail {
    /// As in the list.
    pub row: ActRow,
    /// When it begins, where it has not begun yet.
    pub waits: Option<Waiting>,
    /// What stopped it.
    pub stopped: Option<String>,
    /// Whether this person may stop it now.
    pub may_stop: bool,
    /// What can no longer be done with it.
    pub past: Option<String>,
    /// What became of some.
    pub items: Vec<Item>,
    /// The address of all of these as a file.
    pub export: String,
    /// The place after which the next ones begin.
    pub next: Option<String>,
    /// Until when it can be taken back by this person.
    pub undo: Option<When>,
    /// Who approved it, where it took a second person: the approval's page and the name.
    pub approved_by: Option<(String, String)>,
    /// The act that took it back.
    pub undone_by: Option<String>,
    /// The act that it takes back.
    pub undoes: Option<String>,
}

/// What became of one of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// The end of its key, what its device is called, or the order's number.
    pub name: String,
    /// What else it is known by.
    pub under: String,
    /// Its page.
    pub href: String,
    /// Whose it is.
    pub customer: String,
    /// Its outcome: that it was changed, or why it was not.
    pub outcome: String,
}
