//! The HTTP API: routes, what surrounds them, and the description generated from them.

pub mod docs;
pub mod extract;
pub mod health;
pub mod load;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod rates;
pub mod request;
pub mod shape;
pub mod time;
pub mod v1;

use crate::{AppState, config::ServeConfig, gateways, health::Mode, web};
use axum::{Router, middleware, routing::any};
use utoipa_axum::router::OpenApiRouter;

/// The described routes, with their description.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::frame()).merge(health::routes()).merge(v1::routes())
}

/// The description of the API (OpenAPI 3.1), generated from the handlers.
pub fn description() -> utoipa::openapi::OpenApi {
    openapi::finish(described().into_openapi())
}

/// The whole HTTP surface: the API, its documentation, the gateways and the console.
pub fn router(state: AppState) -> Router {
    let (api, _) = described().split_for_parts();
    let api = api
        .merge(docs::routes())
        .merge(gateways::routes())
        .route("/v1", any(problem::not_found))
        .route("/v1/", any(problem::not_found))
        .route("/v1/{*rest}", any(problem::not_found))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(state.clone());
    web::router(&state).merge(api).layer(middleware::from_fn_with_state(state, request::surround))
}

/// What a node answers that has not reached its database yet: that it lives, that it is not ready, and everything else
/// that it is to be asked again.
pub fn starting_router(serve: &ServeConfig) -> Router {
    let status = health::NodeStatus::of(serve, Mode::Starting, None);
    let mode = || async {
        (axum::http::StatusCode::SERVICE_UNAVAILABLE, axum::Json(health::Readiness { mode: Mode::Starting }))
    };
    Router::new()
        .route("/livez", axum::routing::get(health::livez))
        .route("/readyz", axum::routing::get(mode))
        .route("/startupz", axum::routing::get(mode))
        .route("/v1/status", axum::routing::get(move || std::future::ready(axum::Json(status.clone()))))
        .fallback(|| async { problem::Problem::from(holdfast_service::ErrorCode::Unavailable) })
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn(request::surround_starting))
}

/// What the second listener answers: `GET /metrics`.
pub fn metrics_router(state: AppState, handle: metrics_exporter_prometheus::PrometheusHandle) -> Router {
    let render = move || {
        let (state, handle) = (state.clone(), handle.clone());
        async move {
            crate::metrics::refresh(&state);
            ([(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
        }
    };
    Router::new()
        .route("/metrics", axum::routing::get(render))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn(request::surround_starting))
}
