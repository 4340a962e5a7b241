//! What the customer screens show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{
        List, freshness::model::Safe, licenses::model::LicenseRow, lists::model::Listed, mail::model::Bounced,
        notes::model::NotesView,
    },
    ui::{TimelineEntry, When},
};

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// Its id.
    pub id: String,
    /// The name of the person or company, or what stands for it.
    pub name: String,
    /// The address.
    pub email: Option<String>,
    /// What the vendor's own system calls them.
    pub external: Option<String>,
    /// When it was made.
    pub created: When,
}

/// What the address asks of a customer's page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The customer.
    pub id: String,
    /// Which tab.
    #[serde(default)]
    pub tab: String,
    /// What the time line is narrowed to.
    #[serde(default)]
    pub told: String,
    /// The cursor.
    #[serde(default)]
    pub after: String,
}

/// A customer's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDetail {
    /// The customer.
    pub customer: CustomerRow,
    /// That the last mail to them came back.
    pub bounced: Option<Bounced>,
    /// What the open tab shows.
    pub part: Part,
    /// Whether this person may change it.
    pub may_write: bool,
    /// Whether this person may issue licenses.
    pub may_issue: bool,
}

/// What a tab of a customer's page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The customer as a whole.
    Overview(Box<Overview>),
    /// Their orders, as the list of orders shows them.
    Orders(Box<Listed>),
    /// Their devices, as the list of seats shows them.
    Devices(Box<Listed>),
    /// What happened to them and to what they bought, and what is said where that is not all.
    Timeline(List<TimelineEntry>, Option<String>),
}

/// A customer as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// What the customer holds.
    pub licenses: List<LicenseRow>,
    /// How many seats are taken of those that their active licenses have; absent where there are more than a page of those.
    pub seats: Option<(u64, u64)>,
    /// How long this customer's computers go on by themselves, where any holds a lease.
    pub safe: Option<Safe>,
    /// Who comes in to the portal for them, whoever came last first.
    pub people: First<PersonRow>,
    /// To whom seats were handed out who have no device yet, those first to whom it was last.
    pub without_device: First<WithoutDeviceRow>,
    /// What was noted.
    pub notes: NotesView,
    /// What happened last.
    pub timeline: Vec<TimelineEntry>,
}

/// The first of something, and what is said where there are more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First<T> {
    /// So many as are shown.
    pub rows: Vec<T>,
    /// What is said of the others.
    pub more: Option<String>,
}

/// Somebody who comes in to the portal for a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Their address.
    pub email: String,
    /// Their name, where it is known.
    pub name: Option<String>,
    /// Whether they are an administrator.
    pub administrator: bool,
    /// When they last came.
    pub seen: Option<When>,
}

/// A seat that was handed out to somebody who has no device on it yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithoutDeviceRow {
    /// Their address.
    pub email: String,
    /// The license.
    pub license: String,
    /// The last characters of its key.
    pub key_hint: String,
    /// What its product is called.
    pub product: String,
    /// When it was handed out.
    pub since: When,
}
