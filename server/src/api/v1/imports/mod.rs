//! Imports in the management API: one file per call.

pub mod cancel;
pub mod confirm;
pub mod get;
pub mod list;
pub mod remap;
pub mod rows;
pub mod stage;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(cancel::cancel))
        .routes(routes!(confirm::confirm))
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(remap::remap))
        .routes(routes!(rows::rows))
        .routes(routes!(stage::stage))
}
