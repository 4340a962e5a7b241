//! Pages and server functions as axum routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::{BodyExt, Limited};
use leptos::prelude::provide_context;
use tokio::sync::Semaphore;

use super::{AppState, assets, shell::shell};

/// Largest page we send, in bytes. The largest real one is a hundredth of that.
const PAGE_LIMIT: usize = 4 << 20;
/// Longest a page may take.
const PAGE_TIME: Duration = Duration::from_secs(20);
/// Pages rendered at the same time; more wait their turn.
const PAGES_AT_ONCE: usize = 64;

/// The whole interface: pages at their addresses, server functions under `/fn`, the bundle under `/assets`.
///
/// A fallback answers every other address with a page (404 where there is none), so merge this router last.
pub fn router(state: AppState) -> Router {
    let gate = Arc::new(Semaphore::new(PAGES_AT_ONCE));
    let functions = {
        let state = state.clone();
        move |request: Request| {
            let state = state.clone();
            async move {
                leptos_axum::handle_server_fns_with_context(move || provide_context(state.clone()), request)
                    .await
                    .into_response()
            }
        }
    };
    let page = leptos_axum::render_app_async_with_context(move || provide_context(state.clone()), shell);
    Router::new()
        .route("/fn/{*function}", post(functions))
        .fallback(get(page))
        .layer(middleware::from_fn(move |request, next| whole(Arc::clone(&gate), request, next)))
        .route("/assets/{file}", get(assets::serve))
}

/// Renders in a task of its own and collects the body before answering.
///
/// A client that goes away in the middle would otherwise drop the half-rendered page, and the reactive graph under it is
/// never freed then.
async fn whole(gate: Arc<Semaphore>, request: Request, next: Next) -> Response {
    let task = tokio::spawn(async move {
        let _permit = gate.acquire_owned().await.map_err(|_| ())?;
        let (parts, body) = next.run(request).await.into_parts();
        let bytes = Limited::new(body, PAGE_LIMIT).collect().await.map_err(|_| ())?.to_bytes();
        Ok::<_, ()>(Response::from_parts(parts, Body::from(bytes)))
    });
    match tokio::time::timeout(PAGE_TIME, task).await {
        Ok(Ok(Ok(response))) => response,
        Ok(_) | Err(_) => {
            tracing::error!("a page could not be rendered");
            let mut response =
                (StatusCode::SERVICE_UNAVAILABLE, "This page is not available right now. Nothing was changed. Try again.")
                    .into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}
