//! Pages and server functions as axum routes.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, Request},
    http::HeaderMap,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use holdfast_service::{ErrorCode, RequestInfo};
use http_body_util::{BodyExt, Limited};
use leptos::prelude::provide_context;
use tokio::sync::Semaphore;

use super::{
    AppState, assets, exports,
    guard::{guard, plain},
    live::{self, live},
    others::Others,
    portal,
    posted::posted,
    preview::preview,
    provider, refusal, sessions,
    shell::shell,
    upload::{FILE_LIMIT, upload},
};
use crate::app::App;

/// Largest page we send, in bytes. The largest real one is a hundredth of that.
const PAGE_LIMIT: usize = 4 << 20;
/// Largest form we take, in bytes.
pub(super) const FORM_LIMIT: usize = 256 << 10;
/// Longest a page may take.
const PAGE_TIME: Duration = Duration::from_secs(20);
/// Pages rendered at the same time; more wait their turn.
const PAGES_AT_ONCE: usize = 64;

/// The whole interface: pages at their addresses, server functions under `/fn`, the bundle under `/assets`.
///
/// A fallback answers every other address with a page (404 where there is none), so merge this router last. Layers around
/// it are expected to put a [`holdfast_service::RequestInfo`] into the extensions of each request: its address and id go
/// into the audit log and into what a person can quote to support.
pub fn router(state: AppState) -> Router {
    // Rendering spawns on the runtime of this process; saying so twice is harmless.
    let _ = any_spawner::Executor::init_tokio();
    let gate = Arc::new(Semaphore::new(PAGES_AT_ONCE));
    let functions = {
        let state = state.clone();
        move |request: Request| {
            let state = state.clone();
            let request = request.map(|body| Body::new(Limited::new(body, FORM_LIMIT)));
            async move {
                let context = state.clone();
                let function = async move |request| {
                    leptos_axum::handle_server_fns_with_context(move || provide_context(context.clone()), request)
                        .await
                        .into_response()
                };
                if !refusal::is_plain(request.headers()) {
                    return function(request).await;
                }
                let id = request.extensions().get::<RequestInfo>().map(|info| info.request_id.clone());
                refusal::answer(&state, request, &id.unwrap_or_default(), function).await
            }
        }
    };
    let page = {
        let state = state.clone();
        leptos_axum::render_app_async_with_context(move || provide_context(state.clone()), shell)
    };
    let others = Others::new(state.service().clone());
    let asset = move |Path(name): Path<String>, headers: HeaderMap| {
        let others = others.clone();
        async move { assets::serve(&others, &name, &headers).await }
    };
    let listen = {
        let state = state.clone();
        move |request: Request| live(state.clone(), request)
    };
    Router::new()
        .route("/fn/{*function}", post(functions))
        .route(provider::LEAVE, get(provider::leave))
        .route(provider::RETURN, get(provider::come_back))
        .route("/support/explain", shown_what_it_is_sent(&state, &page))
        .route("/support/refunds", shown_what_it_is_sent(&state, &page))
        .route("/console/imports/upload", post(upload).layer(DefaultBodyLimit::max(FILE_LIMIT)))
        .route(portal::LEASE, post(portal::lease))
        .route(portal::ANSWER, post(portal::answer).layer(DefaultBodyLimit::max(portal::PHOTO_LIMIT)))
        .route(portal::ANSWERED, get(portal::answered))
        .route(portal::LOOK, get(portal::look))
        .route(portal::LOGO, post(portal::logo).layer(DefaultBodyLimit::max(portal::LOGO_LIMIT)))
        .with_state(state.clone())
        .fallback(get(page))
        .layer(middleware::from_fn(move |request, next| whole(Arc::clone(&gate), request, next)))
        // Not collected: it goes on.
        .route(live::PATH, get(listen))
        .route("/console/exports/{file}", get(exports::export).with_state(state.clone()))
        .route("/console/previews/{template}", get(preview).with_state(state.clone()))
        .route(portal::DATA, post(portal::data).with_state(state.clone()))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(sessions::layer(state.service().clone(), state.secure()))
        .route("/assets/{file}", get(asset))
}

/// The route of a page that can be asked for by a form, which it then shows.
fn shown_what_it_is_sent<F, Fut>(state: &AppState, page: &F) -> MethodRouter<AppState>
where
    F: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    let (asked, sent, state) = (page.clone(), page.clone(), state.clone());
    let answer = move |request: Request| {
        let (page, state) = (sent.clone(), state.clone());
        async move { posted(&state, request, page).await }
    };
    get(asked).post(answer).layer(DefaultBodyLimit::max(FORM_LIMIT))
}

/// The paths of all pages, with `{name}` for what is in them: what has to be asked when all of them are to be.
///
/// Not while a page is being rendered anywhere in this process: finding the paths holds back everything that pages read,
/// and a page that begins to read meanwhile is never finished (leptos issue 4773). A server never asks.
pub fn page_paths() -> Vec<String> {
    let _ = any_spawner::Executor::init_tokio();
    leptos_axum::generate_route_list(App).iter().map(|route| route.path().to_owned()).collect()
}

/// Renders in a task of its own and collects the body before answering.
///
/// A client that goes away in the middle would otherwise drop the half-rendered page, and the reactive graph under it is
/// never freed then.
async fn whole(gate: Arc<Semaphore>, request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestInfo>().map(|info| info.request_id.clone()).unwrap_or_default();
    let task = tokio::spawn(async move {
        let _permit = gate.acquire_owned().await.map_err(|_| "the server is stopping")?;
        let (parts, body) = next.run(request).await.into_parts();
        let bytes = Limited::new(body, PAGE_LIMIT).collect().await.map_err(|_| "the page is too large")?.to_bytes();
        Ok::<_, &str>(Response::from_parts(parts, Body::from(bytes)))
    });
    let why = match tokio::time::timeout(PAGE_TIME, task).await {
        Ok(Ok(Ok(response))) => return response,
        Ok(Ok(Err(why))) => why,
        Ok(Err(_)) => "rendering it panicked",
        Err(_) => "it took too long",
    };
    tracing::error!(request = request_id, why, "a page could not be rendered");
    plain(ErrorCode::Unavailable, &request_id)
}
