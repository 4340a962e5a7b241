//! `holdfast admin bootstrap`: sets an installation up without a browser.

use super::{Failure, node, output::Output};
use crate::config::Config;
use clap::{Args, Subcommand};
use holdfast_domain::{Email, Name};
use holdfast_service::admin::inputs::{BootstrapInput, Password};
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

/// Sets the installation up. Refused where it was used before.
pub async fn run(admin: Admin, config: &Config, output: Output) -> Result<(), Failure> {
    let Admin::Bootstrap(Bootstrap { vendor, email, password_stdin, password_file }) = admin;
    let mut text = Zeroizing::new(String::new());
    match password_file.filter(|_| !password_stdin) {
        Some(path) => {
            *text =
                fs::read_to_string(&path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        }
        None => {
            io::stdin().lock().take(4_096).read_line(&mut text)?;
        }
    }
    let password = Password::new(text.trim_end_matches(['\r', '\n']).to_owned());
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
