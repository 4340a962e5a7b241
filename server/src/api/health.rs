//! How the node is, for load balancers, supervisors and people (HTTP API, "Health"). None of these touches the database.

use crate::{AppState, config::ServeConfig, health::Mode};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(startupz))
        .routes(routes!(status))
}

/// The node's mode.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// What the node can do at the moment.
    pub mode: Mode,
}

/// What the node is.
#[derive(Clone, Serialize, ToSchema)]
pub struct NodeStatus {
    /// The node's name.
    pub node: String,
    /// Its region.
    pub region: String,
    /// The version of the server.
    pub version: &'static str,
    /// What the node can do at the moment.
    pub mode: Mode,
    /// The version of the lease profile it signs.
    pub lease_profile: i64,
    /// The version of the key manifests it signs.
    pub manifest: i64,
    /// The version of the database's tables that it works with.
    pub schema: i64,
    /// How many seconds ago it last knew of every change; absent before the first time.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed_age: Option<i64>,
}

impl NodeStatus {
    /// What a node set up as `serve` is.
    pub fn of(serve: &ServeConfig, mode: Mode, feed_age: Option<i64>) -> Self {
        Self {
            node: serve.node_name.clone(),
            region: serve.region.clone(),
            version: crate::VERSION,
            mode,
            lease_profile: holdfast_lease::claims::VERSION,
            manifest: holdfast_lease::claims::VERSION,
            schema: holdfast_store::SCHEMA_VERSION,
            feed_age,
        }
    }
}

/// Whether the process turns
///
/// Never touches the database.
#[utoipa::path(get, path = "/livez", tag = "health", operation_id = "livez",
    responses((status = 200, description = "It turns", body = String)))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// Whether this node can serve something useful
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses(
        (status = 200, description = "`normal`, or `continuity` without the database", body = Readiness),
        (status = 503, description = "`draining`, `starting`, `sealed` or `clock`", body = Readiness),
    ))]
pub async fn readyz(State(state): State<AppState>) -> Response {
    let mode = state.health().mode();
    // What it is sent in this moment it would have to refuse.
    let mode = if mode.is_ready() && state.service().store().has_just_stood_still() { Mode::Starting } else { mode };
    let status = if mode.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { mode })).into_response()
}

/// Whether the node has tested itself
#[utoipa::path(get, path = "/startupz", tag = "health", operation_id = "startupz",
    responses(
        (status = 200, description = "Migrations, keys, signing and verifying are in order", body = Readiness),
        (status = 503, description = "Not yet", body = Readiness),
    ))]
pub async fn startupz(State(state): State<AppState>) -> Response {
    let status = if state.health().is_started() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { mode: state.health().mode() })).into_response()
}

/// What this node is
#[utoipa::path(get, path = "/v1/status", tag = "health", operation_id = "status",
    responses((status = 200, description = "Name, region, versions and mode", body = NodeStatus)))]
pub async fn status(State(state): State<AppState>) -> Json<NodeStatus> {
    let feed_age = state.service().runtime_status().feed_age.map(|age| age.0);
    Json(NodeStatus::of(state.serve(), state.health().mode(), feed_age))
}
