//! The Holdfast server: one binary for serving, setting up and looking after an installation.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdfast::cli::main()
}
