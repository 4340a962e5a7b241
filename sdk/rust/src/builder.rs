//! Settings, checked once, before anything is opened.

use crate::clock::{Clock, SystemClock};
use crate::core::{Core, Log, Parts};
use crate::device::{self, Device};
use crate::endpoint::Endpoint;
use crate::error::BuildError;
use crate::events::Report;
use crate::licensing::Licensing;
use crate::storage::{FileStorage, Storage};
use crate::transport::{Network, Transport};
use holdfast_lease::{RootKeys, device_hash};
use std::path::PathBuf;

/// Makes a [`Licensing`]; begins with [`Licensing::builder`].
#[must_use = "nothing happens before build()"]
pub struct Builder {
    product: String,
    roots: Vec<String>,
    endpoints: Vec<String>,
    storage: Option<Box<dyn Storage>>,
    device: Device,
    network: Network,
    allow_plain_http: bool,
    clock: Option<Box<dyn Clock>>,
    log: Option<Log>,
    background: bool,
}

impl Builder {
    pub(crate) fn new(product: String, roots: Vec<String>) -> Self {
        Self {
            product,
            roots,
            endpoints: Vec::new(),
            storage: None,
            device: Device::default(),
            network: Network::default(),
            allow_plain_http: false,
            clock: None,
            log: None,
            background: true,
        }
    }

    /// The base addresses of the vendor's servers, the preferred one first. The vendor's key manifest can name others
    /// later, which then come before these.
    pub fn endpoints<T: Into<String>>(mut self, endpoints: impl IntoIterator<Item = T>) -> Self {
        self.endpoints.extend(endpoints.into_iter().map(Into::into));
        self
    }

    /// The folder for the state: one per product and user account, kept over updates of the application, and not
    /// synchronised between machines.
    pub fn storage(mut self, folder: impl Into<PathBuf>) -> Self {
        self.storage = Some(Box::new(FileStorage::new(folder)));
        self
    }

    /// Another place for the state than a folder.
    pub fn custom_storage(mut self, storage: impl Storage + 'static) -> Self {
        self.storage = Some(Box::new(storage));
        self
    }

    /// What stands for this device; by default the platform's own machine id.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Trusts the TLS certificates of this authority (PEM, one or more) and of no other: for a server inside a company's
    /// own network. Without it, the public authorities are trusted.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network.authorities.push(pem.into());
        self
    }

    /// The proxy to use, for instance `http://user:password@proxy.example.com:8080`. Without it, the environment's
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` apply.
    pub fn proxy(mut self, address: impl Into<String>) -> Self {
        self.network.proxy = Some(address.into());
        self
    }

    /// Accepts endpoints without TLS beyond this machine. License keys can then be read on the way: for a laboratory,
    /// never for customers. Verdicts stay safe, since documents are signed.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Other clocks than the operating system's, to test how an application behaves in a month.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Receives everything that belongs into the developer's log. Called from the background thread, too; must not call
    /// back into the library.
    pub fn log(mut self, log: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Whether leases are renewed in the background (they are by default). Without it, call
    /// [`Licensing::refresh`] now and then; short-lived programs often need neither.
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Checks the settings. Opens no connection and starts no thread.
    pub fn build(self) -> Result<Licensing, BuildError> {
        let roots = RootKeys::parse(&self.roots).map_err(|_| BuildError::RootKey)?;
        if self.endpoints.is_empty() {
            return Err(BuildError::NoEndpoint);
        }
        let endpoints = self
            .endpoints
            .iter()
            .map(|address| Endpoint::parse(address, self.allow_plain_http).map(|endpoint| endpoint.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        let storage = self.storage.ok_or(BuildError::NoStorage)?;
        let transport = Transport::new(self.network)?;
        // A device without a name of its own gets one that lives as long as this process: at worst a new activation.
        let fingerprint =
            device::fingerprint(&self.device, &*storage).or_else(|_| device::random::<32>().map(Vec::from));
        let device_hash = device_hash(&self.product, &fingerprint.unwrap_or_default());
        Ok(Licensing::new(Core::new(Parts {
            product: self.product,
            device_hash,
            device: self.device,
            roots,
            endpoints,
            allow_plain_http: self.allow_plain_http,
            storage,
            transport,
            clock: self.clock.unwrap_or_else(|| Box::new(SystemClock::default())),
            log: self.log,
            background: self.background,
        })))
    }
}
