//! What the screens of an order show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{
        List,
        acts::model::Waiting,
        licenses::model::{ImpactView, LicenseRow},
    },
    ui::{TimelineEntry, Tone, When},
};

/// Everything about an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderDetail {
    /// Its id.
    pub id: String,
    /// The payment provider's number.
    pub reference: String,
    /// How it stands, and what that means.
    pub status: (Tone, String),
    /// Who bought: id and name.
    pub customer: Option<(String, String)>,
    /// When it was made.
    pub made: When,
    /// When it was paid back.
    pub refunded: Option<When>,
    /// The shop that told of it, and whether this person may see that: id and name.
    pub shop: Option<(Option<String>, String)>,
    /// What it said: name and value.
    pub sale: Vec<(String, String)>,
    /// What of it waits for a person: id and words.
    pub waiting: Vec<(String, String)>,
    /// The licenses bought.
    pub licenses: List<LicenseRow>,
    /// What happened to it, newest first.
    pub timeline: Vec<TimelineEntry>,
    /// Whether this person may note that it was paid back.
    pub may_refund: bool,
    /// What begins later and is about it.
    pub waits: Vec<Waiting>,
    /// Where what a refund revoked is given back, and the words for it; absent where nothing is revoked.
    pub give_back: Option<(String, String)>,
}

/// A refund that waits for a yes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundView {
    /// The order's number.
    pub reference: String,
    /// What it does, in words.
    pub does: String,
    /// Whose access ends, and when.
    pub impact: ImpactView,
    /// Whether a second person has to approve it.
    pub second: bool,
    /// Whether it begins ten minutes after it is asked for.
    pub later: bool,
    /// The licenses that are revoked.
    pub licenses: Vec<LicenseRow>,
    /// What begins later and refunds it already: nothing more is asked for before that.
    pub waits: Vec<Waiting>,
}
