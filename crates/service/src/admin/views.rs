//! What the management use cases answer: plain values that a program or a screen shows as they are.

use super::import::dates::DateOrder;
use holdfast_domain::{
    Code, CustomerId, Email, Entitlements, EventId, FactorId, ImportId, InvitationId, LicenseId, LicenseState,
    LicenseStatus, MemberId, Name, NoteId, NoteText, OrderId, Permission, PlanId, ProductId, ReasonText, Role, SeatId,
    SeatState, SessionId, Source, Terms, Timestamp, TokenId, VendorId,
};
use holdfast_store::orders::OrderStatus;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorView {
    /// Its id.
    pub id: VendorId,
    /// Its name.
    pub name: Name,
    /// The raw root public key that applications pin, base64url.
    pub root_public_key: String,
    /// When it was set up.
    pub created_at: Timestamp,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductView {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: Name,
    /// Its short name.
    pub code: Code,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its id.
    pub id: PlanId,
    /// Its product.
    pub product: ProductId,
    /// Its name.
    pub name: Name,
    /// Its short name.
    pub code: Code,
    /// What a license of it copies.
    pub terms: Terms,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed; grows with every change.
    // Answers that were kept by a release without it are still given.
    #[serde(default)]
    pub updated_at: Timestamp,
}

/// What applying a plan's terms to the licenses it has issued would do, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsOutcome {
    /// How many licenses of the plan have other terms.
    pub licenses: u64,
    /// How many of them would have more seats taken than the new terms allow; no seat that is taken is lost.
    pub over_their_seats: u64,
    /// Whether they have been changed.
    pub applied: bool,
}

/// What the history that is kept cannot say about other terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Of each device only the last renewal is kept, so not for how long it was away before.
    EarlierGaps,
    /// When a shared seat would have come back by itself under the other length of lease.
    WhenSharedSeatsCameBack,
    /// Applications ask for entitlements without a server.
    WhichEntitlementsWereAskedFor,
    /// How a plan is sold sets the end of licenses that are issued from then on; those that exist keep theirs.
    EndsStay,
    /// What a license with more devices than are read at once would have met.
    LargeLicenses,
    /// What a license with more claims and releases than are replayed would have met before the last ones of them.
    BusyLicenses,
}

/// A license that proposed terms would have hit, or hit as soon as they apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The license.
    pub license: LicenseId,
    /// The last four characters of its key.
    pub key_hint: String,
    /// Who holds it.
    pub customer: Option<CustomerId>,
    /// That customer's name, or address.
    pub customer_name: Option<String>,
    /// How many of its activations would have been refused.
    pub refused: u64,
    /// How many of its devices would have been left without a valid lease.
    pub ran_out: u64,
    /// When the first of the two would have happened.
    pub first_at: Option<Timestamp>,
    /// The device it would have happened to, where it gave a name.
    pub device: Option<String>,
    /// How many seats are taken now, and how many would be allowed, where those are fewer.
    pub over: Option<(u32, u32)>,
    /// The entitlements that it loses, or has with another value then: that value.
    pub lost: Vec<(String, Option<String>)>,
}

/// How proposed terms would have judged the last 90 days of a plan's licenses, or of a part of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// From when on.
    pub since: Timestamp,
    /// How many licenses of the plan were looked at.
    pub looked_at: u64,
    /// How many it has, or at least about so many.
    pub total: u64,
    /// Whether that is exact.
    pub total_exact: bool,
    /// Where to go on; absent where all were looked at.
    pub next: Option<String>,
    /// How many of those looked at would have other terms.
    pub changing: u64,
    /// How many would have more seats taken than allowed; no seat that is taken is lost.
    pub over_their_seats: u64,
    /// How many activations would have been refused.
    pub refused: u64,
    /// On how many licenses.
    pub licenses_refused: u64,
    /// How many devices would have been left without a valid lease.
    pub ran_out: u64,
    /// On how many licenses.
    pub licenses_ran_out: u64,
    /// How many licenses would have been hit in any of these ways, or lose entitlements.
    pub hit: u64,
    /// Those licenses; at most 100, whoever would have been refused or run out first.
    pub named: Vec<Replayed>,
    /// Entitlements that licenses lose or have changed, and on how many.
    pub lost: Vec<(String, u64)>,
    /// What the kept history cannot say.
    pub unknown: Vec<Unknown>,
}

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
    /// What happened to it and its seats, newest first; at most 100.
    pub timeline: Vec<EventView>,
    /// What whoever asks can undo of it, newest first.
    pub undo: Vec<UndoOffer>,
    /// Where it came from, where it was imported.
    pub migrated: Option<MigratedView>,
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

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its id.
    pub id: MemberId,
    /// The vendor.
    pub vendor: VendorId,
    /// The person's name.
    pub name: Name,
    /// The address.
    pub email: Email,
    /// What the person may do.
    pub role: Role,
    /// When the person last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// When the person lost the right to sign in.
    pub removed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Somebody who was invited and has not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// The address.
    pub email: Email,
    /// What the person is to be.
    pub role: Role,
    /// Who invited, or made the token that did; absent for the command line.
    pub invited_by: Option<MemberId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// Whether it can be accepted now.
    pub open: bool,
}

/// An invitation with the secret of its link, which is shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The invitation.
    pub invitation: InvitationView,
    /// What stands at the end of the link.
    pub secret: String,
}

impl fmt::Debug for NewInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// A link to a new password with its secret, which is shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewPasswordLink {
    /// Whose password.
    pub member: MemberView,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// What stands at the end of the link.
    pub secret: String,
}

impl fmt::Debug for NewPasswordLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPasswordLink").field("member", &self.member).finish_non_exhaustive()
    }
}

/// What whoever holds a link to a new password may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordLinkLook {
    /// Whose member they are.
    pub vendor: Name,
    /// Who.
    pub email: Email,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What whoever holds the link of an invitation may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationLook {
    /// Who invites.
    pub vendor: Name,
    /// Whom.
    pub email: Email,
    /// What they are to be.
    pub role: Role,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Through whom a vendor's people may sign in. The secret is never shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// The provider's address.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// The domains of the addresses that are let in.
    pub domains: Vec<String>,
    /// What people get who come for the first time.
    pub new_role: Option<Role>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorView {
    /// Its id.
    pub id: FactorId,
    /// Whether it is a passkey and not an app.
    pub passkey: bool,
    /// What its owner calls it.
    pub name: Name,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// The second factors of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorsView {
    /// The factors.
    pub factors: Vec<FactorView>,
    /// How many recovery codes are left.
    pub codes_left: i64,
    /// Whether the role needs one.
    pub required: bool,
    /// Until when the person may go on without.
    pub due_at: Option<Timestamp>,
}

/// A session of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id; not the secret.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub touched_at: Timestamp,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// From where the person signed in.
    pub origin: String,
    /// With what, in plain words; empty where it is not known.
    pub browser: String,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: Name,
    /// Its first characters.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Who made it, by hand or by a token of theirs; absent for the command line.
    pub created_by: Option<MemberId>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token with its secret, shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// The token.
    pub token: TokenView,
    /// The secret, `hf_sk_…`.
    pub secret: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token.id).finish_non_exhaustive()
    }
}

/// What the command line prints after setting up an installation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The vendor.
    pub vendor: VendorId,
    /// A token that may do everything. A secret, shown once.
    pub api_token: String,
    /// The raw root public key that applications pin, base64url.
    pub root_public_key: String,
}

impl std::fmt::Debug for Bootstrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bootstrapped").field("vendor", &self.vendor).finish_non_exhaustive()
    }
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

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Its id.
    pub id: EventId,
    /// Its place in the vendor's log.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: holdfast_domain::event::Actor,
    /// What happened.
    pub action: String,
    /// What it happened to: an id.
    pub subject: String,
    /// What was before and after.
    pub data: serde_json::Value,
    /// From where.
    pub origin: String,
    /// The request it came with.
    pub request: String,
}

/// An event, and how it stands in the chain of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDetail {
    /// The event.
    pub event: EventView,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// Whether that follows from what the event says and from the hash of the one before.
    pub holds: bool,
}

/// How far the walk along the audit log's chain has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainWalk {
    /// So far every event is the one that was written.
    SoFar {
        /// The number of the last event that was looked at.
        number: i64,
        /// The number of the last event there is.
        last: i64,
    },
    /// Every event is the one that was written, and none is missing.
    Whole {
        /// How many they are.
        events: i64,
        /// The hash of the last, hexadecimal.
        head: String,
    },
    /// The event of this number is missing or was changed.
    Broken {
        /// The first number at which the chain does not hold.
        number: i64,
    },
}

/// What walking a vendor's audit log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// How many events are as they were written, from the first on.
    pub events: i64,
    /// The number of the first event that is missing or was changed, where there is one.
    pub broken_at: Option<i64>,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// The file is being read and every row judged.
    Reading,
    /// Every row has its fate; waits for somebody's yes.
    Ready,
    /// Confirmed; licenses are being made.
    Running,
    /// Done.
    Done,
    /// Given up before it was done; nothing was changed.
    Cancelled,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFate {
    /// A license is made.
    Create,
    /// The license exists and is the same: nothing to do.
    Unchanged,
    /// The same key stands in an earlier row.
    Duplicate,
    /// A license with this key exists and is different.
    Conflict,
    /// The row cannot be imported.
    Error,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// Its id.
    pub id: ImportId,
    /// The file's name, where it had one.
    pub file_name: String,
    /// Which system's export it is.
    pub source: Source,
    /// The product that the licenses are for.
    pub product: ProductId,
    /// The plan of rows that name none.
    pub plan: Option<PlanId>,
    /// Where it stands.
    pub state: ImportState,
    /// The columns and what each means.
    pub columns: Vec<ColumnView>,
    /// In which order dates with slashes or dots are written, where somebody has said.
    pub dates: Option<DateOrder>,
    /// What is wrong with the mapping as a whole, where something is; then nothing can be confirmed.
    pub problem: Option<String>,
    /// What becomes of the rows.
    pub counts: ImportCounts,
    /// How many of the rows to be made are made ready; all of them become licenses in the same moment.
    pub progress: u64,
    /// How many of its licenses have arrived: of one that is done and looked at by itself.
    pub arrived: Option<ArrivedView>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
}

/// A column of an imported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnView {
    /// What the header row calls it.
    pub header: String,
    /// What it means: `key`, `email`, `name`, `product`, `plan`, `seats`, `expires_at`, `status`, `order`,
    /// `devices`, `entitlement:CODE` or `ignore`.
    pub field: String,
    /// The first values, to recognise it by.
    pub samples: Vec<String>,
}

/// How many rows meet which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// All rows.
    pub rows: u64,
    /// Licenses to be made.
    pub create: u64,
    /// Nothing to do.
    pub unchanged: u64,
    /// Repeated within the file.
    pub duplicate: u64,
    /// Different from the license that exists.
    pub conflict: u64,
    /// Not importable.
    pub error: u64,
    /// Rows of the file that are no licenses and among none of these: sales of something else, charges that follow.
    pub left_out: u64,
}

/// How many of an import's licenses are in use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivedView {
    /// The licenses it has made.
    pub licenses: u64,
    /// Those on which a device was ever activated.
    pub activated: u64,
}

impl ImportCounts {
    /// Rows that stand in the way of all or nothing.
    pub const fn in_the_way(&self) -> u64 {
        self.duplicate + self.conflict + self.error
    }
}

/// A row of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRowView {
    /// Its line in the file, the header being line 1.
    pub line: u64,
    /// What becomes of it.
    pub fate: RowFate,
    /// Why, where it is not imported.
    pub reason: Option<String>,
    /// The header of the column that is wrong.
    pub column: Option<String>,
    /// The key, all but its last four characters hidden.
    pub key: String,
    /// Who holds the license, as in the file.
    pub customer: String,
    /// The license that was made or found.
    pub license: Option<LicenseId>,
}
