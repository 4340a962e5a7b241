//! The browser side: the console as the interface crate renders it, guards included.

use crate::AppState;
#[cfg(feature = "console")]
use crate::health::Mode;
use axum::Router;
#[cfg(feature = "console")]
use holdfast_app::ssr;

/// Without the console there is nothing at any other address.
#[cfg(not(feature = "console"))]
pub fn router(_: &AppState) -> Router {
    Router::new().fallback(crate::api::problem::not_found)
}

/// Nothing to share without a console.
#[cfg(not(feature = "console"))]
pub async fn share_bundle(_: AppState) {}

/// Puts this node's browser bundle where nodes of other releases find it. For a task of its own.
#[cfg(feature = "console")]
pub async fn share_bundle(state: AppState) {
    ssr::share(state.service().clone(), crate::VERSION).await;
}

/// The console: pages, server functions and the bundle. It answers every address that nothing else answers.
#[cfg(feature = "console")]
pub fn router(state: &AppState) -> Router {
    let public_url = state.serve().public_url.clone();
    let health = state.health().clone();
    let stands = ssr::Stands::new(move || match health.mode() {
        _ if health.is_draining() => ssr::Standing::Stopping,
        Mode::Draining => ssr::Standing::Drained,
        _ => ssr::Standing::Serving,
    });
    let settings = ssr::Settings {
        secure: public_url.as_deref().is_some_and(|url| url.starts_with("https://")),
        origins: public_url.into_iter().collect(),
        version: crate::VERSION,
        environment: state.serve().environment.clone(),
        stands,
    };
    ssr::router(ssr::AppState::new(state.service().clone(), settings))
}
