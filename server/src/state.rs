//! What every handler is given.

use crate::{
    api::{load::Load, rates::Rates},
    config::ServeConfig,
    health::Health,
};
use holdfast_service::Service;
use std::sync::Arc;

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

impl AppState {
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
