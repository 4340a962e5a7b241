//! Notes about licenses and customers in the management API: one file per call.

pub mod edit;
pub mod of_customer;
pub mod of_license;
pub mod remove;

use crate::{AppState, api::time::Rfc3339};
use holdfast_domain::NoteText;
use holdfast_service::admin::views::NoteView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What a note says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// The text.
    #[schema(value_type = String, min_length = 1, max_length = 4000)]
    pub text: NoteText,
}

/// A note about a license or a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Note)]
pub struct NoteModel {
    /// Its id.
    pub id: String,
    /// The license it is about.
    pub license: Option<String>,
    /// The customer it is about.
    pub customer: Option<String>,
    /// Who wrote it: a `type` (`member`, `token`, `system`) and an `id`.
    #[schema(value_type = Object)]
    pub author: serde_json::Value,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Rfc3339,
    /// When it was last changed.
    pub edited_at: Option<Rfc3339>,
}

impl From<NoteView> for NoteModel {
    fn from(view: NoteView) -> Self {
        Self {
            id: view.id.to_string(),
            license: view.license.map(|id| id.to_string()),
            customer: view.customer.map(|id| id.to_string()),
            author: serde_json::to_value(view.author).unwrap_or_default(),
            text: view.text.to_string(),
            created_at: view.created_at.into(),
            edited_at: view.edited_at.map(Rfc3339),
        }
    }
}

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(of_license::list))
        .routes(routes!(of_license::add))
        .routes(routes!(of_customer::list))
        .routes(routes!(of_customer::add))
        .routes(routes!(edit::edit))
        .routes(routes!(remove::remove))
}
