//! The vendor in the management API: one file per call.

pub mod get;
pub mod update;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get::get)).routes(routes!(update::update))
}
