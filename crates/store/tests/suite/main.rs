//! The behaviour of the store, each on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod activity;
mod claims;
mod desk;
mod events;
mod feed;
mod found;
mod freshness;
mod gathered;
mod grouped;
mod kill;
mod lists;
mod lost;
mod mails;
mod measured;
mod misc;
mod narrowed;
mod nodes;
mod replicated;
mod schema;
mod shops;
mod support;
mod tenants;
mod writing;
