//! What vendors, support staff and the command line do: sign in, sell, support, import, look things up.
//!
//! One file per resource. [`inputs`] is what goes in, [`views`] what comes out, `act` makes each change one transaction
//! with its event, its change-feed row and its answer under an idempotency key.

pub(crate) mod act;
pub mod activity;
pub mod alerts;
pub mod approvals;
pub mod auth;
pub mod breakers;
pub mod bulk;
pub mod customers;
pub mod demo;
pub mod desk;
pub mod events;
pub mod explain;
pub mod exports;
pub mod extension;
pub mod factors;
pub mod find;
pub mod fleet;
pub mod freshness;
pub mod gateways;
mod id_token;
pub mod impact;
pub mod import;
pub mod inputs;
pub mod invitations;
mod lately;
pub mod license_change;
pub mod license_status;
pub mod licenses;
pub mod look;
pub mod mails;
pub mod members;
pub mod new_password;
pub mod notes;
pub mod orders;
pub mod page;
pub mod passkey;
pub mod password;
pub mod plans;
pub mod portal;
pub mod products;
pub mod proof;
pub mod providers;
pub mod refunds;
pub mod replay;
pub mod replies;
pub mod saved_views;
pub mod seats;
pub mod second;
pub mod sessions;
pub mod shops;
pub mod terms;
pub mod tokens;
mod totp;
pub mod trials;
pub mod undo;
pub mod viewing;
pub mod views;
mod web;
pub mod webhooks;

use crate::{Parts, Service};

/// What a node keeps in memory for the management calls. Everything in it can be lost.
pub(crate) struct State {
    pub(crate) hasher: password::Hasher,
    pub(crate) imports: import::Progress,
    pub(crate) counts: freshness::Counts,
    /// What this node's watch over all nodes saw last.
    pub(crate) look: std::sync::RwLock<std::sync::Arc<look::Look>>,
    pub(crate) lately: sessions::Lately,
    /// A place for each export that is streamed.
    pub(crate) exports: std::sync::Arc<tokio::sync::Semaphore>,
    /// What payment providers are asked through.
    pub(crate) ask: std::sync::OnceLock<std::sync::Arc<dyn crate::shops::Ask>>,
}

impl State {
    pub(crate) fn new(_parts: &Parts) -> Self {
        Self {
            hasher: password::Hasher::new(),
            imports: import::Progress::default(),
            look: std::sync::RwLock::default(),
            counts: freshness::Counts::new(),
            lately: sessions::Lately::default(),
            exports: std::sync::Arc::new(tokio::sync::Semaphore::new(exports::AT_ONCE)),
            ask: std::sync::OnceLock::new(),
        }
    }
}

impl Service {
    pub(crate) fn admin(&self) -> &State {
        &self.0.admin
    }
}
