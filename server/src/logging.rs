//! Structured logs that never carry a license key, an API token, a signed document or a password.
//!
//! Nothing secret is handed to the log in the first place; as a second line of defence every line is searched for what
//! looks like a secret of ours before it is written.

use std::{
    borrow::Cow,
    io::{self, Write},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// Sends the log to standard error. `filter` is in the form of `tracing`'s filters, for example `info,holdfast=debug`.
/// A second call changes nothing.
pub fn install(format: LogFormat, filter: &str) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        // What tower-sessions warns of, anybody can cause by sending a cookie.
        .parse_lossy(format!("sqlx=warn,hyper=warn,h2=warn,tower_sessions=error,tower_sessions_core=error,{filter}"));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(Redacting).with_target(false).with_ansi(false);
    let _ = match format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_span_list(false)).try_init(),
    };
}

#[derive(Clone, Copy)]
struct Redacting;

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::with_capacity(256))
    }
}

/// One event, collected so that it can be searched as a whole and written in one piece.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        let _ = io::stderr().lock().write_all(redact(&text).as_bytes());
    }
}

const TOKEN: &str = "hf_sk_";
const MARK: &str = "[redacted]";

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// `text` with everything that looks like an API token, a license key of our own form or a signed document replaced.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut clean: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| at + length);
        if is_secret(&text[at..end]) {
            let clean = clean.get_or_insert_with(String::new);
            clean.push_str(&text[copied..at]);
            clean.push_str(MARK);
            copied = end;
        }
        at = end;
    }
    match clean {
        Some(mut clean) => {
            clean.push_str(&text[copied..]);
            Cow::Owned(clean)
        }
        None => Cow::Borrowed(text),
    }
}

fn is_secret(word: &str) -> bool {
    if word.contains(TOKEN) {
        return true;
    }
    // A signed document: three long segments of base64url, the first of which is a JSON object.
    if word.starts_with("eyJ") && word.matches('.').count() == 2 {
        return true;
    }
    let word = word.trim_matches(|c| matches!(c, '.' | '_' | '-'));
    let groups: Vec<&str> = word.split('-').collect();
    groups.len() == 5 && groups.iter().all(|group| group.len() == 5 && group.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn secrets_go_and_everything_else_stays() {
        for (text, expected) in [
            ("key=ABCDE-12345-FGHJK-67890-MNPQR.", "key=[redacted]"),
            (r#"{"token":"hf_sk_0123456789abcdef"}"#, r#"{"token":"[redacted]"}"#),
            ("a eyJhbGciOiJFZDI1NTE5In0.eyJ2IjoxfQ.AAAA b", "a [redacted] b"),
            ("license lic_01h2xcejqtf2nbrexx3vqjhp41 revoked", "license lic_01h2xcejqtf2nbrexx3vqjhp41 revoked"),
            ("0192f0c1-2b3c-7def-8123-456789abcdef", "0192f0c1-2b3c-7def-8123-456789abcdef"),
            ("über hf_sk_x über", "über [redacted] über"),
            ("", ""),
        ] {
            assert_eq!(redact(text), expected);
        }
    }
}
