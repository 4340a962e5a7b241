//! The user interface of Holdfast: rendered on the server, hydrated in the browser, working without scripting too.
//!
//! `pages` has a folder per screen, `ui` the parts they are made of, `layout` the frame around them, `ctx` the only door
//! to the server. [`ssr::router`] is all of it as one axum router.

#![recursion_limit = "256"]
// Properties of components are owned: what is rendered outlives the call.
#![allow(clippy::needless_pass_by_value)]

mod app;
#[cfg(feature = "ssr")]
mod ctx;
mod error;
mod layout;
mod pages;
#[cfg(feature = "ssr")]
pub mod ssr;
mod ui;
mod wire;

pub use error::UiError;

/// Takes over the page that the server rendered. Called once by the script of the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
