//! What the screens of notes show.

use serde::{Deserialize, Serialize};

use crate::{pages::List, ui::When};

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRow {
    /// Its id.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub who: String,
    /// When.
    pub at: When,
    /// When it was last changed.
    pub edited: Option<When>,
    /// Whether this person wrote it and may change it.
    pub own: bool,
}

/// The notes about something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotesView {
    /// The newest of them.
    pub list: List<NoteRow>,
    /// Whether this person may write one.
    pub may_write: bool,
}

/// A note on the page where it is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteDetail {
    /// The note.
    pub note: NoteRow,
    /// Where it stands.
    pub back: String,
    /// Until when it can be put back, where it was taken away.
    pub until: Option<When>,
}

/// All notes about something, page by page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotesAbout {
    /// The notes.
    pub list: List<NoteRow>,
    /// The page of what they are about.
    pub back: String,
}
