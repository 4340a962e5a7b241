//! Use cases of the licensing server: `(actor, input, store, clock, entropy) -> result`.
//!
//! Authorisation happens here and only here. The rooms: [`runtime`] is what shipped applications call; [`admin`] is what
//! vendors, support staff and the command line do; [`portal`] is what the vendors' customers do; [`shops`] reads what
//! payment providers say; [`mail`] is what mails say;
//! [`vault`] seals secrets under the master key; [`error`] lists everything that can be answered instead of a result.

pub mod actor;
pub mod address;
pub mod admin;
pub mod browser;
pub mod bundles;
pub mod error;
pub mod mail;
pub mod portal;
pub mod qr;
pub mod runtime;
pub mod shops;
pub mod standard_webhooks;
pub mod system;
pub mod vault;

pub use actor::{Actor, Call, Idempotency, RequestInfo};
pub use error::{Error, ErrorCode, Result};
pub use holdfast_store::factors::FactorKind;

use holdfast_domain::{Clock, Entropy, Timestamp};
use holdfast_store::Store;
use std::sync::Arc;
use vault::Vault;

/// What a service is built from. Time, randomness and the database are arguments.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Seals and opens secrets; without a master key the node only verifies and says so.
    pub vault: Option<Vault>,
    /// What the operator set.
    pub settings: Settings,
}

/// What the operator of a node sets for the use cases.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The https base addresses that clients are told in the key manifest, in the order of preference.
    pub endpoints: Vec<String>,
    /// Where people reach this installation with their browsers, where it was told: `https://` and a host name.
    pub public_url: Option<String>,
    /// The page that a denial refers people to; an https URL. Defaults to `<first endpoint>/help`.
    pub help_url: Option<String>,
    /// How far the node goes on without the database.
    pub continuity: holdfast_domain::continuity::Bounds,
    /// Whether webhooks may go to addresses that only this network knows, and over plain HTTP.
    pub webhooks_allow_private: bool,
    /// Whether identity providers may be at private addresses, and at this machine by plain http.
    pub private_providers: bool,
    /// How mail leaves; absent where none does.
    pub mail: Option<runtime::mails::MailWay>,
}

/// The use cases. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    parts: Parts,
    runtime: runtime::State,
    admin: admin::State,
}

impl Service {
    /// A service over `parts`. Nothing runs in the background until [`Service::run_background`] is polled.
    pub fn new(parts: Parts) -> Self {
        let runtime = runtime::State::new(&parts);
        let admin = admin::State::new(&parts);
        Self(Arc::new(Inner { parts, runtime, admin }))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The database, for health checks and background jobs of the server.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.0.parts.entropy
    }

    /// The vault, or the error that says this node cannot open secrets.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        self.0.parts.vault.as_ref().ok_or_else(|| Error::new(ErrorCode::Sealed))
    }
}
