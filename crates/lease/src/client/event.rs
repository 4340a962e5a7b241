//! What can happen to a client, and what it is told to do.

use super::{Standing, State};
use crate::refusal::Refusal;
use holdfast_domain::{DenialCode, Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The program started. The decision gives the verdict; its action is for the background task.
    Launch,
    /// Time passed, or the background task woke up.
    Tick,
    /// The program is about to end.
    Exit,
    /// The state of the last decision was written.
    Saved,
    /// The state of the last decision could not be written: disk full, read-only.
    SaveFailed,
    /// A call ended, or a document came in another way.
    Answer {
        /// What was asked.
        request: Request,
        /// The nonce that was sent with it; a denial is applied only if it carries this one.
        nonce: String,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What was asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The renewal of the stored lease. Its failures move the retry clock.
    Renew,
    /// A seat for a license key. The answer may be for another license than the stored one.
    Activate,
    /// The device's trial.
    Trial,
    /// The release of the seat.
    Release,
    /// The key manifest.
    Manifest,
    /// Nothing over the network: a document was brought in a file.
    Offline,
}

/// How a call ended. [`crate::classify()`] makes one from an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// No whole answer came.
    Network {
        /// Why.
        fault: NetworkFault,
    },
    /// TLS failed, in whatever way. Never a reason to fall back to plain http.
    Tls,
    /// An answer of something between us and the server: a captive portal, a proxy, a web page.
    NotOurs {
        /// How it was told.
        why: NotOurs,
    },
    /// 5xx, 408, 425 or 429.
    Busy {
        /// The HTTP status.
        status: u16,
        /// `Retry-After` in seconds, where it was readable.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<Seconds>,
    },
    /// Any other 4xx without a signed document.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The member `code` of the problem, unverified: for the developer's log and for the answer to a user's act.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// 407: a proxy wants to know who is asking.
    ProxyAuthentication,
    /// The answer carries at least one document, nothing verified yet.
    Documents(Documents),
    /// 204. Means something only as the answer to a release.
    Done,
}

/// The documents in an answer, as received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// A lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// A denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<String>,
    /// A key manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

/// Why no whole answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkFault {
    /// The name could not be resolved.
    Dns,
    /// The connection was refused.
    Refused,
    /// No route to the server.
    Unreachable,
    /// The connection broke.
    Reset,
    /// Time ran out, a trickling answer included.
    Timeout,
    /// The body is longer than [`crate::classify::MAX_BODY_BYTES`].
    OverlongBody,
}

/// How an answer that is not the server's was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotOurs {
    /// A redirect, or the answer of another origin.
    Redirect,
    /// The content type is not that of an answer of ours.
    ContentType,
    /// The body is empty.
    Empty,
    /// The body is not JSON, or carries no signed document.
    NoDocument,
    /// A status that the server never sends.
    Status,
}

/// What followed from an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A lease was verified and is in use.
    LeaseStored,
    /// A denial was verified; it applies from `eff` on.
    DenialStored {
        /// Its code.
        code: DenialCode,
        /// From when it applies.
        eff: UnixSeconds,
    },
    /// A newer manifest was verified and is in use.
    ManifestStored,
    /// The document is the stored one.
    Unchanged,
    /// The seat was given up, and the lease with it.
    Released,
    /// Verdict and stored documents stay.
    Kept(Keep),
}

/// Why everything stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Keep {
    /// No whole answer came.
    Network {
        /// Why.
        fault: NetworkFault,
    },
    /// TLS failed.
    Tls,
    /// The answer is not the server's.
    NotOurs {
        /// How it was told.
        how: NotOurs,
    },
    /// The server asks for patience.
    Busy {
        /// The HTTP status.
        status: u16,
    },
    /// The server refused, unsigned: for the developer's log.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The problem's `code`, unverified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// A proxy asks for credentials: the application can ask the user for them.
    ProxyAuthentication,
    /// The document is signed by a key that the manifest does not name.
    UnknownKey,
    /// The document needs a newer version of the application.
    UpdateNeeded,
    /// The document is not acceptable. Counted in [`State::bad_answers`].
    Bad {
        /// What is wrong with it.
        #[serde(flatten)]
        bad: Bad,
    },
}

/// What is wrong with a document that was signed, or seemed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bad", rename_all = "snake_case")]
pub enum Bad {
    /// It was refused by the verifier.
    Refusal {
        /// Under this name.
        refusal: Refusal,
    },
    /// The denial answers another request.
    Nonce,
    /// A smaller `seq` or an older `iat` than what is stored.
    Older,
}

/// What the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Nothing: without a lease only an activation helps, and that is the user's to start.
    Nothing,
    /// Nothing until then.
    Wait {
        /// In effective time ([`Standing::time`]).
        until: UnixSeconds,
        /// The same as a length of time from now.
        seconds: Seconds,
    },
    /// Renew the stored lease.
    Revalidate {
        /// The base address to ask.
        endpoint: String,
    },
    /// Fetch the key manifest. After a failed activation: then send the activation again.
    FetchManifest {
        /// The base address to ask.
        endpoint: String,
    },
}

/// A notice that the application may show: the grace is running out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The end of the grace.
    pub until: UnixSeconds,
    /// Days left, rounded up.
    pub days_left: i64,
}

/// What follows from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The new state. In use from now on, whether it could be saved or not.
    pub state: State,
    /// What the application may do now.
    pub standing: Standing,
    /// What the caller does next.
    pub action: Action,
    /// What followed from an answer; empty for other events.
    pub effects: Vec<Effect>,
    /// A notice to show, where one is due.
    pub notice: Option<Notice>,
    /// Whether the state is to be written now. The caller reports with [`Event::Saved`] or [`Event::SaveFailed`].
    pub save: bool,
}
