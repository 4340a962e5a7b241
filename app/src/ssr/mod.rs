//! The server's half: pages, server functions and the files of the bundle as one axum router.

pub mod assets;
mod exports;
mod guard;
mod live;
pub(crate) mod note;
mod others;
mod pages;
pub(crate) mod portal;
mod posted;
mod preview;
mod provider;
mod refusal;
mod sessions;
mod shell;
pub(crate) mod upload;

pub(crate) use guard::{Guest, Visitor, encode, host_name, portal_cookie, set_cookie, set_lax_cookie};
pub use live::{Standing, Stands};
pub use others::share;
pub use pages::{page_paths, router};
pub(crate) use posted::Posted;
pub(crate) use refusal::{back, forget};
pub use sessions::session_cookie;
pub(crate) use sessions::{begin, end, secret_of, secret_text};

use std::sync::Arc;

use axum::{
    extract::Query,
    http::{Extensions, HeaderMap, Uri, header},
};
use holdfast_service::{RequestInfo, Service, browser};
use live::Live;

/// Where a request came from, and with what.
pub(crate) fn info(extensions: &Extensions, headers: &HeaderMap) -> RequestInfo {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    RequestInfo { browser: browser::in_words(agent), ..extensions.get::<RequestInfo>().cloned().unwrap_or_default() }
}

/// The first value of a name in the query of an address.
pub(crate) fn value_of(uri: &Uri, name: &str) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

/// What the operator set that concerns the interface.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether browsers reach this server by https: cookies are then for https only and bound to this host.
    pub secure: bool,
    /// The origins under which browsers reach this server, such as `https://licenses.example.com`. Where there is none, the
    /// `Host` of a request stands for it.
    pub origins: Vec<String>,
    /// The version of this server.
    pub version: &'static str,
    /// What the operator calls this installation, so that nobody takes it for another: `staging`.
    pub environment: Option<String>,
    /// How the node stands, which long answers go by.
    pub stands: Stands,
}

/// What every page and server function is given. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    service: Service,
    live: Live,
    settings: Settings,
}

impl AppState {
    /// The interface over `service`.
    pub fn new(service: Service, settings: Settings) -> Self {
        let live = Live::new(settings.stands.clone());
        Self(Arc::new(Inner { service, live, settings }))
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// Whoever listens for changes.
    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// Whether browsers reach this server by https.
    pub fn secure(&self) -> bool {
        self.0.settings.secure
    }

    /// The origins under which browsers reach this server.
    pub fn origins(&self) -> &[String] {
        &self.0.settings.origins
    }

    /// What the operator calls this installation.
    pub fn environment(&self) -> Option<&str> {
        self.0.settings.environment.as_deref()
    }

    /// The version of this server.
    pub fn version(&self) -> &'static str {
        self.0.settings.version
    }
}
