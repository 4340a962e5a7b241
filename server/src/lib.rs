//! The Holdfast server as a library: everything between the use cases and the outside world.
//!
//! [`router`] is the whole HTTP surface as a value, so that a test can call it without a socket; [`cli`] is the command
//! line; [`http`] owns the sockets; [`lifecycle`] starts and stops a node.

pub mod api;
mod certificate;
pub mod cli;
pub mod config;
mod gateways;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod logging;
pub mod mail;
pub mod metrics;
pub mod outbound;
pub mod state;
pub mod web;

pub use api::{metrics_router, router};
pub use state::AppState;

/// The version of this server, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
