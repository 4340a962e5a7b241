//! What can go wrong before there is anything to decide. Nothing in here ever takes rights away.

/// Why [`crate::Builder::build`] refused its settings. Every one of these is a mistake in the application, found at
/// its first start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Not one usable root key was given.
    #[error("a root public key is needed: 43 characters of base64url, as the server printed it")]
    RootKey,
    /// No endpoint was given.
    #[error("at least one endpoint is needed")]
    NoEndpoint,
    /// An endpoint cannot be used.
    #[error("the endpoint {address} cannot be used: {why}")]
    Endpoint {
        /// The address as given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Neither a folder nor a storage was given.
    #[error("a folder for the state is needed")]
    NoStorage,
    /// A certificate of an own authority cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// The proxy's address cannot be read.
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
}

/// Why a call that a person waited for did not do what they asked. The stored license is as it was before, except for
/// [`CallError::Denied`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No server gave an answer: no network, a captive portal, a server that is down. Trying again later is safe.
    #[error("no licensing server answered: {0}")]
    NoAnswer(String),
    /// The server asks for patience.
    #[error("the licensing server asks for patience (status {status})")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// Seconds to wait, where the server named them.
        retry_after: Option<i64>,
    },
    /// A proxy wants a user name and a password; see [`crate::Builder::proxy`].
    #[error("a proxy wants a user name and a password")]
    ProxyWantsSignIn,
    /// The license key is unknown, malformed or of another product.
    #[error("no license of this product has this key")]
    LicenseNotFound,
    /// Every seat of the license is taken. [`crate::Licensing::free_seat`] frees one of them.
    #[error("all seats of this license are taken")]
    SeatLimitReached {
        /// The taken seats.
        seats: Vec<TakenSeat>,
    },
    /// A verified, signed denial; the standing says why, and `standing.denial` holds an address with help.
    #[error("the licensing server denies the license")]
    Denied(Box<holdfast_lease::client::Standing>),
    /// The server refused the request without a signature.
    #[error("the licensing server refused: {}", code.as_deref().unwrap_or("no code"))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code of the refusal, where there is one.
        code: Option<String>,
        /// What the server says to a person.
        detail: Option<String>,
    },
    /// There is no lease to act on.
    #[error("there is no lease on this device")]
    NotActivated,
    /// The answer is for a newer version of this application.
    #[error("a newer version of this application is needed")]
    UpdateNeeded,
    /// The answer carried a document that is not for this device, or whose signature is not the vendor's.
    #[error("the answer could not be verified")]
    Unverifiable,
    /// The text is not an answer from a licensing server.
    #[error("the text is not an answer to a request of this application")]
    NotAnAnswer,
}

/// A seat in the way of an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenSeat {
    /// Its id, for [`crate::Licensing::free_seat`].
    pub id: String,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// When it was last heard of, as the server wrote it (RFC 3339).
    pub last_seen: Option<String>,
}
