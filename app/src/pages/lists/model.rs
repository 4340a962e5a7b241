//! What a list shows. The server says all of it, so that one view draws every list.

use holdfast_domain::LicenseState;
use serde::{Deserialize, Serialize};

use crate::ui::{Tone, When};

/// A list as the address asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its heading.
    pub title: String,
    /// Its address.
    pub path: String,
    /// How many rows match on all pages: "1,234" or "10,000+".
    pub total: String,
    /// The action that matters, where this person may.
    pub action: Option<Link>,
    /// The lists that somebody wants to see again.
    pub views: Vec<SavedView>,
    /// Whether what is shown is no such list yet, so that it can be saved.
    pub unsaved: bool,
    /// Whether this person may save it for everybody.
    pub may_share: bool,
    /// How many are saved, of how many: "3 / 50".
    pub saved: String,
    /// The query that would be saved.
    pub query: String,
    /// What the search box is called.
    pub search: String,
    /// What stands in it.
    pub q: String,
    /// What narrows the list, as fields of a form.
    pub fields: Vec<Field>,
    /// What else the form sends, so that it stays.
    pub kept: Vec<(String, String)>,
    /// What narrows the list now, each with the address without it.
    pub chips: Vec<Link>,
    /// The columns that are shown.
    pub heads: Vec<Head>,
    /// Every column: its name, whether it is shown, and the address at which that is the other way round.
    pub columns: Vec<(String, bool, String)>,
    /// The rows.
    pub rows: Vec<Line>,
    /// The cursor of the next page, where there is one.
    pub next: Option<String>,
    /// What can be done with chosen rows: the step and the words.
    pub steps: Vec<(String, String)>,
    /// The addresses of the exports of what is shown.
    pub exports: Vec<Link>,
    /// How many exports are at work, of how many.
    pub exporting: String,
    /// What stands where there are no rows: a title, a sentence, and where to go from here.
    pub empty: (String, String, Vec<Link>),
}

/// Words that lead somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The words.
    pub text: String,
    /// The address.
    pub href: String,
}

/// A list that somebody wants to see again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// Its name.
    pub name: String,
    /// Its address.
    pub href: String,
    /// Whether it is the one shown.
    pub here: bool,
    /// Its id, where this person may remove it.
    pub removable: Option<String>,
}

/// A field that narrows a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in the address.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Its value.
    pub value: String,
    /// What can be chosen: value and words. Empty for a day.
    pub options: Vec<(String, String)>,
    /// Whether it stands beside the search box, and not with the others under it.
    pub first: bool,
}

/// The head of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Its class: `right`, `wide` for those a phone hides, or empty.
    pub class: String,
    /// The address that sorts by it, or the other way round.
    pub sort: Option<String>,
    /// Whether the list is sorted by it, and whether downwards.
    pub sorted: Option<bool>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// What it is called, for those who cannot see the row.
    pub name: String,
    /// Its cells, one for each column shown.
    pub cells: Vec<Cell>,
    /// What can be done with it.
    pub actions: Vec<Link>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// Nothing.
    Nothing,
    /// A text; whether it is an id or the like, which copies.
    Text(String, bool),
    /// An id that leads to what it names.
    Id(Link),
    /// Words that lead somewhere, with what stands under them.
    Link(Link, String, bool),
    /// A point in time.
    When(When),
    /// How a license stands.
    License(LicenseState),
    /// How something else stands.
    Badge(Tone, String),
}
