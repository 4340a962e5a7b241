//! What the screen of a seat shows.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{
        List,
        licenses::model::{LicenseRow, SeatRow, UndoOffer},
    },
    ui::{TimelineEntry, When},
};

/// Everything about a seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatDetail {
    /// As in a license's list.
    pub row: SeatRow,
    /// Until when it is borrowed, and for how long it can be at most.
    pub borrowed: Option<(When, String)>,
    /// When it was given up.
    pub released: Option<When>,
    /// The license it is a place on.
    pub license: LicenseRow,
    /// That license's product: id and name.
    pub product: (String, String),
    /// What happened to it.
    pub timeline: List<TimelineEntry>,
    /// Whether this person may free it.
    pub may_free: bool,
    /// What they can undo of what was done to it last.
    pub undo: Option<UndoOffer>,
}
