//! Everything that can be answered instead of a result: one table of stable codes, each with its status, cause and cure.
//!
//! An [`Error`] has two faces: what the caller may know (code, detail, pointer, denial) and what the log needs (the
//! source). Only the first is ever sent (HTTP API, "Errors").

use holdfast_domain::{SeatId, Seconds, Timestamp};
use holdfast_store::{Constraint, StoreError};
use serde::Serialize;
use std::{error::Error as StdError, fmt};

/// A result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal, $cause:literal, $cure:literal;)*) => {
        /// A stable error code. Codes are never renamed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $title] $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, `snake_case`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short sentence for people, the same every time.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What brings it about, for the documentation.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What to do about it, for the documentation.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)* }
            }
        }
    };
}

codes! {
    // What the request looks like
    InvalidRequest = "invalid_request", 400, "The request is not valid",
        "A member is missing, has the wrong type or a value outside its range; `pointer` says which.",
        "Correct the member that `pointer` names and send the request again.";
    InvalidJson = "invalid_json", 400, "The body is not valid JSON",
        "The body is not UTF-8, not JSON, nested too deeply, or contains a NUL character.",
        "Send a JSON object in UTF-8.";
    KeyInUrl = "key_in_url", 400, "A license key must not be sent in a URL",
        "A query string carried a license key; URLs end up in logs.",
        "Send the key in the JSON body.";
    LeaseUnverifiable = "lease_unverifiable", 400, "The presented lease cannot be verified",
        "The lease is damaged, or not one of this product's. This is not a denial: nothing follows from it.",
        "Keep the stored lease; activate again if there is none.";
    ProofInvalid = "proof_invalid", 400, "The device's proof is missing or wrong",
        "The lease names a device key and the renewal was not signed by it.",
        "Sign the renewal with the device's own key, or activate again.";
    BodyTooLarge = "body_too_large", 413, "The body is too large",
        "The body exceeds the limit of this call (16 KiB on runtime calls).",
        "Send less.";
    UnsupportedMediaType = "unsupported_media_type", 415, "The content type is not supported",
        "The body was not sent as `application/json`.",
        "Set `Content-Type: application/json`.";
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here",
        "The path exists, but not with this method.",
        "See the API description for the methods of this path.";
    HeadTooLarge = "head_too_large", 431, "The request's headers are too large",
        "The head of the request, address included, exceeds 32 KiB or has more than 100 headers.",
        "Send fewer or shorter headers.";
    AddressTooLong = "address_too_long", 414, "The request's address is too long",
        "Path and query together exceed what a request may name.",
        "Send long values in the body.";
    RequestTimeout = "request_timeout", 408, "The request took too long",
        "Headers did not arrive within 10 seconds or the whole request within 15.",
        "Try again.";
    // Who asks
    Unauthenticated = "unauthenticated", 401, "Sign in or send a token",
        "There is no session, or the bearer token is unknown, revoked or malformed.",
        "Sign in, or send `Authorization: Bearer hf_sk_…` with a valid token.";
    SignInFailed = "sign_in_failed", 401, "E-mail or password is wrong",
        "No member has this e-mail and password. Which of the two is wrong is not said.",
        "Check both, or ask an owner or admin of your vendor for a link to a new password.";
    PortalCodeWrong = "portal_code_wrong", 401, "The code does not fit",
        "It is mistyped, older than 15 minutes, was tried five times, or this is not the browser that asked for it.",
        "Ask for a new code in this browser and type that.";
    PortalKeyWrong = "portal_key_wrong", 401, "Key and e-mail do not belong together",
        "No license of this vendor has this key and was sold to this address. Which of the two is wrong is not said.",
        "Check both for typing errors, or sign in by mail.";
    Forbidden = "forbidden", 403, "This role may not do that",
        "The member's role or the token's scopes do not include the permission.",
        "Ask an owner or admin to do it or to change the role.";
    StepUpRequired = "step_up_required", 403, "Confirm that it is you first",
        "The action needs a sign-in that is at most 10 minutes old.",
        "Confirm with your password or second factor and repeat the action.";
    FactorWrong = "factor_wrong", 401, "The code or passkey does not fit",
        "The code is mistyped, has run out or was used before, or the passkey is not one of this person's.",
        "Wait for the app's next code and type that; or use a recovery code.";
    FactorRequired = "factor_required", 403, "Set up a second factor first",
        "The member's role asks for a second factor and there is none yet.",
        "Set one up in the console: an authenticator app or a passkey. It takes a minute.";
    FactorNeeded = "factor_needed", 409, "Your role needs a second factor",
        "The last factor of an owner, an admin or a support person was to be removed.",
        "Add another one first.";
    InvitationInvalid = "invitation_invalid", 404, "This link does not work any more",
        "The link of an invitation or to a new password was used, taken back or replaced, it is too old (an invitation works for seven days, a link to a new password for one), or its address cannot be used here.",
        "Ask whoever gave it to you for a new one, if need be for another address of yours.";
    ProviderRefused = "provider_refused", 403, "The sign-in with your company's account did not work",
        "The provider's answer did not hold, or the account is not one that is let in here.",
        "Begin again from the sign-in page; if it stays, ask an owner of your vendor.";
    ProviderUnavailable = "provider_unavailable", 503, "The company's sign-in cannot be reached",
        "The identity provider did not answer, or not as it should.",
        "Try again, or sign in with your password.";
    SetupCodeWrong = "setup_code_wrong", 403, "The set-up code is wrong",
        "The code typed is not the one in the server's log.",
        "Read the code from the server's output; it changes with every start.";
    AlreadySetUp = "already_set_up", 409, "This installation is set up already",
        "A vendor exists, so first-run set-up is closed.",
        "Sign in.";
    PasswordTooWeak = "password_too_weak", 400, "Choose a longer or less common password",
        "A password needs 15 to 128 characters (8 with a second factor) and must not be one of the common ones.",
        "Use a passphrase of several words.";
    CrossSite = "cross_site", 403, "The request did not come from this site",
        "A browser sent the request from another site's page.",
        "Open the console itself and repeat the action there.";
    MessageRefused = "message_refused", 401, "The message is not accepted",
        "There is no such shop, its secret has not signed this, or it was signed more than five minutes ago. Which of these is not said.",
        "Check the address and the secret that the payment provider has, and the sender's clock. The provider sends it again.";
    // What is asked about
    NotFound = "not_found", 404, "There is nothing here",
        "The path or the id is unknown, or belongs to somebody else.",
        "Check the id.";
    LicenseNotFound = "license_not_found", 404, "No such license",
        "The key is unknown, malformed, or of another product: one answer for all three.",
        "Check the key for typing errors and that it belongs to this product.";
    ProductNotFound = "product_not_found", 404, "No such product",
        "The product id in the path is unknown.",
        "Check the product id built into the application.";
    // What stands against it
    SeatLimitReached = "seat_limit_reached", 409, "All seats are taken",
        "Every seat of the license is in use; `seats` lists them.",
        "Free a seat that is no longer needed, or buy more.";
    DeviceLimitReached = "device_limit_reached", 409, "This user has reached the number of devices",
        "The named user already uses the license on as many devices as the plan allows; `seats` lists them.",
        "Release one of that user's devices.";
    UserRequired = "user_required", 400, "This license needs a user",
        "The license has named users and the activation did not say which.",
        "Send `user` with the e-mail address of the person.";
    TrialUsed = "trial_used", 409, "The trial of this device has ended",
        "A device gets one trial of a product.",
        "Buy a license.";
    NoTrial = "no_trial", 404, "This product has no such trial",
        "The product has no trial plan, or none of that code.",
        "Offer a trial plan for the product.";
    ReleaseBudgetSpent = "release_budget_spent", 409, "Too many seats were freed lately",
        "The plan allows only so many releases from inside the application within 30 days.",
        "Wait, or ask the vendor's support to free the seat.";
    LicenseRevoked = "license_revoked", 403, "The license was withdrawn",
        "The license is revoked; `denial` is the signed document.",
        "Ask the vendor.";
    LicenseSuspended = "license_suspended", 403, "The license is paused",
        "The license is suspended; `denial` is the signed document.",
        "Ask the vendor.";
    LicenseExpired = "license_expired", 403, "The license has run out",
        "The license is past its end and its plan has no fallback; `denial` is the signed document.",
        "Renew the license.";
    SeatReleased = "seat_released", 403, "The seat was given up or taken away",
        "The seat named by the presented lease is free; `denial` is the signed document.",
        "Activate again.";
    DeviceMismatch = "device_mismatch", 403, "The lease belongs to another device",
        "The device named in the request is not the one of the presented lease; `denial` is the signed document.",
        "Activate this device.";
    StatusConflict = "status_conflict", 409, "The license's status does not allow that",
        "For example resuming a license that is not suspended.",
        "Look at the license's current status.";
    UndoConflict = "undo_conflict", 409, "This can no longer be undone",
        "It is longer ago than an act can be undone, or something has been changed since that undoing it would overwrite; `detail` says what.",
        "Look at how the license stands now, and change it by an act of its own.";
    ChangedMeanwhile = "changed_meanwhile", 409, "It was changed meanwhile",
        "What was to be changed is no longer as it was when the change was looked at.",
        "Look again at what the change would do now.";
    WebhookPaused = "webhook_paused", 409, "The webhook is paused",
        "Nothing is sent to a webhook that is paused, a test neither.",
        "Resume the webhook first.";
    MailOff = "mail_off", 409, "No mail leaves here",
        "The operator has set no way for mail.",
        "Set one with `--mail-url` and `--mail-from`, and try again.";
    MailGone = "mail_gone", 409, "This mail cannot be sent again",
        "It is still on its way, its link or key is not kept once it was sent, or what it is about belongs to somebody else now; `detail` says which.",
        "Do anew what it follows from: that mails it again.";
    CodeTaken = "code_taken", 409, "The code is in use",
        "Another product, plan, order, key or reply of the same name exists.",
        "Choose another one.";
    EmailTaken = "email_taken", 409, "The e-mail address is in use",
        "Another member or customer of yours has the same address.",
        "Use the existing one, or another address.";
    LastOwner = "last_owner", 409, "The last owner cannot go",
        "A vendor needs at least one owner.",
        "Make somebody else an owner first.";
    ImportState = "import_state", 409, "The import is not in a state for that",
        "For example confirming an import that has run, or one whose file changed.",
        "Look at the import's current state.";
    ImportUnreadable = "import_unreadable", 400, "The file cannot be read",
        "The file is not UTF-8, has no header row, has too many rows, is no export that is known, or a needed column is not mapped.",
        "Save the file as CSV in UTF-8 with a header row and map its columns, or take another system's export as it is.";
    ImportRejected = "import_rejected", 409, "Rows of the import have errors",
        "At least one row cannot be imported, and a batch is all or nothing.",
        "Mend or leave out the rows that the preview marks, then confirm again.";
    // Repetition and load
    IdempotencyMismatch = "idempotency_mismatch", 422, "The idempotency key was used for another request",
        "The same `Idempotency-Key` came with another body.",
        "Use a new key for a new request.";
    IdempotencyRunning = "idempotency_running", 409, "The first request with this key is still running",
        "The same `Idempotency-Key` is being worked on.",
        "Try again in a moment.";
    RateLimited = "rate_limited", 429, "Too many requests",
        "The caller's limit is spent; `Retry-After` says for how long.",
        "Wait as long as `Retry-After` says.";
    Busy = "busy", 429, "More is asked at once than this node can do",
        "Everybody asks at the same time. Nothing is wrong with the request; `Retry-After` names a time at which there is room for it.",
        "Wait as long as `Retry-After` says, or ask another node. Stored leases stay valid meanwhile.";
    // Our own troubles: never a "no"
    DenialsStopped = "denials_stopped", 503, "Nothing of this product is refused for the moment",
        "So many devices of the product were about to lose their access at once that a mistake is likely. Stored leases stay valid until a person has looked.",
        "For vendors: look at the alert about the product. If all of it is meant, let the denials pass there, or by `POST /v1/products/{id}/let-denials-pass`.";
    GatewayOff = "gateway_off", 503, "This gateway is switched off",
        "The product does not answer this system's clients: not yet, or not any more.",
        "Switch the gateway on, on the product's page, or lead the applications elsewhere.";
    Sealed = "sealed", 503, "This node has no master key",
        "The node was started without the master key and can only verify.",
        "Start it with `--master-key-file`.";
    Unavailable = "unavailable", 503, "Not available for a moment",
        "The database or another part cannot be reached right now, or the node is stopping.",
        "Try again; `Retry-After` says when. Stored leases stay valid meanwhile.";
    OutcomeUnknown = "outcome_unknown", 503, "It is not known whether that took effect",
        "The connection to the database broke while a change was being committed.",
        "Repeat the request with the same `Idempotency-Key`: it answers for the first one if that took effect.";
    Internal = "internal", 500, "Something went wrong here",
        "A defect of the server; the log has the details under the request id.",
        "Try again; if it stays, report the request id.";
}

impl ErrorCode {
    /// Whether the same request may succeed later without any change.
    pub const fn retryable(self) -> bool {
        matches!(self.status(), 408 | 429 | 500..=599) || matches!(self, Self::IdempotencyRunning)
    }
}

/// A seat in an answer of [`ErrorCode::SeatLimitReached`], so that an application can offer to free one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenSeat {
    /// Its id.
    pub id: SeatId,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
}

/// What is answered instead of a result.
#[derive(Debug)]
pub struct Error {
    /// What it is.
    pub code: ErrorCode,
    /// What happened this time, for people; safe to send.
    pub detail: Option<Box<str>>,
    /// The JSON pointer (RFC 6901) of the member that is wrong.
    pub pointer: Option<Box<str>>,
    /// The signed denial document.
    pub denial: Option<String>,
    /// The seats in the way.
    pub seats: Vec<TakenSeat>,
    /// When to try again.
    pub retry_after: Option<Seconds>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of that code and nothing more.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, detail: None, pointer: None, denial: None, seats: Vec::new(), retry_after: None, source: None }
    }

    /// A member of the input is wrong: `pointer` as in RFC 6901, `detail` what is wrong with it.
    pub fn invalid(pointer: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidRequest).with_pointer(pointer).with_detail(detail)
    }

    /// A defect of ours, with its cause for the log.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Internal) }
    }

    /// The same with a sentence for people.
    #[must_use]
    pub fn with_detail(self, detail: impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string().into()), ..self }
    }

    /// The same with the pointer of the member that is wrong.
    #[must_use]
    pub fn with_pointer(self, pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into().into()), ..self }
    }

    /// The same with the signed denial.
    #[must_use]
    pub fn with_denial(self, denial: String) -> Self {
        Self { denial: Some(denial), ..self }
    }

    /// The same with the seats in the way.
    #[must_use]
    pub fn with_seats(self, seats: Vec<TakenSeat>) -> Self {
        Self { seats, ..self }
    }

    /// The same with the time after which to try again.
    #[must_use]
    pub fn with_retry_after(self, after: Seconds) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// The same with what the log needs.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl Error {
    /// Whether the database could not be asked: nothing follows from that for whoever asked us.
    pub(crate) fn is_outage(&self) -> bool {
        let store = self.source.as_deref().and_then(|source| source.downcast_ref::<StoreError>());
        self.code == ErrorCode::Unavailable && store.is_some_and(StoreError::is_retryable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.title())?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for Error {
    /// What the database could not do is never the caller's fault, except where a rule of the schema says so.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(constraint) => {
                let code = match constraint {
                    Constraint::MemberEmail | Constraint::CustomerEmail => ErrorCode::EmailTaken,
                    Constraint::ProductCode
                    | Constraint::PlanCode
                    | Constraint::CustomerExternalId
                    | Constraint::OrderExternalId
                    | Constraint::LicenseKey
                    | Constraint::PortalShortName
                    | Constraint::PortalDomain
                    | Constraint::ReplyName => ErrorCode::CodeTaken,
                    Constraint::IdempotencyKey => ErrorCode::IdempotencyRunning,
                    Constraint::Reference => ErrorCode::NotFound,
                    _ => ErrorCode::Internal,
                };
                Self::new(code).with_source(error)
            }
            StoreError::OutcomeUnknown(_) => Self::new(ErrorCode::OutcomeUnknown).with_source(error),
            StoreError::Corrupt(_) | StoreError::Internal(_) => Self::internal(error),
            _ => Self::new(ErrorCode::Unavailable).with_retry_after(Seconds(2)).with_source(error),
        }
    }
}
