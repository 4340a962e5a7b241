//! Finds a compiler that can build for the browser, also on a machine where rustup cannot download anything.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target of the browser side.
const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler from the packages `rustc-web` and `rust-web-src`, which build the standard library from source.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds the browser side.
pub enum Toolchain {
    /// The installed toolchain has the target.
    Rustup,
    /// Debian's compiler builds the standard library itself; linked with the linker found at this path.
    Debian { linker: PathBuf },
}

impl fmt::Display for Toolchain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup => write!(out, "the installed toolchain with {TARGET}"),
            Self::Debian { .. } => write!(out, "Debian's rustc-web, building the standard library from rust-web-src"),
        }
    }
}

/// Runs a command to its end and returns its standard output, trimmed.
///
/// Fails with the command's own words when it cannot be started or exits with an error.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command to its end with its output on the terminal; fails unless it exits with 0.
pub fn status(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}")) }
}

/// The same, without the lines of its complaints that begin with `known`.
pub fn status_without(known: &str, command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdout(Stdio::inherit()).output().map_err(|error| format!("cannot start {name}: {error}"))?;
    for line in String::from_utf8_lossy(&done.stderr).lines().filter(|line| !line.starts_with(known)) {
        eprintln!("{line}");
    }
    if done.status.success() { Ok(()) } else { Err(format!("{name} ended with {}", done.status)) }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Finds the compiler for the browser side: the installed toolchain if it has the target, else Debian's.
///
/// Fails, saying what to install, when there is neither.
pub fn find() -> Result<Toolchain, String> {
    let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?);
    if sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(Toolchain::Rustup);
    }
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]).current_dir(root()))?;
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    let debian_sysroot = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])).unwrap_or_default();
    let library = Path::new(&debian_sysroot).join("lib/rustlib/src/rust/library/std");
    if linker.is_file() && library.is_dir() {
        return Ok(Toolchain::Debian { linker });
    }
    Err(format!(
        "no compiler for {TARGET}: run `rustup target add {TARGET}`, or where rustup cannot download, \
         `apt-get install rustc-web rust-web-src` (scripts/setup.sh does either)"
    ))
}

/// What a warning in our own sources does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Warnings {
    /// It is shown.
    Show,
    /// It stops the build. Not for people who only want to run it: their compiler may be newer than ours.
    Refuse,
}

impl Toolchain {
    /// Compiles the browser side with a profile of the workspace, in a target directory of its own since the compilers may
    /// differ, and returns the path of the WebAssembly module.
    pub fn build(&self, profile: &str, warnings: Warnings) -> Result<PathBuf, String> {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root()).args(["rustc", "--package", "holdfast-app", "--lib", "--target", TARGET]);
        cargo.args(["--no-default-features", "--features", "hydrate", "--target-dir", "target-wasm"]);
        cargo.args(["--profile", profile]);
        if let Self::Debian { linker } = self {
            cargo
                .args(["-Zbuild-std=std,panic_abort"])
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        // What takes the module apart needs to know who refers to whom.
        cargo.args(["--", "-Clink-args=--emit-relocs"]);
        if warnings == Warnings::Refuse {
            cargo.arg("-Dwarnings");
        }
        status(&mut cargo)?;
        Ok(root().join("target-wasm").join(TARGET).join(profile).join("holdfast_app.wasm"))
    }
}
