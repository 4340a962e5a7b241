//! Copying with one click where scripting is on; selecting the text works everywhere.

use leptos::prelude::*;

use super::{Icon, Shape};

/// A button that puts `text` on the clipboard and says so.
#[component]
fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is, for the button's name: "Copy license key".
    #[prop(into)]
    what: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        if let Some(clipboard) = web_sys::window().map(|window| window.navigator().clipboard()) {
            let _ = clipboard.write_text(&text);
            copied.set(true);
            set_timeout(move || copied.set(false), std::time::Duration::from_secs(2));
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = &text;
    };
    let name = format!("Copy {what}");
    view! {
        <button type="button" class="copy" aria-label=name.clone() title=name on:click=copy>
            {move || if copied.get() { view! { <Icon shape=Shape::Good /> } } else { view! { <Icon shape=Shape::Copy /> } }}
            <span class="visually-hidden" role="status">
                {move || if copied.get() { "Copied" } else { "" }}
            </span>
        </button>
    }
}

/// An id, key or the like, with its copy button.
#[component]
pub fn Copyable(
    /// What is shown and copied.
    #[prop(into)]
    text: String,
    /// What it is.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    view! {
        <span class="copyable">
            <code>{text.clone()}</code>
            <CopyButton text what />
        </span>
    }
}

/// A piece of code to paste.
#[component]
pub fn Snippet(
    /// The code.
    #[prop(into)]
    code: String,
    /// What it is.
    #[prop(into)]
    what: String,
) -> impl IntoView {
    view! {
        <div class="snippet">
            <pre tabindex="0" role="group" aria-label=what.clone()>
                <code>{code.clone()}</code>
            </pre>
            <CopyButton text=code what />
        </div>
    }
}
