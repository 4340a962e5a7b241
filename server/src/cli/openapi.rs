//! `holdfast openapi`: the description of the HTTP API.

use super::{Failure, output::to_stdout};
use crate::api::{description, docs::errors_markdown, openapi};

/// What to print.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Args {
    /// Print the table of error codes (Markdown) instead.
    #[arg(long)]
    pub errors: bool,
}

/// Prints it.
pub fn run(args: Args) -> Result<(), Failure> {
    let text = if args.errors { errors_markdown() } else { openapi::json(&description()) };
    to_stdout(text.as_bytes())
}
