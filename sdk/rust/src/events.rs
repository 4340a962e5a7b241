//! What the library tells the application: changes for the user, reports for the developer's log.

use holdfast_lease::client::{Effect, Keep, Notice, Standing};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// A change that the user may care about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// The verdict, its overlays or the entitlements changed.
    State(Box<Standing>),
    /// The grace is running out: in its last seven days, at most one a day.
    Notice(Notice),
    /// A proxy between here and the server wants a user name and a password: ask for proxy settings.
    ProxyWantsSignIn,
}

/// Receives changes from the moment it was made; see [`crate::Licensing::subscribe`].
#[derive(Debug)]
pub struct Subscription(pub(crate) Receiver<Update>);

impl Subscription {
    /// Waits for the next change; `None` once the [`crate::Licensing`] is gone.
    pub fn recv(&self) -> Option<Update> {
        self.0.recv().ok()
    }

    /// Waits for the next change, at most this long; `None` where none came.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Update> {
        self.0.recv_timeout(timeout).ok()
    }

    /// The next change if there is one already.
    pub fn try_recv(&self) -> Option<Update> {
        self.0.try_recv().ok()
    }

    /// Every change, as they come, until the [`crate::Licensing`] is gone.
    pub fn iter(&self) -> impl Iterator<Item = Update> + '_ {
        self.0.iter()
    }
}

/// Something for the developer's log. None of these takes rights away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// What followed from an answer.
    Effect(Effect),
    /// Why a server gave no answer that anything follows from, in the words of the network library.
    NoAnswer(String),
    /// This endpoint is slow, and another one is asked as well. Whoever answers first is listened to.
    Slow(String),
    /// The state could not be saved; it is used from memory and saved again later.
    NotSaved(String),
    /// The stored state was damaged.
    StoreDamaged,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Effect(Effect::LeaseStored) => f.write_str("a new lease is in use"),
            Self::Effect(Effect::DenialStored { code, eff }) => {
                write!(f, "the server denies the license: {}, from {eff} on", code.as_str())
            }
            Self::Effect(Effect::ManifestStored) => f.write_str("a new key manifest is in use"),
            Self::Effect(Effect::Unchanged) => f.write_str("the server sent what was stored already"),
            Self::Effect(Effect::Released) => f.write_str("the seat was given up"),
            Self::Effect(Effect::Kept(Keep::Refused { status, code })) => write!(
                f,
                "the server refused with {status} ({}), unsigned: nothing follows from it",
                code.as_deref().unwrap_or("no code")
            ),
            Self::Effect(Effect::Kept(Keep::Bad { bad })) => write!(f, "a signed answer was not acceptable: {bad:?}"),
            Self::Effect(Effect::Kept(why)) => write!(f, "everything stays as it was: {why:?}"),
            Self::NoAnswer(why) => write!(f, "no answer: {why}"),
            Self::Slow(endpoint) => write!(f, "{endpoint} is slow: another server is asked as well"),
            Self::NotSaved(why) => write!(f, "the state was not saved and is used from memory: {why}"),
            Self::StoreDamaged => f.write_str("the stored state was damaged"),
        }
    }
}

/// Sends to everybody who still listens.
#[derive(Default)]
pub(crate) struct Subscribers(Vec<Sender<Update>>);

impl Subscribers {
    pub(crate) fn add(&mut self, sender: Sender<Update>) {
        self.0.push(sender);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn send(&mut self, update: &Update) {
        self.0.retain(|subscriber| subscriber.send(update.clone()).is_ok());
    }
}
