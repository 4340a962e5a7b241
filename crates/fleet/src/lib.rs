//! The fleet as pure logic: what nodes report, whether they are there, what will fail next and when, and how long
//! everybody could go on without any server.
//!
//! No I/O, no clock, no randomness: time is an argument, and the same observations give the same findings anywhere. The
//! crate builds for `wasm32-unknown-unknown`.
//!
//! - [`report`]: what a node publishes about itself.
//! - [`presence`]: a failure detector over its heartbeats.
//! - [`series`]: a bounded memory of one quantity, with its pace.
//! - [`rules`]: every alert, found before the failure.
//! - [`finding`]: what was found and what is worth announcing.
//! - [`freshness`]: "if everything stopped now, who would notice when".
//! - [`pace`]: when those come back whom a node cannot serve now.
//! - [`catalogue`]: the list of alerts as data, and the files made from it.

pub mod catalogue;
pub mod finding;
pub mod freshness;
pub mod histogram;
mod number;
pub mod pace;
pub mod presence;
pub mod report;
pub mod rules;
pub mod series;

pub use finding::{Finding, Known, Severity, Subject, Transition, known_after, transitions};
pub use freshness::{Freshness, Running, Stops};
pub use histogram::Histogram;
pub use pace::Pace;
pub use presence::{Detector, Presence, Tuning};
pub use report::{Micros, NodeMode, NodeReport, Usage};
pub use rules::{Code, Denials, NodeSeen, Observations, ProductSeen, State, evaluate};
