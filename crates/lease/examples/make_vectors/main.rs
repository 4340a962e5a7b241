//! Makes the published vector files: `cargo run -p holdfast-lease --example make_vectors [FOLDER]`.
//!
//! The output is the same on every machine: seeds are derived from names, and nothing reads a clock. A test compares the
//! committed files with it. The expected answers are written down here as data, from the specification, and never
//! computed by the code under test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool for developers")]

mod client;
mod craft;
mod lease;

use std::path::PathBuf;

fn main() {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors")), PathBuf::from);
    for (name, content) in [("lease-v1.json", lease::file()), ("client-v1.json", client::file())] {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{}", path.display());
    }
}
