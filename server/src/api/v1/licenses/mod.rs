//! Licenses in the management API: one file per call.

pub mod convert;
pub mod extend;
pub mod get;
pub mod issue;
pub mod list;
pub mod reinstate;
pub mod rekey;
pub mod resume;
pub mod reveal;
pub mod revoke;
pub mod status;
pub mod suspend;
pub mod transfer;
pub mod undo;
pub mod update;

use crate::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(convert::convert))
        .routes(routes!(extend::extend))
        .routes(routes!(get::get))
        .routes(routes!(issue::issue))
        .routes(routes!(list::list))
        .routes(routes!(reinstate::reinstate))
        .routes(routes!(rekey::rekey))
        .routes(routes!(resume::resume))
        .routes(routes!(reveal::reveal))
        .routes(routes!(revoke::revoke))
        .routes(routes!(suspend::suspend))
        .routes(routes!(transfer::transfer))
        .routes(routes!(undo::undo))
        .routes(routes!(update::update))
}
