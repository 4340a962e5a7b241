//! How mail leaves: through a mail server, or into a folder for trying it out.

mod folder;
mod message;
mod smtp;

pub use smtp::{Encryption, Smtp};

use holdfast_domain::Email;
use holdfast_service::runtime::mails::{Outcome, Outgoing};
use std::{path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum Way {
    /// Through a mail server.
    Smtp(Arc<Smtp>),
    /// Into a folder, a file each.
    Folder(PathBuf),
}

/// What of the way is open while mails are sent one after the other: connections that can take another.
#[derive(Default)]
pub struct Lines(tokio::sync::Mutex<Vec<smtp::Connection>>);

/// What is wrong with the text of a way.
pub type Wrong = String;

impl Way {
    /// The way of that URL: `smtp://`, `smtp+starttls://` or `smtps://` with `[USER:PASSWORD@]HOST[:PORT]`, or `file:FOLDER`.
    /// `authority` is a certificate (PEM) to trust beside the public ones.
    pub fn parse(url: &str, authority: Option<Vec<u8>>) -> Result<Self, Wrong> {
        if let Some(folder) = url.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            let none = "names no folder after `file:`".to_owned();
            return if folder.is_empty() { Err(none) } else { Ok(Self::Folder(PathBuf::from(folder))) };
        }
        smtp::parse(url, authority).map(|smtp| Self::Smtp(Arc::new(smtp)))
    }

    /// In words, without a password.
    pub fn in_words(&self) -> String {
        match self {
            Self::Smtp(smtp) => smtp.in_words(),
            Self::Folder(folder) => format!("written into the folder {}", folder.display()),
        }
    }

    /// Tries a mail once. Never takes longer than an attempt may.
    pub async fn send(&self, lines: &Lines, from: &Email, mail: &Outgoing) -> Outcome {
        let says = match &mail.says {
            Ok(says) => says,
            Err(why) => return Outcome::Again(why.clone()),
        };
        let message = match message::build(from, mail, says) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        match self {
            Self::Folder(folder) => folder::write(folder.clone(), mail.id(), message.formatted()).await,
            Self::Smtp(smtp) => {
                let open = lines.0.lock().await.pop();
                let (outcome, open) = smtp.send(open, &message).await;
                lines.0.lock().await.extend(open);
                outcome
            }
        }
    }

    /// Ends what is open.
    pub async fn hang_up(&self, lines: &Lines) {
        for line in lines.0.lock().await.drain(..) {
            smtp::hang_up(line).await;
        }
    }

    /// Whether the way is there: signs in, and sends nothing.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub async fn check(&self) -> Result<(), (String, &'static str)> {
        match self {
            Self::Smtp(smtp) => smtp.check().await,
            Self::Folder(folder) => folder::check(folder.clone()).await,
        }
    }
}

/// The text with `%XX` for what they stand for; `None` where that is no text.
fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Zeroizing::new)
}
