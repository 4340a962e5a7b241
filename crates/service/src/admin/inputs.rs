//! What the management use cases take: typed, so that what arrives here is already well-formed.

use holdfast_domain::{
    Code, CustomerId, DeviceHash, Email, Entitlements, EventId, ImportId, LicenseId, LicenseState, MemberId, Name,
    OrderId, Permission, PlanId, ProductId, ReasonText, Role, SeatState, Terms, Timestamp, license::StatusChange,
};
pub use holdfast_store::licenses::SeatsTaken;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A password as typed. Never shown by `Debug`, never stored.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// From what was typed.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// What was typed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// First-run set-up: the first vendor and its owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupInput {
    /// The one-time code from the server's log.
    pub code: String,
    /// The vendor's name.
    pub vendor: Name,
    /// The owner's address.
    pub email: Email,
    /// The owner's password.
    pub password: Password,
}

/// The same from the command line, where a shell on the machine stands for the code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapInput {
    /// The vendor's name.
    pub vendor: Name,
    /// The owner's address.
    pub email: Email,
    /// The owner's password.
    pub password: Password,
}

/// E-mail and password, as typed: what is not even an address fails like a wrong one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Password,
}

/// A new product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    /// Its name.
    pub name: Name,
    /// Its short name, unique within the vendor.
    pub code: Code,
}

/// What to change about a product; absent members stay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateProduct {
    /// A new name.
    pub name: Option<Name>,
    /// Whether it is archived: hidden from choice, its licenses untouched.
    pub archived: Option<bool>,
}

/// A new plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    /// The product it is a way to buy.
    pub product: ProductId,
    /// Its name.
    pub name: Name,
    /// Its short name, unique within the product; part of every lease.
    pub code: Code,
    /// What a license of it copies.
    pub terms: Terms,
}

/// What to change about a plan; absent members stay. Licenses already issued keep their copy of the old terms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdatePlan {
    /// A new name.
    pub name: Option<Name>,
    /// New terms for licenses issued from now on.
    pub terms: Option<Terms>,
    /// Whether it is archived: hidden from choice, its licenses untouched.
    pub archived: Option<bool>,
    /// When what was looked at had been changed last: a plan that was changed since is left as it is.
    pub seen: Option<Timestamp>,
}

/// How a plan's present terms are given to the licenses it has issued.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyTerms {
    /// Licenses with this number of seats get the plan's; others keep theirs, which was bought.
    pub seats_from: Option<u32>,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// Which plans to list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PlanFilter {
    /// Of one product only.
    pub product: Option<ProductId>,
    /// Only archived ones, or only others.
    pub archived: Option<bool>,
    /// Only those with this in their name or short name.
    pub q: Option<String>,
}

/// A new customer. A name or an address is needed; an address stands in for a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CreateCustomer {
    /// The name of the person or company.
    pub name: Option<Name>,
    /// The address, unique within the vendor.
    pub email: Option<Email>,
    /// What the vendor's own system calls them, unique within the vendor.
    pub external_id: Option<Name>,
}

/// What to change about a customer; absent members stay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateCustomer {
    /// A new name.
    pub name: Option<Name>,
    /// A new address.
    pub email: Option<Email>,
    /// Another name in the vendor's own system.
    pub external_id: Option<Name>,
}

/// A new order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateOrder {
    /// The payment provider's number, unique within the vendor.
    pub reference: Name,
    /// Who bought.
    #[serde(default)]
    pub customer: Option<CustomerId>,
}

/// Who holds a new license.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum CustomerChoice {
    /// One that exists.
    Existing(CustomerId),
    /// One to be found by address, or created.
    New(CreateCustomer),
}

/// A new license.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueLicense {
    /// The plan whose terms it copies.
    pub plan: PlanId,
    /// Who holds it.
    #[serde(default)]
    pub customer: Option<CustomerChoice>,
    /// The order it was bought with.
    #[serde(default)]
    pub order: Option<OrderId>,
    /// Its end, instead of the one that the plan's model gives.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The number of seats, instead of the plan's.
    #[serde(default)]
    pub seats: Option<u32>,
    /// Entitlements that replace or add to the plan's.
    #[serde(default)]
    pub overrides: Entitlements,
    /// A key of another system, instead of a generated one.
    #[serde(default)]
    pub key: Option<String>,
    /// The device on which the product was tried. Its trial becomes this license, and keeps its key and its seat; where it
    /// has none that can, a new license is issued.
    #[serde(default)]
    pub device: Option<DeviceHash>,
}

/// Where a vendor's portal is and how it looks, all but its picture. What is absent or empty is as usual.
#[derive(Clone, Debug, Default)]
pub struct SetPortal {
    /// What stands in its address in place of the vendor's id.
    pub short_name: Option<Code>,
    /// The host name that leads to it.
    pub domain: Option<String>,
    /// The host name by which whoever asks has come here, which stays theirs.
    pub here: Option<String>,
    /// What it is called, instead of the vendor's name.
    pub name: Option<Name>,
    /// The accent colour, `#rrggbb`.
    pub accent: Option<String>,
    /// What stands at the way in.
    pub welcome: Option<String>,
    /// What stands below every page.
    pub help: Option<String>,
}

/// Where licenses of a plan are renewed and upgraded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanLinks {
    /// An https address.
    pub renew: Option<String>,
    /// An https address.
    pub upgrade: Option<String>,
}

/// A trial that becomes a license that was bought.
#[derive(Clone, Debug)]
pub struct ConvertTrial {
    /// The plan whose terms it copies.
    pub plan: PlanId,
    /// Who holds it.
    pub customer: Option<CustomerChoice>,
    /// The order it was bought with.
    pub order: Option<OrderId>,
    /// Its end, instead of the one that the plan's model gives.
    pub expires_at: Option<Timestamp>,
    /// The number of seats, instead of the plan's.
    pub seats: Option<u32>,
    /// Entitlements that replace or add to the plan's.
    pub overrides: Entitlements,
    /// Why; kept in the audit log.
    pub reason: Option<ReasonText>,
}

impl From<IssueLicense> for ConvertTrial {
    fn from(input: IssueLicense) -> Self {
        let IssueLicense { plan, customer, order, expires_at, seats, overrides, key: _, device: _ } = input;
        Self { plan, customer, order, expires_at, seats, overrides, reason: None }
    }
}

impl IssueLicense {
    /// A license of `plan`, everything else as the plan says.
    pub fn of(plan: PlanId) -> Self {
        Self {
            plan,
            customer: None,
            order: None,
            expires_at: None,
            seats: None,
            overrides: Entitlements::new(),
            key: None,
            device: None,
        }
    }
}

/// What to change about a license; absent members stay. No seat that is taken is lost by it.
#[derive(Clone, Debug, Default)]
pub struct UpdateLicense {
    /// Another plan of the same product, with its terms.
    pub plan: Option<PlanId>,
    /// A new number of seats; with another plan, instead of that plan's.
    pub seats: Option<u32>,
    /// All overrides anew.
    pub overrides: Option<Entitlements>,
    /// Another end, or none. An earlier one ends access as revoking does, and takes the same right.
    pub expires_at: Option<Option<Timestamp>>,
    /// The version that was looked at: another one is left as it is.
    pub seen: Option<i64>,
    /// Why; kept in the audit log.
    pub reason: Option<ReasonText>,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// An act to be undone.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The event that tells of it.
    pub event: EventId,
    /// Why; kept in the audit log.
    pub reason: ReasonText,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// Which licenses to list. All conditions hold at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LicenseFilter {
    /// Those that stand so now.
    pub state: Option<LicenseState>,
    /// Those of a product.
    pub product: Option<ProductId>,
    /// Those of a plan.
    pub plan: Option<PlanId>,
    /// Those of a customer.
    pub customer: Option<CustomerId>,
    /// Those of an order.
    pub order: Option<OrderId>,
    /// Those that end then or later.
    pub ends_after: Option<Timestamp>,
    /// Those that end before then, and, without the other bound, have not ended yet.
    pub ends_before: Option<Timestamp>,
    /// Those issued then or later.
    pub issued_after: Option<Timestamp>,
    /// Those issued before then.
    pub issued_before: Option<Timestamp>,
    /// Those that one import made.
    pub import: Option<ImportId>,
    /// Those that a device was ever activated with, or the others.
    pub activated: Option<bool>,
    /// Those activated once of which no device was heard since then, to the hour.
    pub not_seen_since: Option<Timestamp>,
    /// Those with so many seats taken.
    pub seats: Option<SeatsTaken>,
    /// A whole key, the last four characters of one, an id, or a part of the customer's name or e-mail, of the order's
    /// number, or of the name or user of a device.
    pub q: Option<String>,
}

impl LicenseFilter {
    /// The same for the store.
    pub(crate) fn rows(self) -> holdfast_store::licenses::LicenseFilter {
        holdfast_store::licenses::LicenseFilter {
            state: self.state,
            product: self.product,
            plan: self.plan,
            customer: self.customer,
            order: self.order,
            ends_after: self.ends_after,
            ends_before: self.ends_before,
            issued_after: self.issued_after,
            issued_before: self.issued_before,
            import: self.import,
            activated: self.activated,
            not_seen_since: self.not_seen_since,
            seats: self.seats,
            ids: None,
            q: self.q,
        }
    }
}

/// A step of a license's status, with what the act needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeStatus {
    /// Which step.
    pub change: StatusChange,
    /// Why; kept in the audit log.
    pub reason: ReasonText,
    /// From when running seats lose their rights; absent for at once. Not in the past.
    #[serde(default)]
    pub effective_at: Option<Timestamp>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// A later end for a license.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendLicense {
    /// The new end, after the present one; absent for a license without end.
    pub expires_at: Option<Timestamp>,
    /// Why; kept in the audit log.
    pub reason: ReasonText,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
}

/// A new key for a license; the old one is unknown from then on, running seats go on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rekey {
    /// Why; kept in the audit log.
    pub reason: ReasonText,
}

/// Another holder for a license.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Who holds it from now on.
    pub customer: CustomerChoice,
    /// Why; kept in the audit log.
    pub reason: ReasonText,
}

/// Which seats to list. All conditions hold at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeatFilter {
    /// Of one license.
    pub license: Option<LicenseId>,
    /// Of one product.
    pub product: Option<ProductId>,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// Taken ones, or given-up ones.
    pub state: Option<SeatState>,
    /// Not seen since then.
    pub not_seen_since: Option<Timestamp>,
    /// On this platform, as the application calls it.
    pub platform: Option<String>,
    /// A part of the device's name or of who sits there, of the customer's name or e-mail, or the last four characters of
    /// the key.
    pub q: Option<String>,
}

impl SeatFilter {
    /// The same for the store.
    pub(crate) fn rows(self) -> holdfast_store::seats::SeatFilter {
        holdfast_store::seats::SeatFilter {
            license: self.license,
            product: self.product,
            customer: self.customer,
            state: self.state,
            not_seen_since: self.not_seen_since,
            platform: self.platform,
            q: self.q,
        }
    }
}

/// Somebody to be invited.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    /// The address.
    pub email: Email,
    /// What the person is to be.
    pub role: Role,
}

/// Through whom a vendor's people are to sign in.
#[derive(Clone, Debug)]
pub struct SetProvider {
    /// The provider's address.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we prove ourselves with; empty to keep the one that is set.
    pub secret: Password,
    /// The domains of the addresses that are let in.
    pub domains: Vec<String>,
    /// What people get who come for the first time; absent where only those come in who are members or invited.
    pub new_role: Option<Role>,
}

/// What somebody who was invited brings.
#[derive(Clone, Debug)]
pub struct AcceptInvitation {
    /// Their name.
    pub name: Name,
    /// Their password.
    pub password: Password,
}

/// A new API token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    pub name: Name,
    /// What it may do: at most what its maker may.
    pub scopes: Vec<Permission>,
    /// When it ends; absent for a token without end.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Which events to list. All conditions hold at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFilter {
    /// Of one subject: an id's text form.
    pub subject: Option<String>,
    /// Of one member.
    pub member: Option<MemberId>,
    /// Of one kind, for example `license.revoked`.
    pub action: Option<String>,
    /// Not before then.
    pub since: Option<Timestamp>,
    /// Before then.
    pub before: Option<Timestamp>,
}
