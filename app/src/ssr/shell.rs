//! The document around the application: head, style sheet, the script that hydrates, and the policy for all of it.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;

use super::assets;
use crate::{app::App, ctx};

/// The one policy under which every page runs: its own files, and scripts that carry this response's nonce.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         object-src 'none'; frame-ancestors 'none'"
    )
}

/// What every page does without the application's code, but for its comments.
static FRAME: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("frame.js").lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
});

/// The whole document.
pub fn shell() -> impl IntoView {
    let theme = ctx::cookie("theme").filter(|theme| theme == "light" || theme == "dark");
    let density = ctx::cookie("density").filter(|density| density == "compact");
    let shortcuts = ctx::cookie("shortcuts").filter(|shortcuts| shortcuts == "off");
    let nav = ctx::cookie("nav").filter(|nav| nav == "folded");
    let nonce = use_nonce();
    if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), nonce.as_ref()) {
        let fixed = [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ];
        for (name, value) in fixed {
            response.insert_header(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&policy(nonce)) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    let script = assets::url("holdfast.js");
    let module = assets::url("holdfast.wasm");
    let start = format!(
        "import init,{{hydrate}} from \"{script}\";init({{module_or_path:\"{module}\"}}).then(hydrate).then(()=>{{\
         document.documentElement.dataset.hydrated=\"\"}});"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme data-density=density data-shortcuts=shortcuts data-nav=nav>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" type="image/svg+xml" href=assets::url("favicon.svg") />
                <link rel="preload" r#as="font" type="font/woff2" href=assets::url("inter-latin.woff2") crossorigin="anonymous" />
                <link rel="stylesheet" href=assets::url("holdfast.css") />
                <link rel="modulepreload" href=script nonce=nonce.clone() />
                <MetaTags />
                <script nonce=nonce.clone()>{FRAME.as_str()}</script>
                <script type="module" nonce=nonce>{start}</script>
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
