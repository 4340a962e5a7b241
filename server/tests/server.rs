//! Everything about the server that needs a whole one: the router over both databases, and the real program with its
//! sockets, signals and exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    missing_docs
)]

mod suite {
    #[cfg(feature = "console")]
    pub mod aborts;
    pub mod alerts;
    pub mod authorisation;
    pub mod commands;
    pub mod docs;
    pub mod doctor;
    pub mod freshness;
    #[cfg(target_os = "linux")]
    pub mod full_disk;
    pub mod gateways;
    pub mod idle;
    pub mod limits;
    #[cfg(feature = "console")]
    pub mod live;
    pub mod management;
    pub mod orders;
    pub mod outage;
    pub mod process;
    pub mod runtime;
    pub mod sockets;
    pub mod webhooks;
    pub mod world;
}
