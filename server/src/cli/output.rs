//! What commands print: results on standard output for people or for programs, everything else on standard error.

use super::Failure;
use serde::Serialize;
use std::io::{self, Write as _};

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// As JSON.
    pub json: bool,
}

impl Output {
    /// Prints `value` as JSON, or `text` for people.
    pub fn result(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json {
            let mut json = serde_json::to_string(value).map_err(|error| Failure::Failed(error.to_string()))?;
            json.push('\n');
            json
        } else {
            let mut text = text();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text
        };
        to_stdout(text.as_bytes())
    }
}

/// Writes to standard output. A reader that went away is no failure of ours.
pub fn to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes to standard error.
pub fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
