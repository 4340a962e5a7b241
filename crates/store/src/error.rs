//! What can go wrong with the database, sorted by what the caller can do about it.

use std::sync::Arc;

/// A uniqueness or reference rule of the schema that a write ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// Another member has this e-mail address.
    MemberEmail,
    /// Another product of the vendor has this code.
    ProductCode,
    /// Another plan of the product has this code.
    PlanCode,
    /// Another customer of the vendor has this e-mail address.
    CustomerEmail,
    /// Another customer of the vendor has this external id.
    CustomerExternalId,
    /// Another order of the vendor has this external id.
    OrderExternalId,
    /// Another license of the product has this key.
    LicenseKey,
    /// The license already has a seat for this device.
    SeatDevice,
    /// The device already had its trial of the product.
    TrialDevice,
    /// Another canned reply of the vendor has this name.
    ReplyName,
    /// Another signing key of the vendor has this key id.
    SigningKeyId,
    /// Another API token has this hash.
    TokenHash,
    /// Another vendor's portal has this short name.
    PortalShortName,
    /// Another vendor's portal has this host name.
    PortalDomain,
    /// The idempotency key is being used by a request that commits at the same moment.
    IdempotencyKey,
    /// A primary key exists already.
    PrimaryKey,
    /// The row refers to one that does not exist (or belongs to another vendor), or one that is referred to was to go.
    Reference,
}

/// Why the store could not do what was asked. `Display` is fit for a log of any kind and for operators; it never contains
/// SQL or data. `Debug` carries the database's own words for the error log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is failing over, or gave up on a lock: try again later. Nothing was written.
    #[error("the database is not available")]
    Unavailable(Detail),
    /// More writes are waiting than may wait: try again later. Nothing was written.
    #[error("too many writes are waiting")]
    Busy,
    /// The connection was lost while committing: the write may or may not have happened.
    #[error("whether the write was committed is not known")]
    OutcomeUnknown(Detail),
    /// A uniqueness or reference rule forbids it. Nothing was written.
    #[error("the write conflicts with what is stored")]
    Conflict(Constraint),
    /// What is stored cannot be read: a row was changed by other hands, or the file is damaged.
    #[error("stored data is damaged: {0}")]
    Corrupt(Detail),
    /// The disk is full. Nothing was written.
    #[error("the disk is full")]
    DiskFull,
    /// The database takes no writes.
    #[error("the database is read-only")]
    ReadOnly,
    /// The schema is not the one this program was built for.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database or its settings cannot be used at all.
    #[error("the database cannot be used: {0}")]
    Unusable(Detail),
    /// A fault of this program: a statement the database refuses.
    #[error("a fault in a database statement")]
    Internal(Detail),
}

/// How the schema differs from the one this program was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Migrations are missing.
    #[error("the schema is at version {found}, this program needs {needed}: run `holdfast migrate`")]
    Behind {
        /// The newest migration applied; 0 for none.
        found: i64,
        /// The newest migration this program brings.
        needed: i64,
    },
    /// A newer program migrated further and this one is too old for it.
    #[error("the schema is at version {found}, newer than the {needed} this program knows")]
    Ahead {
        /// The newest migration applied.
        found: i64,
        /// The newest migration this program brings.
        needed: i64,
    },
    /// A migration was applied halfway or with another text.
    #[error("migration {version} was applied incompletely or with another text")]
    Different {
        /// The migration.
        version: i64,
    },
}

/// The database's own words. Its `Display` is empty of them where they could contain data; `Debug` has them.
#[derive(Clone)]
pub struct Detail {
    public: &'static str,
    private: Arc<str>,
}

impl Detail {
    pub(crate) fn new(public: &'static str, private: impl Into<String>) -> Self {
        Self { public, private: private.into().into() }
    }
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.public)
    }
}

impl std::fmt::Debug for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.public, self.private)
    }
}

impl StoreError {
    /// Whether the same call may succeed a little later, without anybody changing anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy | Self::OutcomeUnknown(_) | Self::ReadOnly | Self::DiskFull)
    }

    /// Whether this is a conflict with `constraint`.
    pub fn is_conflict(&self, constraint: Constraint) -> bool {
        matches!(self, Self::Conflict(found) if *found == constraint)
    }

    /// The database's own words, for a person with a shell on the machine; absent where it said nothing. Never for an answer
    /// over the network: it may contain data.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Unavailable(detail)
            | Self::OutcomeUnknown(detail)
            | Self::Corrupt(detail)
            | Self::Unusable(detail)
            | Self::Internal(detail) => Some(&*detail.private).filter(|words| !words.is_empty()),
            _ => None,
        }
    }

    pub(crate) fn corrupt(what: &'static str, why: impl Into<String>) -> Self {
        Self::Corrupt(Detail::new(what, why))
    }

    pub(crate) fn internal(why: impl Into<String>) -> Self {
        Self::Internal(Detail::new("statement", why))
    }

    /// The database cannot be asked, for this reason.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(Detail::new("connection", why))
    }
}
