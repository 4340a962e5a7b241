//! `holdfast export`: licenses or customers as CSV or JSON.

use super::{
    Failure, node,
    output::{Output, to_stdout},
    vendor::VendorArgs,
};
use crate::config::Config;
use clap::ValueEnum;
use futures::TryStreamExt as _;
use holdfast_service::admin::{
    exports::{Export, Format, Rows},
    inputs::LicenseFilter,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// What to export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Subject {
    /// Licenses with their customers.
    Licenses,
    /// Customers.
    Customers,
}

/// In which form.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    /// Comma-separated, for spreadsheets; cells that would be formulas are made harmless.
    Csv,
    /// A JSON array.
    Json,
}

/// What, how, where to.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to export.
    #[arg(value_enum, default_value = "licenses")]
    pub what: Subject,
    /// In which form; `json` where `--json` is given and nothing is said here, otherwise `csv`.
    #[arg(long, value_enum)]
    pub format: Option<Form>,
    /// With whole license keys; written to the audit log.
    #[arg(long)]
    pub with_keys: bool,
    /// The file to write; standard output where absent. It must not exist.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Whose.
    #[command(flatten)]
    pub vendor: VendorArgs,
}

/// Exports.
pub async fn run(args: Args, config: &Config, output: Output) -> Result<(), Failure> {
    let service = node::open_service(config).await?;
    let call = args.vendor.call(&service).await?;
    let export = Export {
        rows: match args.what {
            Subject::Licenses => Rows::Licenses(LicenseFilter::default()),
            Subject::Customers => Rows::Customers(None),
        },
        format: match args.format {
            Some(Form::Json) => Format::Json,
            None if output.json => Format::Json,
            Some(Form::Csv) | None => Format::Csv,
        },
        with_keys: args.with_keys,
    };
    let mut file: Option<BufWriter<File>> = match &args.output {
        None => None,
        Some(path) => {
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Some(BufWriter::new(opened.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::Refused(format!("{} exists", path.display())),
                _ => Failure::Failed(format!("{}: {error}", path.display())),
            })?))
        }
    };
    let mut pieces = service.export(&call, export).await?;
    while let Some(piece) = pieces.try_next().await? {
        match &mut file {
            Some(file) => file.write_all(&piece)?,
            None => to_stdout(&piece)?,
        }
    }
    if let Some(file) = file {
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    }
    node::close(service).await;
    Ok(())
}
