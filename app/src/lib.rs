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
mod sections;
#[cfg(feature = "ssr")]
pub mod ssr;
mod ui;
mod wire;

pub use error::UiError;

/// Takes over the page that the server rendered, once the code of its section is there. Called once by the script of the page.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    let body = leptos::prelude::document().body();
    if let Some(body) = body {
        leptos::mount::hydrate_from_async(body, app::App).await.forget();
    }
}
