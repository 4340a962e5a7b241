//! The audit log.

use holdfast_domain::{EventId, LicenseId, Timestamp};
use holdfast_store::page::Page;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Its id.
    pub id: EventId,
    /// Its place in the vendor's log.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: holdfast_domain::event::Actor,
    /// What happened.
    pub action: String,
    /// What it happened to: an id.
    pub subject: String,
    /// What was before and after.
    pub data: serde_json::Value,
    /// From where.
    pub origin: String,
    /// The request it came with.
    pub request: String,
}

impl EventView {
    /// The license that it happened to, or to a seat of.
    pub fn license(&self) -> Option<LicenseId> {
        self.subject.parse().ok().or_else(|| self.data.get("license")?.as_str()?.parse().ok())
    }
}

/// What happened to a customer and to what they bought.
#[derive(Clone, Debug)]
pub struct CustomerTimeline {
    /// A part of it, newest first.
    pub page: Page<EventView>,
    /// Whether it tells of all of their orders, licenses and seats.
    pub whole: bool,
    /// The last four characters of the keys of the licenses that this part speaks of.
    pub hints: BTreeMap<LicenseId, String>,
}

/// An event, and how it stands in the chain of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDetail {
    /// The event.
    pub event: EventView,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// Whether that follows from what the event says and from the hash of the one before.
    pub holds: bool,
}

/// How far the walk along the audit log's chain has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainWalk {
    /// So far every event is the one that was written.
    SoFar {
        /// The number of the last event that was looked at.
        number: i64,
        /// The number of the last event there is.
        last: i64,
    },
    /// Every event is the one that was written, and none is missing.
    Whole {
        /// How many they are.
        events: i64,
        /// The hash of the last, hexadecimal.
        head: String,
    },
    /// The event of this number is missing or was changed.
    Broken {
        /// The first number at which the chain does not hold.
        number: i64,
    },
}

/// What walking a vendor's audit log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// How many events are as they were written, from the first on.
    pub events: i64,
    /// The number of the first event that is missing or was changed, where there is one.
    pub broken_at: Option<i64>,
}
