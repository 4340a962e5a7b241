//! What a screen may know of a failure: a stable code, the field it is about, and the id to quote to support.

use std::fmt;

use leptos::{
    prelude::{FromServerFnError, ServerFnErrorErr},
    server_fn::codec::JsonEncoding,
};
use serde::{Deserialize, Serialize};

/// The failure of a server function: never an internal message, only what the person can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UiError {
    /// Stable, `snake_case`.
    pub code: String,
    /// The form field it is about, by its name.
    pub field: Option<String>,
    /// The request in the server's log.
    pub request_id: Option<String>,
}

impl UiError {
    /// An error with this code about nothing in particular.
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), field: None, request_id: None }
    }

    /// An error about one form field.
    pub fn field(code: &str, field: &str) -> Self {
        Self { code: code.to_owned(), field: Some(field.to_owned()), request_id: None }
    }
}

impl fmt::Display for UiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.code)
    }
}

impl FromServerFnError for UiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::new(match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => "unreachable",
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Serialization(_) => {
                "bad_input"
            }
            ServerFnErrorErr::Deserialization(_) => "unreadable_answer",
            _ => "internal",
        })
    }
}
