//! A form that was sent without scripting and not accepted: what was typed into it and why, for the page that shows it
//! again.
//!
//! With scripting a form stays as it is and says what is wrong. Without, the browser asks for the page anew; the server
//! remembers meanwhile (`ssr::refusal`), renders the fields as they were filled in, and hands the same to the WebAssembly.

use std::sync::Arc;

use codee::{Decoder, Encoder};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::UiError;

/// The anchor of the error summary.
pub const ANCHOR: &str = "refused";

/// The code of a form that waited until whoever sent it had confirmed who they are, and comes back now.
pub const CONFIRMED: &str = "confirmed";

/// A form that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where it was sent to.
    pub form: String,
    /// The path of the page that shows it.
    pub page: String,
    /// Why.
    pub error: UiError,
    /// What was typed, by the names of the fields. Never a password or a code that lets somebody in.
    pub typed: Vec<(String, String)>,
}

/// How it is carried from the server's page into the browser: JSON, read as bytes like the answers of server functions.
struct Wire;

impl Encoder<Option<Refused>> for Wire {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(refused: &Option<Refused>) -> Result<String, serde_json::Error> {
        serde_json::to_string(refused)
    }
}

impl Decoder<Option<Refused>> for Wire {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<Option<Refused>, serde_json::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}

/// The refused form that the page in the browser began with.
#[derive(Clone, Copy)]
struct Kept(StoredValue<Option<Arc<Refused>>>);

/// Makes the refused form known to everything below, on the server and in the browser alike.
pub fn provide() {
    let refused = SharedValue::<Option<Refused>, Wire>::new_with_encoding(remembered);
    provide_context(Kept(StoredValue::new(refused.into_inner().map(Arc::new))));
}

/// What the server remembers of it.
#[cfg(feature = "ssr")]
fn remembered() -> Option<Refused> {
    crate::ctx::refused()
}

/// The browser knows it from the server's page or not at all.
#[cfg(not(feature = "ssr"))]
fn remembered() -> Option<Refused> {
    None
}

/// The refused form, where it is the one that is sent to `form`.
pub fn of(form: &str) -> Option<Arc<Refused>> {
    use_context::<Kept>()?.0.get_value().filter(|refused| refused.form == form)
}

/// A function that forgets the refused form: a page that is come back to begins anew.
pub fn forget() -> impl Fn() + Copy + 'static {
    let kept = use_context::<Kept>();
    move || {
        if let Some(Kept(kept)) = kept {
            kept.set_value(None);
        }
    }
}

/// How the form that a field belongs to stands: why it was last not accepted, and what was typed into it.
#[derive(Clone, Copy)]
pub struct FormState {
    error: Signal<Option<UiError>>,
    refused: StoredValue<Option<Arc<Refused>>>,
}

impl FormState {
    /// The state of the form that is sent to `form` and fails with `error`.
    pub fn new(form: &str, error: Signal<Option<UiError>>) -> Self {
        Self { error, refused: StoredValue::new(of(form)) }
    }

    /// The state of a form that is sent by the browser alone.
    pub fn plain(form: &str) -> Self {
        let error = of(form).map(|refused| refused.error.clone());
        Self::new(form, Signal::stored(error))
    }

    /// Why the form was last not accepted.
    pub fn get(&self) -> Option<UiError> {
        self.error.get()
    }

    /// Whether the page began with this form refused.
    pub fn is_refused(&self) -> bool {
        self.refused.with_value(Option::is_some)
    }

    /// What was typed into the field `name` of a refused form; empty where nothing was sent. `None` where the form is new.
    pub fn typed(&self, name: &str) -> Option<String> {
        self.refused.with_value(|refused| {
            let typed = &refused.as_ref()?.typed;
            Some(typed.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone()).unwrap_or_default())
        })
    }
}
