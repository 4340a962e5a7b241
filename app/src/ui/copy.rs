//! Copying with one click where scripting is on; selecting the text works everywhere.

use leptos::prelude::*;

use super::{Icon, Shape};

/// A button that puts `text` on the clipboard and says so. What does it is the script of the document (`ssr/frame.js`), so that
/// a list of a hundred ids has no code of its own for each.
#[component]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is, for the button's name: "Copy license key".
    #[prop(into)]
    what: String,
) -> impl IntoView {
    let name = format!("Copy {what}");
    view! {
        <button type="button" class="copy" aria-label=name.clone() title=name data-copy=text>
            <Icon shape=Shape::Copy />
            <Icon shape=Shape::Good />
            <span class="visually-hidden" role="status"></span>
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
    /// Where it leads.
    #[prop(default = None)]
    href: Option<String>,
) -> impl IntoView {
    let shown = text.clone();
    let shown = match href {
        Some(href) => view! { <a class="row-link mono" href=href>{shown}</a> }.into_any(),
        None => view! { <code>{shown}</code> }.into_any(),
    };
    view! {
        <span class="copyable">
            {shown}
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
