//! Every alert: what it watches, when it is raised, how long before the failure, and what to do.
//!
//! [`evaluate`] takes what is observed at a moment, remembers what it needs in [`State`], and returns every alert that
//! stands. What is announced follows from [`transitions`](crate::transitions) between the alerts known so far and those.
//! Each rule is one row of [`RULES`], in the file that holds its thresholds.

mod clock;
mod code;
mod continuity;
mod denials;
mod expiry;
mod jobs;
mod licenses;
mod mail;
mod measure;
mod observe;
mod outbox;
mod presence;
mod replication;
mod resource;
mod restore;
mod state;

pub use code::{Code, Lead, RULES, Rule};
pub use observe::{Denials, Ends, NodeSeen, Observations, ProductSeen};
pub use state::{State, evaluate};
