//! Build steps that need code: compiles the browser side and bundles it with its style sheet and fonts.

mod bundle;
mod packs;
mod toolchain;

use std::process::ExitCode;

use toolchain::Warnings;

const USAGE: &str = "\
cargo xtask bundle          build the browser side into target/site (optimised)
cargo xtask bundle --quick  the same without the size optimiser, for `make dev`
cargo xtask bundle --strict the same with warnings as errors, for `make test`
cargo xtask wasm-toolchain  say which compiler builds the browser side";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["bundle"] => bundle::run(bundle::Optimise::Yes, Warnings::Show),
        ["bundle", "--strict"] => bundle::run(bundle::Optimise::Yes, Warnings::Refuse),
        ["bundle", "--quick"] => bundle::run(bundle::Optimise::No, Warnings::Show),
        ["wasm-toolchain"] => toolchain::find().map(|found| println!("{found}")),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
