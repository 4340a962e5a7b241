//! Promises of the whole interface, asked over HTTP as a browser asks: nobody gets past the door, everybody sees what their
//! role may see and no more, and nothing is lost or told that must not be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::similar_names,
    clippy::too_many_lines,
    missing_docs
)]

mod audit;
mod bundle;
mod catalogue;
mod find;
mod frame;
mod functions;
mod license;
mod lists;
mod live;
mod orders;
mod overview;
mod people;
mod portal;
mod promises;
mod refusals;
mod routes;
mod secrets;
mod sessions;
mod support;
mod world;
