//! Mails as files, for trying things out: each is there whole or not at all.

use holdfast_domain::MailId;
use holdfast_service::runtime::mails::Outcome;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Writes a mail to `mai_….eml`. Written twice, it is one file.
pub(super) async fn write(folder: PathBuf, id: MailId, message: Vec<u8>) -> Outcome {
    let written = tokio::task::spawn_blocking(move || put(&folder, id, &message)).await;
    match written {
        Ok(Ok(())) => Outcome::Sent,
        Ok(Err(error)) => Outcome::Again(format!("the folder for mails cannot be written: {error}")),
        Err(_) => Outcome::Again("the attempt was broken off".to_owned()),
    }
}

fn put(folder: &Path, id: MailId, message: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (hidden, shown) = (folder.join(format!(".{id}")), folder.join(format!("{id}.eml")));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&hidden)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(hidden, shown)
}

/// Whether the folder can be written.
pub(super) async fn check(folder: PathBuf) -> Result<(), (String, &'static str)> {
    let looked = tokio::task::spawn_blocking(move || {
        if !folder.exists() {
            return Ok(());
        }
        let trial = folder.join(".doctor");
        fs::write(&trial, b"x").and_then(|()| fs::remove_file(&trial))
    });
    match looked.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err((error.to_string(), "Make the folder belong to the user that runs the node.")),
        Err(error) => Err((error.to_string(), "Run it again.")),
    }
}
