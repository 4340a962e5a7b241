//! Products in the management API: one file per call.

pub mod breaker;
pub mod create;
pub mod gateways;
pub mod get;
pub mod list;
pub mod trial_funnel;
pub mod update;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(get::get))
        .routes(routes!(list::list))
        .routes(routes!(update::update))
        .routes(routes!(trial_funnel::get))
        .routes(routes!(breaker::get))
        .routes(routes!(breaker::let_pass))
        .routes(routes!(gateways::list))
        .routes(routes!(gateways::set))
        .routes(routes!(gateways::set_key))
}
