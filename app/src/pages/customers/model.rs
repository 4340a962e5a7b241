//! What the customer screens show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{List, freshness::model::Safe, licenses::model::LicenseRow, mail::model::Bounced, notes::model::NotesView},
    ui::When,
};

/// A customer in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRow {
    /// Its id.
    pub id: String,
    /// The name of the person or company, or what stands for it.
    pub name: String,
    /// The address.
    pub email: Option<String>,
    /// When it was made.
    pub created: When,
}

/// Everything about a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDetail {
    /// The customer.
    pub customer: CustomerRow,
    /// What the customer holds.
    pub licenses: List<LicenseRow>,
    /// How long this customer's computers go on by themselves, where any holds a lease.
    pub safe: Option<Safe>,
    /// What was noted.
    pub notes: NotesView,
    /// That the last mail to them came back.
    pub bounced: Option<Bounced>,
    /// Whether this person may change it.
    pub may_write: bool,
    /// Whether this person may issue licenses.
    pub may_issue: bool,
}
