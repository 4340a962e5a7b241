//! Invitations that wait, in the management API; `POST /v1/members` makes one.

pub mod list;
pub mod revoke;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(revoke::revoke))
}
