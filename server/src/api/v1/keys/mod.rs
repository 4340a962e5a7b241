//! Signing keys in the management API: one file per call.

pub mod list;
pub mod revoke;
pub mod rotate;

use crate::{AppState, api::time::Rfc3339};
use holdfast_service::runtime::keys::KeyView;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(revoke::revoke)).routes(routes!(rotate::rotate))
}

/// A signing key, its public half.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct KeyModel {
    /// Its id, as in the header of documents.
    pub kid: String,
    /// The raw public key, base64url.
    pub public_key: String,
    /// The product of an issuing key; null for a root key.
    pub product: Option<String>,
    /// `active`, `retiring` or `revoked`.
    pub status: String,
    /// Not valid before.
    pub not_before: Rfc3339,
    /// Signs nothing after.
    pub not_after: Rfc3339,
    /// When it was revoked.
    pub revoked_at: Option<Rfc3339>,
    /// Whether this installation can sign with it.
    pub can_sign: bool,
}

impl From<KeyView> for KeyModel {
    fn from(view: KeyView) -> Self {
        Self {
            kid: view.kid,
            public_key: view.public_key,
            product: view.product.map(|id| id.to_string()),
            status: view.status,
            not_before: view.not_before.into(),
            not_after: view.not_after.into(),
            revoked_at: view.revoked_at.map(Rfc3339),
            can_sign: view.can_sign,
        }
    }
}
