//! The management use cases over both databases, as the console, the API and the command line use them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod approvals;
mod audit;
mod authorisation;
mod bulk;
mod bulk_in_the_background;
mod bulk_previews;
mod bulk_seats;
mod bulk_terms;
mod catalogue;
mod demo;
mod exports;
mod exports_are_lists;
mod factors;
mod find;
mod fleet;
mod freshness;
mod idempotency;
mod imports;
mod invitations;
mod licenses;
mod mails;
mod many;
mod members;
mod new_password;
mod notes;
mod proofs;
mod replay;
mod saved_views;
mod sign_in;
mod status;
mod undo;
mod world;
