//! What shipped applications call: activate, renew, release, validate, trials, key manifests, revocation lists.
//!
//! One file per call. Around them: [`request`] is what goes in and out, `document` turns decisions into signed documents,
//! `hot` is what this node remembers, `feed` keeps that true, `touch` and `tally` are what is left to be written, [`keys`] makes and
//! rotates signing keys, `manifest` signs the list of them. `continuity` is what happens without the database, `snapshot`
//! what is kept on the node's disk for it, `presence` how nodes know of each other, `breaker` what stops a flood of denials,
//! [`gateway`] what clients of other systems are answered with,
//! `jobs` is what one node does for all, `observe` what they watch over, `alerts` what is announced, [`webhooks`] what vendors'
//! own servers are told, [`mails`] what people are told, `notices` what customers are told of their licenses without asking,
//! `shops` what payment providers tell.

mod activate;
mod alerts;
mod background;
mod breaker;
mod continuity;
mod document;
mod feed;
pub mod gateway;
mod hot;
mod jobs;
pub mod keys;
mod load;
pub mod mails;
mod manifest;
mod notices;
mod observe;
mod presence;
mod release;
mod renew;
pub mod request;
mod revocations;
pub(crate) mod shops;
mod snapshot;
pub(crate) mod status;
mod tally;
mod touch;
mod trial;
mod validate;
pub mod webhooks;

pub(crate) use activate::{Claimant, Origin};
pub(crate) use continuity::Otherwise;
pub(crate) use document::error_code;
pub use jobs::{Duty, Job, JobDone};
pub(crate) use manifest::endpoints_of;
pub use presence::{Membership, sign_of_life};
pub(crate) use release::BUDGET_WINDOW;
pub(crate) use release::{free, free_within_budget, left_of};
pub use request::{
    Activate, Activated, CODE_LICENSE_NOT_FOUND, CODE_NOT_ACTIVATED, CODE_SEAT_LIMIT_REACHED, Device, DeviceKey,
    LicenseSummary, Nonce, Proof, Release, ReleaseOther, Renew, Renewed, SeatView, SignedDocument, StartTrial,
    Validate, Validated,
};
pub use snapshot::KeyEnding;
pub use status::{RuntimeStatus, SelfTest};

use crate::{Parts, Service};
use hot::Hot;
use std::sync::{
    OnceLock,
    atomic::{AtomicI64, AtomicU64},
};
use touch::Touches;

/// How many seats' touches may wait to be written.
const TOUCHES: usize = 100_000;

/// What a node keeps in memory for the runtime calls. Everything in it can be lost.
pub(crate) struct State {
    pub(crate) hot: Hot,
    pub(crate) touches: Touches,
    pub(crate) tally: tally::Tally,
    pub(crate) feed: feed::Progress,
    pub(crate) continuity: continuity::Continuity,
    pub(crate) breaker: breaker::Breaker,
    pub(crate) member: OnceLock<presence::Member>,
    pub(crate) observed: observe::Observed,
    pub(crate) turned_away: notices::TurnedAway,
    /// Renewals granted to seats that the database does not have.
    pub(crate) unknown_seats: AtomicU64,
    /// Denials signed since the start.
    pub(crate) denials: AtomicU64,
    /// How far the newest touch batch is written, in microseconds since the epoch; 0 for never.
    pub(crate) flushed_at: AtomicI64,
}

impl State {
    pub(crate) fn new(_parts: &Parts) -> Self {
        Self {
            hot: Hot::new(),
            touches: Touches::new(TOUCHES),
            tally: tally::Tally::default(),
            feed: feed::Progress::new(),
            continuity: continuity::Continuity::new(),
            breaker: breaker::Breaker::default(),
            member: OnceLock::new(),
            observed: observe::Observed::default(),
            turned_away: notices::TurnedAway::default(),
            unknown_seats: AtomicU64::new(0),
            denials: AtomicU64::new(0),
            flushed_at: AtomicI64::new(0),
        }
    }
}

impl Service {
    pub(crate) fn state(&self) -> &State {
        &self.0.runtime
    }
}
