//! `holdfast admin`: sets an installation up without a browser, and lets people back in who have lost everything.

use super::{Failure, node, output::Output};
use crate::config::Config;
use clap::{Args, Subcommand};
use holdfast_domain::{Email, MemberId, Name, VendorId};
use holdfast_service::{
    ErrorCode,
    admin::inputs::{BootstrapInput, Password},
};
use serde::Serialize;
use std::{
    fs,
    io::{self, BufRead as _, Read as _},
    path::PathBuf,
};
use zeroize::Zeroizing;

/// What to administer.
#[derive(Subcommand, Clone, Debug)]
pub enum Admin {
    /// Make the vendor, its root key, its owner and an API token, in a database that was never used.
    Bootstrap(Bootstrap),
    /// Take the second factors of a member away who has lost them, recovery codes included, and end their sessions. They set
    /// one up when they next sign in. Noted in the audit log.
    ResetFactors(ResetFactors),
}

/// Who is to be let back in.
#[derive(Args, Clone, Debug)]
pub struct ResetFactors {
    /// The member's e-mail address.
    #[arg(long, value_name = "E-MAIL")]
    pub email: Email,
    /// Also give them a new password, read from standard input up to the first line feed.
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Serialize)]
struct Reset {
    vendor: VendorId,
    member: MemberId,
    email: Email,
    password_changed: bool,
}

/// The first line of standard input, without its end.
fn typed_password() -> Result<Password, Failure> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(4_096).read_line(&mut text)?;
    Ok(Password::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The first vendor and its owner.
#[derive(Args, Clone, Debug)]
pub struct Bootstrap {
    /// The vendor's name.
    #[arg(long, value_name = "NAME")]
    pub vendor: Name,
    /// The owner's e-mail address.
    #[arg(long, value_name = "E-MAIL")]
    pub email: Email,
    /// Read the owner's password from standard input, up to the first line feed.
    #[arg(long, required_unless_present = "password_file")]
    pub password_stdin: bool,
    /// Read the owner's password from a file, up to its end; not looked at with `--password-stdin`.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Does it.
pub async fn run(admin: Admin, config: &Config, output: Output) -> Result<(), Failure> {
    match admin {
        Admin::Bootstrap(bootstrap) => run_bootstrap(bootstrap, config, output).await,
        Admin::ResetFactors(reset) => run_reset(reset, config, output).await,
    }
}

/// Lets somebody back in. Refused where there is no such member.
async fn run_reset(reset: ResetFactors, config: &Config, output: Output) -> Result<(), Failure> {
    let password = if reset.password_stdin { Some(typed_password()?) } else { None };
    let password_changed = password.is_some();
    let service = node::open_service(config).await?;
    let done = service.rescue(&reset.email, password).await;
    node::close(service).await;
    let member = match done {
        Err(error) if error.code == ErrorCode::NotFound => {
            return Err(Failure::Refused(format!("there is no member with the address {}", reset.email.as_str())));
        }
        done => done?,
    };
    let done = Reset { vendor: member.vendor, member: member.id, email: member.email, password_changed };
    output.result(&done, || {
        let password = if done.password_changed { "the new password" } else { "their password" };
        format!("{} signs in with {password} alone and sets up a second factor then.", done.email.as_str())
    })
}

/// Sets the installation up. Refused where it was used before.
async fn run_bootstrap(bootstrap: Bootstrap, config: &Config, output: Output) -> Result<(), Failure> {
    let Bootstrap { vendor, email, password_stdin, password_file } = bootstrap;
    let password = match password_file.filter(|_| !password_stdin) {
        Some(path) => {
            let text = fs::read_to_string(&path);
            let text = Zeroizing::new(text.map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?);
            Password::new(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => typed_password()?,
    };
    node::create_private_dir(&config.data_dir)?;
    let service = node::open_service(config).await?;
    let made = service.bootstrap(BootstrapInput { vendor, email, password }).await;
    node::close(service).await;
    let made = made?;
    output.result(&made, || {
        format!(
            "vendor           {}\napi token        {}\nroot public key  {}\n\nThe token is not shown again.",
            made.vendor, made.api_token, made.root_public_key
        )
    })
}
