//! The user interface of Holdfast: rendered on the server, hydrated in the browser, working without scripting too.

#![recursion_limit = "256"]

pub mod app;
pub mod ctx;
pub mod error;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod ssr;
pub mod ui;

/// Takes over the page that the server rendered. Called once by the script of the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
