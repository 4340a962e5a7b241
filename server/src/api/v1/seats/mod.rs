//! Seats in the management API: one file per call.

pub mod get;
pub mod list;
pub mod release;
pub mod undo;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(release::release))
        .routes(routes!(undo::undo))
}
