//! Customers, orders, licenses and seats, what an act does to them, and what was noted.

use super::EventView;
use holdfast_domain::{
    Code, CustomerId, Email, Entitlements, EventId, GatewayKind, ImportId, LicenseId, LicenseState, LicenseStatus,
    Name, NoteId, NoteText, OrderId, PlanId, ProductId, ReasonText, SeatId, SeatState, Source, Terms, Timestamp,
};
use holdfast_store::orders::OrderStatus;
use serde::{Deserialize, Serialize};

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerView {
    /// Its id.
    pub id: CustomerId,
    /// The name of the person or company.
    pub name: Name,
    /// The address.
    pub email: Option<Email>,
    /// What the vendor's own system calls them.
    pub external_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its id.
    pub id: OrderId,
    /// The payment provider's number.
    pub reference: String,
    /// Who bought.
    pub customer: Option<CustomerId>,
    /// How it stands.
    pub status: OrderStatus,
    /// When it was paid back.
    pub refunded_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a refund did, or would do: one outcome for each license of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundOutcome {
    /// The order.
    pub order: OrderView,
    /// Its licenses that were revoked by it; those revoked before are not among them.
    pub licenses: Vec<LicenseView>,
    /// Who loses access and when, over all of them.
    pub impact: Impact,
}

/// A license.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseView {
    /// Its id.
    pub id: LicenseId,
    /// Its product.
    pub product: ProductId,
    /// Its plan.
    pub plan: PlanId,
    /// The plan's short name when the license was issued.
    pub plan_code: Code,
    /// Who holds it.
    pub customer: Option<CustomerId>,
    /// That customer's name.
    pub customer_name: Option<Name>,
    /// That customer's address.
    pub customer_email: Option<Email>,
    /// The order it was bought with.
    pub order: Option<OrderId>,
    /// The last four characters of its key.
    pub key_hint: String,
    /// The stored status.
    pub status: LicenseStatus,
    /// How it stands now: the status, or expired.
    pub state: LicenseState,
    /// Why it is not in force.
    pub status_reason: Option<ReasonText>,
    /// From when a suspension or revocation takes effect for running seats; absent for at once.
    pub status_effective_at: Option<Timestamp>,
    /// Its copy of the plan's terms; `terms.seats` is its number of seats.
    pub terms: Terms,
    /// Entitlements that replace or add to those of the terms.
    pub overrides: Entitlements,
    /// Its end; absent for a perpetual one.
    pub expires_at: Option<Timestamp>,
    /// How many seats are taken.
    pub seats_taken: u32,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A license with its key, shown once: after issue or rekeying.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The license.
    pub license: LicenseView,
    /// The whole key. A secret.
    pub key: String,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("license", &self.license.id).finish_non_exhaustive()
    }
}

/// What became of the trials of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialFunnel {
    /// Of those that began within so many days.
    pub days: u32,
    /// How many began.
    pub started: u64,
    /// How many run.
    pub active: u64,
    /// How many became licenses that were bought.
    pub converted: u64,
    /// How many ran out without that.
    pub lapsed: u64,
}

/// Everything about a license on one page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseDetail {
    /// The license.
    pub license: LicenseView,
    /// Its version, which grows with every change.
    pub version: i64,
    /// Its product's name.
    pub product_name: Name,
    /// Its plan's present name.
    pub plan_name: Name,
    /// The provider's number of its order.
    pub order_reference: Option<String>,
    /// Its seats, taken ones first, newest first; at most 200.
    pub seats: Vec<SeatView>,
    /// How many seats its holder has freed from inside the application within 30 days.
    pub freed_by_holder: u32,
    /// What happened to it and its seats, newest first; at most 100.
    pub timeline: Vec<EventView>,
    /// What whoever asks can undo of it, newest first.
    pub undo: Vec<UndoOffer>,
    /// Where it came from, where it was imported.
    pub migrated: Option<MigratedView>,
    /// The other systems whose clients its product answers: they show the license key each time.
    pub gateways: Vec<GatewayKind>,
}

/// Where a license came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigratedView {
    /// The system.
    pub source: Source,
    /// The import that made it.
    pub import: ImportId,
    /// When a device was activated here for the first time.
    pub activated_at: Option<Timestamp>,
}

/// An act that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoOffer {
    /// The event that tells of it.
    pub event: EventId,
    /// What was done.
    pub action: String,
    /// The seat it was done to; absent for the license itself.
    pub seat: Option<SeatId>,
    /// Until when.
    pub until: Timestamp,
}

/// A license in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseInList {
    /// The license.
    pub license: LicenseView,
    /// When a device of it was last heard of, to the hour.
    pub last_seen: Option<Timestamp>,
}

/// A seat in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatInList {
    /// The seat.
    pub seat: SeatView,
    /// The last four characters of its license's key.
    pub key_hint: String,
    /// Whose license it is.
    pub customer: Option<(CustomerId, Name)>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderInList {
    /// The order.
    pub order: OrderView,
    /// What the customer is called who bought.
    pub customer_name: Option<Name>,
    /// How many licenses it has.
    pub licenses: u64,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// Its id.
    pub id: SeatId,
    /// The license it is a place on.
    pub license: LicenseId,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// The device's platform, where it gave one.
    pub platform: Option<String>,
    /// The application's version, where it gave one.
    pub app_version: Option<String>,
    /// The person it belongs to.
    pub user: Option<Email>,
    /// Whether it is taken.
    pub state: SeatState,
    /// When the device was seen for the first time.
    // Answers that were kept by a release without it are still given.
    #[serde(default)]
    pub first_seen: Timestamp,
    /// When it was taken.
    pub claimed_at: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// How long the device keeps working without any server: the hard stop of its newest lease.
    pub offline_until: Timestamp,
    /// Until when it is borrowed.
    pub borrowed_until: Option<Timestamp>,
    /// When it was given up or taken away.
    pub released_at: Option<Timestamp>,
}

/// What an act will do to one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatImpact {
    /// The seat.
    pub seat: SeatId,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// The person it belongs to.
    pub user: Option<Email>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// When it is expected to hear of the act; absent where it has missed its last renewal, so nobody knows.
    pub expected_at: Option<Timestamp>,
    /// When it stops at the latest, even if it never comes on line again.
    pub at_the_latest: Timestamp,
}

/// Who loses access by an act, and when (vocabulary, "What a vendor can never do by accident").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// How many devices lose access.
    pub devices: u64,
    /// How many of them hear of it within a day.
    pub within_a_day: u64,
    /// How many hear of it when they are next on line.
    pub when_next_online: u64,
    /// When the last of them stops at the latest.
    pub at_the_latest: Option<Timestamp>,
    /// Each of them, the one that stops first first; at most 200.
    pub seats: Vec<SeatImpact>,
}

/// What a change of status did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusOutcome {
    /// The license as it is after the change, or as it is now where nothing was changed.
    pub license: LicenseView,
    /// Who loses access and when.
    pub impact: Impact,
    /// Whether it has been done.
    pub applied: bool,
}

/// One term of a license that becomes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermChange {
    /// Its name; `entitlement:CODE` for an entitlement.
    pub term: String,
    /// What it was; null where there was none.
    pub before: serde_json::Value,
    /// What it becomes.
    pub after: serde_json::Value,
}

/// What a device gets after a change of its license, by the decision that it will meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOutlook {
    /// The seat.
    pub seat: SeatId,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// The person it belongs to.
    pub user: Option<Email>,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// When it learns of the change, with its next renewal; absent where it has missed its last one, so nobody knows.
    pub expected_at: Option<Timestamp>,
    /// How long it works without any server after that; absent where it is refused then.
    pub works_until: Option<Timestamp>,
}

/// What a change of a license did, or would do.
///
/// An answer that is kept for the repetition of a request may have been kept by a release whose answer was the license
/// alone, and may be read by one: so the license's members are its own, and the others can be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeOutcome {
    /// The license as it is after the change, whether or not that has been done.
    #[serde(flatten)]
    pub license: LicenseView,
    /// Term by term, what becomes another.
    #[serde(default)]
    pub changes: Vec<TermChange>,
    /// The devices that get other leases than before, where any do; at most 200.
    #[serde(default)]
    pub devices: Vec<DeviceOutlook>,
    /// How many seats are taken beyond what will be allowed. They stay taken.
    #[serde(default)]
    pub over_their_seats: u32,
    /// Who loses access and when.
    #[serde(default)]
    pub impact: Impact,
    /// Whether it has been done. Only what has been done is kept.
    #[serde(default = "done")]
    pub applied: bool,
}

const fn done() -> bool {
    true
}

/// A note about a license or a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteView {
    /// Its id.
    pub id: NoteId,
    /// The license it is about.
    pub license: Option<LicenseId>,
    /// The customer it is about.
    pub customer: Option<CustomerId>,
    /// Who wrote it.
    pub author: holdfast_domain::event::Actor,
    /// Whether that is whoever asks, who may change it.
    pub own: bool,
    /// What it says.
    pub text: NoteText,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub edited_at: Option<Timestamp>,
}
