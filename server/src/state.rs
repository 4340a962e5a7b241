//! What every handler is given.

use crate::{
    api::{load::Load, rates::Rates},
    config::ServeConfig,
    health::Health,
};
use holdfast_service::Service;
use std::sync::{Arc, Weak};

/// Everything a request can reach. Cheap to clone; every clone is the same node.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    service: Service,
    serve: ServeConfig,
    health: Health,
    rates: Rates,
    load: Load,
}

/// The same without keeping the node in memory: for what the use cases hold themselves.
#[derive(Clone)]
pub struct WeakState(Weak<Inner>);

impl WeakState {
    /// The state, while the node is still there.
    pub fn upgrade(&self) -> Option<AppState> {
        self.0.upgrade().map(AppState)
    }
}

impl AppState {
    /// The same, without keeping it in memory.
    pub fn downgrade(&self) -> WeakState {
        WeakState(Arc::downgrade(&self.0))
    }

    /// The state of a node that serves `service`.
    pub fn new(service: Service, serve: ServeConfig, health: Health) -> Self {
        let rates = Rates::new(serve.address_rate, serve.token_rate);
        let load = Load::new(serve.max_requests);
        Self(Arc::new(Inner { service, serve, health, rates, load }))
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    /// What the operator set.
    pub fn serve(&self) -> &ServeConfig {
        &self.0.serve
    }

    /// How the node is.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// How often somebody may ask.
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// How much work there is.
    pub fn load(&self) -> &Load {
        &self.0.load
    }
}
