//! The only door from a screen to the server.

#[cfg(feature = "ssr")]
pub use server::*;

#[cfg(feature = "ssr")]
mod server {
    use leptos::prelude::use_context;

    use crate::{error::UiError, ssr::AppState};

    /// What the server gave to this request.
    pub fn state() -> Result<AppState, UiError> {
        use_context::<AppState>().ok_or_else(|| UiError::new("internal"))
    }
}
