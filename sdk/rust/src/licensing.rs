//! The handle that an application holds.

use crate::builder::Builder;
use crate::call::Act;
use crate::core::Core;
use crate::error::CallError;
use crate::events::Subscription;
use crate::worker;
use holdfast_lease::EntitlementValue;
use holdfast_lease::client::{Event, Standing};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

/// One application's license on one device. Cheap to clone; every clone is the same license.
///
/// All calls may come from several threads at once, and several processes may share one storage.
#[derive(Clone)]
pub struct Licensing {
    handle: Arc<Handle>,
}

/// Ends the background task with the last clone.
struct Handle {
    core: Arc<Core>,
    started: AtomicBool,
}

impl Licensing {
    /// Begins with the product's id and the vendor's root public key: one, or two while the vendor changes it. Both are
    /// printed by the server when they are made, and belong into the application's source.
    pub fn builder<T: Into<String>>(
        product_id: impl Into<String>,
        root_public_keys: impl IntoIterator<Item = T>,
    ) -> Builder {
        Builder::new(product_id.into(), root_public_keys.into_iter().map(Into::into).collect())
    }

    pub(crate) fn new(core: Core) -> Self {
        Self { handle: Arc::new(Handle { core: Arc::new(core), started: AtomicBool::new(false) }) }
    }

    /// The verdict from what is stored on this device. Takes milliseconds and **never touches the network**; renewing is
    /// the background task's business, which this starts.
    pub fn check_on_launch(&self) -> Standing {
        let standing = self.handle.core.launch();
        self.handle.start();
        standing
    }

    /// Whether a key that a person typed has a typing error, as far as that can be told before anything is sent: it has the
    /// form of Holdfast's own keys, and its check character does not fit. For a hint beside the field; not a reason to
    /// refuse it, since a key that was brought from another system may have that form by chance.
    pub fn looks_mistyped(key: &str) -> bool {
        holdfast_lease::LicenseKey::parse(key).is_ok_and(|key| key.looks_mistyped())
    }

    /// Claims a seat of the license with this key for this device, and waits for the answer. Where an endpoint is silent for
    /// half a second, the next is asked as well; after three of them and at most 15 seconds the call has failed. The same
    /// device again gets the same seat.
    pub fn activate(&self, key: &str) -> Result<Standing, CallError> {
        self.act(Act::Activate { key: key.trim(), user: None })
    }

    /// The same for a license whose seats belong to people: the seat is of whoever has this e-mail address, on as many devices
    /// as the plan allows.
    pub fn activate_for(&self, key: &str, email: &str) -> Result<Standing, CallError> {
        self.act(Act::Activate { key: key.trim(), user: Some(email.trim()) })
    }

    /// The hash by which the server knows this device, as 64 hexadecimal digits. Give it to your shop with an order: a trial of
    /// this device then becomes the license that was bought, and keeps its seat.
    pub fn device_hash(&self) -> &str {
        &self.handle.core.device_hash
    }

    /// Starts this device's one trial, or returns to it. Waits like [`Licensing::activate`].
    pub fn start_trial(&self) -> Result<Standing, CallError> {
        self.act(Act::Trial)
    }

    /// Gives this device's seat up. Where no server answers, nothing changes and the error says so. An activation that was
    /// asked for before and is still on its way to a slow server is waited for first.
    pub fn release(&self) -> Result<Standing, CallError> {
        self.act(Act::Release)
    }

    /// Renews the lease now instead of in the background's own time, for a button or a program without background.
    /// A verified denial is an answer, too: the standing tells.
    pub fn refresh(&self) -> Result<Standing, CallError> {
        self.act(Act::Refresh)
    }

    /// Frees another device's seat of the license with this key, as offered by [`CallError::SeatLimitReached`]. Asks one
    /// server at a time, ten seconds each: done late, it would take the seat from whoever has it then.
    pub fn free_seat(&self, key: &str, seat: &str) -> Result<(), CallError> {
        self.act(Act::FreeSeat { key: key.trim(), seat }).map(|_| ())
    }

    /// The verdict now, with everything that explains it. Never touches the network and never waits for it.
    pub fn state(&self) -> Standing {
        self.handle.core.standing()
    }

    /// The value of an entitlement, from the verified lease; `None` where it is not granted now.
    pub fn entitlement(&self, code: &str) -> Option<EntitlementValue> {
        self.state().entitlement(code).cloned()
    }

    /// Changes from now on, each delivered to every subscription.
    pub fn subscribe(&self) -> Subscription {
        let (sender, receiver) = mpsc::channel();
        self.handle.core.subscribe(sender);
        Subscription(receiver)
    }

    /// A request for a device without a network: one line of text, for a file or a QR code. It asks for the renewal of
    /// the stored lease; where there is none, for an activation to which whoever carries it adds the license key.
    /// Another machine sends it (see [`crate::RelayRequest`]) and brings the answer back for
    /// [`Licensing::apply_offline`].
    pub fn offline_request(&self) -> Result<String, CallError> {
        self.handle.core.offline_request(None)
    }

    /// The same with the license key in it: asks for an activation, whatever is stored.
    pub fn offline_activation(&self, key: &str) -> Result<String, CallError> {
        self.handle.core.offline_request(Some(key.trim()))
    }

    /// Gives this device's seat up without a network, at once and for good: the text is the proof, for a file or a QR code,
    /// that frees the seat when another machine sends it as it does a request. There is no answer to bring back. Keep it
    /// until that is done: without it only the vendor can free the seat.
    pub fn offline_release(&self) -> Result<String, CallError> {
        self.handle.core.offline_release()
    }

    /// Takes the answer to an offline request in: the answer's body as the server wrote it, the same in base64url, or a
    /// single signed document. What does not verify changes nothing.
    pub fn apply_offline(&self, document: &str) -> Result<Standing, CallError> {
        self.handle.core.apply_offline(document)
    }

    fn act(&self, act: Act<'_>) -> Result<Standing, CallError> {
        let result = self.handle.core.act(act);
        self.handle.start();
        result
    }
}

impl fmt::Debug for Licensing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Licensing").field("product", &self.handle.core.product).finish_non_exhaustive()
    }
}

impl Handle {
    /// Starts the background task, once.
    fn start(&self) {
        if self.core.background && !self.started.swap(true, Ordering::AcqRel) && !worker::start(&self.core) {
            self.started.store(false, Ordering::Release);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.stop();
        // A program that only ever built the value has nothing to save.
        if self.core.is_in_use() {
            self.core.apply(&Event::Exit);
            self.core.save_if_wanted();
        }
    }
}
