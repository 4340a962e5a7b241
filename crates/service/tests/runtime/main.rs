//! The runtime calls over both databases, as shipped applications use them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::too_many_lines)]

mod activation;
mod activity;
mod alerts;
mod backlog;
mod breaker;
mod continuity;
mod denials;
mod fleet;
mod keys;
mod lists;
mod nodes;
mod renewal;
mod trials;
mod webhooks;
mod world;
