//! A first page.

use leptos::prelude::*;

use crate::error::UiError;

/// The version of the server.
#[server]
pub async fn version() -> Result<String, UiError> {
    Ok(crate::ctx::state()?.version.to_owned())
}

/// A page that asks the server, both while rendering and from the browser.
#[component]
pub fn AboutPage() -> impl IntoView {
    let answer = Resource::new(|| (), |()| version());
    let count = RwSignal::new(0);
    view! {
        <main class="p-8">
            <h1 class="text-2xl">"Holdfast"</h1>
            <Suspense fallback=|| ()>
                {move || Suspend::new(async move {
                    match answer.await {
                        Ok(version) => view! { <p>"version " {version}</p> }.into_any(),
                        Err(error) => view! { <p>{error.code}</p> }.into_any(),
                    }
                })}
            </Suspense>
            <button class="btn btn-primary" on:click=move |_| count.update(|n| *n += 1)>"count " {count}</button>
            <button class="btn" on:click=move |_| answer.refetch()>"again"</button>
        </main>
    }
}
