//! Vocabulary and rules of licensing: pure types and decisions, without I/O, clock or randomness of their own.
//!
//! Everything here is named as in the specification's vocabulary. The crate builds for `wasm32-unknown-unknown`, so the
//! server, the browser and the client library share one understanding of every term.

pub mod continuity;
pub mod customer;
pub mod decide;
pub mod entitlement;
pub mod entropy;
pub mod event;
pub mod id;
pub mod key;
pub mod license;
pub mod migration;
pub mod plan;
pub mod reply;
pub mod role;
pub mod sale;
pub mod seat;
pub mod text;
pub mod time;
pub mod token;
pub mod webhook;

pub use customer::{CustomerRole, PortalAct, PortalRole};
pub use decide::{Decision, Denial, DenialCode, Grant, Reason, decide};
pub use entitlement::{EntitlementCode, EntitlementValue, Entitlements};
pub use entropy::Entropy;
pub use event::{Actor, EventHash};
pub use id::{
    AlertId, ApprovalId, BulkActId, CustomerId, CustomerPersonId, DeliveryId, EventId, FactorId, ImportId, InboxId,
    InvitationId, LeaseId, LicenseId, MailId, MemberId, MessageId, NodeId, NoteId, OrderId, PlanId, ProductId, ReplyId,
    SavedViewId, SeatId, SessionId, ShopEventId, ShopId, SigningKeyId, TokenId, TrialId, VendorId, WebhookId,
};
pub use key::LicenseKey;
pub use license::{License, LicenseState, LicenseStatus};
pub use migration::{GatewayKind, Source};
pub use plan::{LicenseModel, SeatModel, Terms};
pub use reply::ReplyText;
pub use role::{Permission, Role};
pub use sale::{Sale, ShopKind, ShopRules};
pub use seat::{DeviceHash, Seat, SeatState};
pub use text::{Code, Colour, Email, MailText, Name, NoteText, Reason as ReasonText};
pub use time::{Clock, Seconds, Timestamp, UnixSeconds};
