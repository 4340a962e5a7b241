//! The server's half: pages, server functions and the files of the bundle as one axum router.

pub mod assets;
mod pages;
mod shell;

pub use pages::router;

/// What every page and server function is given. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The version of this server.
    pub version: &'static str,
}
