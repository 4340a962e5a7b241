//! The client library against servers, networks, disks, clocks and processes that misbehave. One binary: it links once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod background;
#[cfg(target_os = "linux")]
mod disk;
mod documents;
mod faults;
mod offline;
mod processes;
mod race;
mod real;
mod server;
mod slow;
mod store;
mod support;
mod time;
mod tls;
