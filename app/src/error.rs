//! What a screen may know of a failure: a stable code, a sentence, the field it is about, the id to quote to support.

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
    /// A short sentence, the same every time for this code.
    pub title: String,
    /// What was the matter this time.
    pub detail: Option<String>,
    /// The form field it is about, by its name.
    pub field: Option<String>,
    /// The request in the server's log.
    pub request_id: Option<String>,
}

impl UiError {
    /// An error about nothing in particular.
    pub fn new(code: &str, title: &str) -> Self {
        Self { code: code.to_owned(), title: title.to_owned(), detail: None, field: None, request_id: None }
    }

    /// A form field that is not right.
    pub fn field(field: &str, detail: impl fmt::Display) -> Self {
        Self {
            detail: Some(detail.to_string()),
            field: Some(field.to_owned()),
            ..Self::new("invalid_request", "This field is not right")
        }
    }

    /// What happened, as one sentence with its full stop.
    pub fn sentence(&self) -> String {
        let text = match &self.detail {
            Some(detail) => format!("{}: {detail}", self.title),
            None => self.title.clone(),
        };
        if text.ends_with('.') { text } else { format!("{text}.") }
    }

    /// Whether it is worth asking again in a moment.
    pub fn passes(&self) -> bool {
        matches!(self.code.as_str(), "unavailable" | "unreachable")
    }

    /// What to do about a page that could not be shown.
    pub fn advice(&self) -> &'static str {
        match self.code.as_str() {
            "not_found" | "license_not_found" | "product_not_found" => {
                "It does not exist, or it belongs to another vendor. Check the address."
            }
            "forbidden" => "Your role does not include this. An owner or admin can do it or change your role.",
            "step_up_required" => "What this page shows asks for a sign-in of the last ten minutes.",
            "factor_required" => "Your role needs a second factor: set one up under Sign-in and security.",
            "invitation_invalid" => {
                "It was used, taken back or replaced, it is too old, or its address cannot be used here. Ask for a new one."
            }
            "unauthenticated" => "Your session has ended. Sign in again.",
            "unavailable" | "unreachable" => {
                "The server or its database cannot be reached right now. Nothing was changed, and licenses in the field keep working. Try again."
            }
            _ => "Nothing was changed. Try again; if it stays, tell support the code and the request.",
        }
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
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Response(_) => {
                Self::new("unreachable", "The server cannot be reached")
            }
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Serialization(_) => {
                Self::new("invalid_request", "Something in the form is missing or has the wrong form")
            }
            ServerFnErrorErr::Deserialization(_) => Self::new("unreadable_answer", "The server's answer made no sense"),
            _ => Self::new("internal", "Something went wrong here"),
        }
    }
}
