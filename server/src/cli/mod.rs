//! The command line: one file per command.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (HTTP API, "Command line").

pub mod admin;
pub mod audit;
pub mod backup;
pub mod demo;
pub mod doctor;
pub mod export;
pub mod import;
pub mod keys;
pub mod mail;
pub mod migrate;
pub mod node;
pub mod openapi;
pub mod output;
pub mod restore;
pub mod serve;
pub mod vendor;
pub mod verify_lease;

use crate::{
    config::{ConfigError, Options, ServeOptions},
    logging,
};
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, builder::BoolishValueParser};
use output::Output;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "holdfast", version, about = "Licensing that never locks out a paying customer", max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a node.
    Serve(Box<ServeOptions>),
    /// Bring the database's tables up to date.
    Migrate,
    /// Set an installation up.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Look at everything a node and its cluster need, and say what is wrong and what to do.
    Doctor(doctor::Args),
    /// List, rotate and revoke signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Try out how mail leaves.
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Verify the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Import an existing customer base from a CSV file.
    Import(import::Args),
    /// Export licenses or customers.
    Export(export::Args),
    /// Write a consistent copy of the embedded database, while it is in use.
    Backup(backup::Args),
    /// Put a backup in the place of the embedded database.
    Restore(restore::Args),
    /// Fill the database with a believable vendor, for trying the screens.
    Demo(demo::Args),
    /// Check a lease without a network: against a root public key and a key manifest.
    VerifyLease(verify_lease::Args),
    /// Print the description of the HTTP API (OpenAPI 3.1).
    Openapi(openapi::Args),
}

/// The command line, every flag of which is also a variable: `HOLDFAST_` and the flag, and for flags of commands that are
/// run by hand the command's name between them, so that no container's setting reaches a command it was not meant for.
fn command() -> clap::Command {
    let command = named_by(Cli::command(), "HOLDFAST");
    command.mut_subcommands(|sub| {
        let prefix = match sub.get_name() {
            "serve" | "admin" => "HOLDFAST".to_owned(),
            name => variable("HOLDFAST", name),
        };
        named_by(sub, &prefix).mut_subcommands(|sub| named_by(sub, &prefix))
    })
}

fn named_by(command: clap::Command, prefix: &str) -> clap::Command {
    command.mut_args(|argument| {
        let Some(name) = argument.get_long().filter(|name| !["help", "version"].contains(name)) else {
            return argument;
        };
        let name = variable(prefix, name);
        let argument = argument.env(name);
        let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
        if is_switch { argument.value_parser(BoolishValueParser::new()) } else { argument }
    })
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.replace('-', "_").to_uppercase())
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was asked in a wrong way.
    Usage(String),
    /// Something does not work.
    Failed(String),
    /// The rules forbid it.
    Refused(String),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Usage(_) => "usage",
            Self::Refused(_) => "refused",
        }
    }

    fn message(&self) -> &str {
        let (Self::Usage(message) | Self::Failed(message) | Self::Refused(message)) = self;
        message
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// What the store says with the database's own words, which a person with a shell on the machine may see.
fn explained(error: &holdfast_store::StoreError) -> String {
    error.words().map_or_else(|| error.to_string(), |words| format!("{error}: {words}"))
}

impl From<holdfast_store::StoreError> for Failure {
    fn from(error: holdfast_store::StoreError) -> Self {
        Self::Failed(explained(&error))
    }
}

impl From<holdfast_service::Error> for Failure {
    fn from(error: holdfast_service::Error) -> Self {
        use std::error::Error as _;
        let mut message = error.to_string();
        if let Some(pointer) = &error.pointer {
            message = format!("{message} ({pointer})");
        }
        match error.code.status() {
            400 => Self::Usage(message),
            401..500 => Self::Refused(message),
            _ => {
                // A person with a shell on the machine may see what a caller over the network may not.
                let mut source = error.source();
                while let Some(cause) = source {
                    message = format!("{message}: {cause}");
                    source = cause.source();
                }
                Self::Failed(message)
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs the command that the process was started with, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let output = Output { json: cli.json };
    match run(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if output.json {
                let body = serde_json::json!({ "error": { "kind": failure.kind(), "message": failure.message() } });
                output::to_stderr(&format!("{body}\n"));
            } else {
                output::to_stderr(&format!("holdfast: {}\n", logging::redact(failure.message())));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let Cli { options, command, .. } = cli;
    match command {
        Command::VerifyLease(args) => return verify_lease::run(&args, output),
        Command::Openapi(args) => return openapi::run(args),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (options, serve_options) = match command {
        Command::Serve(ref serve) => options.load((**serve).clone())?,
        _ => options.load(ServeOptions::default())?,
    };
    let config = options.resolve()?;
    logging::install(config.log_format, if matches!(command, Command::Serve(_)) { &config.log } else { "warn" });
    let done = runtime.block_on(async {
        match command {
            Command::Serve(_) => serve::run(config, serve_options.resolve()?, output).await,
            Command::Migrate => migrate::run(&config, output).await,
            Command::Admin(args) => admin::run(args, &config, output).await,
            Command::Doctor(args) => doctor::run(args, &config, output).await,
            Command::Keys(args) => keys::run(args, &config, output).await,
            Command::Mail(args) => mail::run(args, &config, output).await,
            Command::Audit(args) => audit::run(args, &config, output).await,
            Command::Import(args) => import::run(args, &config, output).await,
            Command::Export(args) => export::run(args, &config, output).await,
            Command::Backup(args) => backup::run(args, &config, output).await,
            Command::Restore(args) => restore::run(args, &config, output).await,
            Command::Demo(args) => demo::run(args, &config, output).await,
            Command::VerifyLease(_) | Command::Openapi(_) => Ok(()),
        }
    });
    // What still runs in the background must not keep a finished command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_is_also_a_variable() {
        fn look(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
            for argument in command.get_arguments() {
                let Some(name) = argument.get_long().filter(|name| !["help", "version"].contains(name)) else {
                    continue;
                };
                let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or("none");
                found.push((format!("{path} --{name}"), variable.to_owned()));
            }
            for sub in command.get_subcommands() {
                look(sub, &format!("{path} {}", sub.get_name()), found);
            }
        }
        let mut found = Vec::new();
        look(&command(), "holdfast", &mut found);
        assert!(found.len() > 40, "{found:?}");
        for (flag, variable) in &found {
            assert!(variable.starts_with("HOLDFAST_"), "{flag}: {variable}");
        }
        let of = |flag: &str| found.iter().find(|(known, _)| known == flag).map(|(_, variable)| variable.as_str());
        assert_eq!(of("holdfast --database-url"), Some("HOLDFAST_DATABASE_URL"));
        assert_eq!(of("holdfast serve --node-name"), Some("HOLDFAST_NODE_NAME"));
        assert_eq!(of("holdfast admin bootstrap --vendor"), Some("HOLDFAST_VENDOR"));
        assert_eq!(of("holdfast export --vendor"), Some("HOLDFAST_EXPORT_VENDOR"));
        assert_eq!(of("holdfast keys rotate --product"), Some("HOLDFAST_KEYS_PRODUCT"));
    }
}
