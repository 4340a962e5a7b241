//! The application: its routes, and what every page has in common.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::about::AboutPage;

/// Everything inside `<body>`.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Holdfast".into() } else { format!("{title} · Holdfast") } />
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=AboutPage ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

/// What stands at an address that does not exist.
#[component]
fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! { <main><h1>"There is nothing here"</h1><p><a href="/">"To the start"</a></p></main> }
}
