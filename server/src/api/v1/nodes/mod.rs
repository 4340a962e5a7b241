//! Nodes in the management API: one file per call.

pub mod acts;
pub mod get;
pub mod list;

use crate::{AppState, api::time::Rfc3339};
use holdfast_service::admin::fleet::NodeView;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A running server, over its restarts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeModel {
    /// Its id, which it keeps over restarts.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The region it belongs to.
    pub region: String,
    /// The version it runs.
    pub version: String,
    /// `running`, `stopped` (its process ended in order) or `gone` (it vanished, and a person says that it is off).
    pub state: String,
    /// `serve`, or `drain`: load balancers are to leave it alone.
    pub wanted: String,
    /// Whether it should have been heard of by now.
    pub late: bool,
    /// `alive`, `suspected` or `dead`, as the node that answers hears its signs of life; absent where it does not run, or
    /// where nothing was heard yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<String>,
    /// When its process started.
    pub started_at: Rfc3339,
    /// When it was last heard of.
    pub last_seen: Rfc3339,
    /// Every lease that it signed before is in the database.
    pub settled_at: Rfc3339,
    /// What it says of itself: mode, load, database, clock, disk, memory. A measurement that is not there was not made.
    #[schema(value_type = Object)]
    pub report: serde_json::Value,
}

impl From<NodeView> for NodeModel {
    fn from(view: NodeView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            region: view.region,
            version: view.version,
            state: view.state.as_str().to_owned(),
            wanted: view.wanted.as_str().to_owned(),
            late: view.late,
            presence: view.presence.map(|presence| presence.as_str().to_owned()),
            started_at: view.started_at.into(),
            last_seen: view.last_seen.into(),
            settled_at: view.settled_at.into(),
            report: serde_json::to_value(view.report).unwrap_or_default(),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(acts::drain))
        .routes(routes!(acts::resume))
        .routes(routes!(acts::declare_gone))
}
