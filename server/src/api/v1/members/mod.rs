//! Members in the management API: one file per call.

pub mod invite;
pub mod list;
pub mod remove;
pub mod set_role;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(invite::invite))
        .routes(routes!(list::list))
        .routes(routes!(remove::remove))
        .routes(routes!(set_role::set_role))
}
