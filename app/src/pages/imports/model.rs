//! What the import screens show.

use serde::{Deserialize, Serialize};

use crate::{pages::List, ui::When};

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The file is being read.
    Reading,
    /// Waits for a yes.
    Ready,
    /// Licenses are being made.
    Running,
    /// Done.
    Done,
    /// Given up.
    Cancelled,
}

/// An import in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportItem {
    /// Its id.
    pub id: String,
    /// The file's name.
    pub file: String,
    /// Where it stands.
    pub stage: Stage,
    /// How many rows the file has.
    pub rows: String,
    /// When it was made.
    pub created: When,
}

/// What an import starts from, and those before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportsView {
    /// Products to choose: id and name.
    pub products: Vec<(String, String)>,
    /// Plans to choose: id, and "Example Editor · Professional".
    pub plans: Vec<(String, String)>,
    /// What a file may have at most.
    pub most: String,
    /// Earlier imports.
    pub list: List<ImportItem>,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What the header row calls it.
    pub header: String,
    /// What it means.
    pub field: String,
    /// The first values.
    pub samples: String,
}

/// What becomes of the rows: how many, with the value in the address and the word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FateCount {
    /// `create`, `unchanged`, `duplicate`, `conflict`, `error`.
    pub fate: String,
    /// How many rows.
    pub count: String,
    /// Whether there are any.
    pub any: bool,
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// Its line in the file.
    pub line: u64,
    /// What becomes of it.
    pub fate: String,
    /// Why.
    pub reason: String,
    /// The end of its key.
    pub key: String,
    /// Whose it is.
    pub customer: String,
    /// The license that was made or found.
    pub license: Option<String>,
}

/// An import with the rows that are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDetail {
    /// As in the list.
    pub item: ImportItem,
    /// How much of what a file may have it has.
    pub used: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The plan of rows that name none.
    pub plan: String,
    /// Plans to choose.
    pub plans: Vec<(String, String)>,
    /// `day_first`, `month_first` or empty.
    pub dates: String,
    /// What is wrong with the mapping as a whole.
    pub problem: Option<String>,
    /// What becomes of the rows.
    pub counts: Vec<FateCount>,
    /// Licenses to be made.
    pub create: u64,
    /// Rows that stand in the way of all or nothing.
    pub in_the_way: u64,
    /// Rows made ready so far.
    pub progress: u64,
    /// The rows looked at.
    pub rows: Vec<RowView>,
    /// The line after which the next ones come.
    pub next: Option<u64>,
    /// When it was done.
    pub finished: Option<When>,
    /// The system it comes from; empty for a table of nobody's.
    pub source: String,
    /// How many rows of the file are no licenses.
    pub left_out: u64,
    /// Of one that is done: who has arrived.
    pub arrived: Option<Arrived>,
}

/// On how many of an import's licenses a device was activated since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Of how many: those, and those on which one can be.
    pub all: u64,
    /// On how many.
    pub here: u64,
    /// The same in words: "812 of 1,000".
    pub words: String,
    /// How many are left; empty for none.
    pub others: String,
    /// How many are not counted, and why: "3 are revoked, 1 is suspended"; empty for none.
    pub left_out: String,
}

/// What a column can mean, in words.
pub const MEANINGS: [(&str, &str); 11] = [
    ("ignore", "Leave out"),
    ("key", "License key"),
    ("email", "Customer's e-mail"),
    ("name", "Customer's name"),
    ("product", "Product"),
    ("plan", "Plan"),
    ("seats", "Seats"),
    ("expires_at", "End"),
    ("status", "Status"),
    ("order", "Order number"),
    ("devices", "Devices it is in use on"),
];

/// Whose exports are read, as a form chooses them.
pub const FORMATS: [(&str, &str); 7] = [
    ("", "Recognised by its content"),
    ("csv", "A table of another system"),
    ("keygen", "Keygen: answers of its API (JSON)"),
    ("lemon_squeezy", "Lemon Squeezy: answers of its API (JSON), or a table with its names"),
    ("gumroad", "Gumroad: sales (CSV)"),
    ("paddle_classic", "Paddle Classic: sent licenses (CSV)"),
    ("keylight", "Keylight: CSV or JSON"),
];

/// The word for a row's fate.
pub fn fate_word(fate: &str) -> &'static str {
    match fate {
        "create" => "New license",
        "unchanged" => "Already there",
        "duplicate" => "Repeated in the file",
        "conflict" => "Differs from the license",
        _ => "Not importable",
    }
}
