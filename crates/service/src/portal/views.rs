//! What people of a customer see: plain values, none of which tells of another customer or of the vendor's own affairs.

use crate::admin::views::SeatView;
use holdfast_domain::{
    Code, CustomerId, CustomerPersonId, CustomerRole, Email, Entitlements, LicenseId, LicenseModel, LicenseState, Name,
    OrderId, SeatModel, SessionId, Timestamp, VendorId,
};
use holdfast_store::orders::OrderStatus;
use serde::{Deserialize, Serialize};

/// How a vendor's portal looks: what everybody may know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalLook {
    /// The vendor.
    pub vendor: VendorId,
    /// What stands in the portal's address: the short name, or the vendor's id.
    pub path: String,
    /// What it is called.
    pub name: Name,
    /// The accent colour, `#rrggbb`.
    pub accent: Option<String>,
    /// What the address of its picture ends in, where there is one.
    pub logo: Option<String>,
    /// The host name that leads to it.
    pub domain: Option<String>,
    /// What stands at the way in.
    pub welcome: Option<String>,
    /// What stands below every page.
    pub help: Option<String>,
    /// Whether mail leaves here: without it, only a license's key opens anything.
    pub mail: bool,
}

/// What a vendor has set for its portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalSettings {
    /// How it looks with that.
    pub look: PortalLook,
    /// The short name that was chosen.
    pub short_name: Option<Code>,
    /// The name that was chosen.
    pub name: Option<Name>,
}

/// Who is in the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MyselfView {
    /// Their address; absent for whoever a license's key let in.
    pub email: Option<Email>,
    /// What they are there.
    pub role: Option<CustomerRole>,
    /// Their company.
    pub company: Name,
    /// Other companies of theirs at the same vendor.
    pub others: Vec<(CustomerId, Name)>,
}

/// A license as its holder sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MyLicense {
    /// Its id.
    pub id: LicenseId,
    /// What it is for.
    pub product: Name,
    /// What was bought.
    pub plan: Name,
    /// The last four characters of its key.
    pub key_hint: String,
    /// How it stands.
    pub state: LicenseState,
    /// From when on devices are refused, where it was suspended or revoked for later.
    pub effective_at: Option<Timestamp>,
    /// How long it runs.
    pub model: LicenseModel,
    /// Its end; absent for a perpetual one.
    pub expires_at: Option<Timestamp>,
    /// How places on it are taken.
    pub seat_model: SeatModel,
    /// How many places it has.
    pub seats: u32,
    /// How many are taken.
    pub seats_taken: u32,
    /// What it unlocks now.
    pub entitlements: Entitlements,
    /// What is left of it when it has run out; absent where nothing is.
    pub fallback: Option<Entitlements>,
    /// The payment provider's number of its order.
    pub order: Option<String>,
    /// Where it is renewed.
    pub renew: Option<String>,
    /// Where it is upgraded.
    pub upgrade: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// Everything about a license that its holder sees.
#[derive(Clone, Debug, PartialEq)]
pub struct MyLicenseDetail {
    /// The license.
    pub license: MyLicense,
    /// Its taken seats, those seen last first; at most 200.
    pub seats: Vec<SeatView>,
    /// Whether there are more.
    pub more: bool,
    /// Who has a seat, by address, where seats belong to people.
    pub holders: Vec<Holder>,
    /// How many more seats may be freed within the plan's budget, and how many it allows in 30 days.
    pub releases: (u32, u32),
}

/// Somebody who has a seat of a license for named users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Their address.
    pub email: Email,
    /// When the seat was handed out; absent for whoever took it by activating.
    pub handed_out_at: Option<Timestamp>,
    /// On how many devices they use it.
    pub devices: u32,
    /// When one of those was last heard of.
    pub last_seen: Option<Timestamp>,
}

/// A seat of a license of one's own.
#[derive(Clone, Debug, PartialEq)]
pub struct MySeat {
    /// The license.
    pub license: MyLicense,
    /// The seat.
    pub seat: SeatView,
    /// Whether its device signs its renewals itself, so that no lease is fetched for it.
    pub signs_itself: bool,
    /// How many more seats may be freed within the plan's budget, and how many it allows in 30 days.
    pub releases: (u32, u32),
}

/// Somebody who has a seat, with their devices.
#[derive(Clone, Debug, PartialEq)]
pub struct MyHolder {
    /// The license.
    pub license: MyLicense,
    /// Who.
    pub holder: Holder,
    /// Their devices, at most 1000.
    pub seats: Vec<SeatView>,
    /// How many more seats may be freed within the plan's budget, and how many it allows in 30 days.
    pub releases: (u32, u32),
}

/// An order as the buyer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyOrder {
    /// Its id.
    pub id: OrderId,
    /// The payment provider's number.
    pub reference: String,
    /// How it stands.
    pub status: OrderStatus,
    /// What came with it and is still the buyer's: the first licenses, and what they are called.
    pub licenses: Vec<(LicenseId, String)>,
    /// Whether there are more.
    pub more: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid back.
    pub refunded_at: Option<Timestamp>,
}

/// A person of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// Their id.
    pub id: CustomerPersonId,
    /// Their address.
    pub email: Email,
    /// Their name, where it is known.
    pub name: Option<Name>,
    /// What they are there.
    pub role: CustomerRole,
    /// Whether it is whoever asks.
    pub own: bool,
    /// Whether it is the address under which the vendor knows the company: always an administrator.
    pub main: bool,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub signed_in_at: Option<Timestamp>,
}

/// A session of the person who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalSessionView {
    /// Its id; not the secret.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub touched_at: Timestamp,
    /// When it ends unless it is used.
    pub ends_at: Timestamp,
    /// From where they signed in.
    pub origin: String,
    /// With what, in plain words.
    pub browser: String,
}

/// A lease to carry to a computer.
#[derive(Clone, PartialEq, Eq)]
pub struct MyLease {
    /// What the file is called.
    pub file_name: String,
    /// What is in it: what the application takes in as the answer to an offline request.
    pub document: String,
}

/// The plan's short name, for file names.
pub(super) fn slug(code: &Code) -> String {
    code.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}
