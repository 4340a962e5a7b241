//! Licenses: what a customer holds.

use crate::{
    entitlement::Entitlements,
    id::{CustomerId, LicenseId, OrderId, PlanId, ProductId, VendorId},
    plan::Terms,
    text::{Code, Reason},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The stored status. Expiry is derived from `expires_at`, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenseStatus {
    /// In force.
    Active,
    /// Paused; may come back.
    Suspended,
    /// Withdrawn; comes back only by reinstatement.
    Revoked,
}

/// What may be done to a license's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusChange {
    /// `active` to `suspended`.
    Suspend,
    /// `suspended` to `active`.
    Resume,
    /// `active` or `suspended` to `revoked`.
    Revoke,
    /// `revoked` to `active`.
    Reinstate,
}

impl LicenseStatus {
    /// The status after `change`, or `None` where the vocabulary has no such step ("License status").
    pub const fn after(self, change: StatusChange) -> Option<Self> {
        match (self, change) {
            (Self::Active, StatusChange::Suspend) => Some(Self::Suspended),
            (Self::Suspended, StatusChange::Resume) | (Self::Revoked, StatusChange::Reinstate) => Some(Self::Active),
            (Self::Active | Self::Suspended, StatusChange::Revoke) => Some(Self::Revoked),
            _ => None,
        }
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }

    /// The status of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Revoked].into_iter().find(|status| status.as_str() == name)
    }
}

/// How a license stands at a moment: its status, or expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenseState {
    /// In force.
    Active,
    /// Paused.
    Suspended,
    /// Withdrawn.
    Revoked,
    /// In force but past its end.
    Expired,
}

/// What a customer holds, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Its id.
    pub id: LicenseId,
    /// The vendor that issued it.
    pub vendor: VendorId,
    /// The product it is for.
    pub product: ProductId,
    /// The plan it was issued under.
    pub plan: PlanId,
    /// That plan's code at the time of issue.
    pub plan_code: Code,
    /// Who holds it.
    pub customer: Option<CustomerId>,
    /// The order it was bought with.
    pub order: Option<OrderId>,
    /// Whether it is in force.
    pub status: LicenseStatus,
    /// Why it is not, as the person typed who decided so.
    pub status_reason: Option<Reason>,
    /// From when a suspension or revocation takes effect; absent for at once.
    pub status_effective_at: Option<Timestamp>,
    /// Its own copy of the plan's terms.
    pub terms: Terms,
    /// Entitlements that replace or add to those of the terms.
    pub overrides: Entitlements,
    /// Its end; absent for a perpetual one.
    pub expires_at: Option<Timestamp>,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl License {
    /// How the license stands at `now`. A suspension or revocation counts from the moment it is decided, whatever the
    /// date it takes effect for running seats.
    pub fn state(&self, now: Timestamp) -> LicenseState {
        match self.status {
            LicenseStatus::Suspended => LicenseState::Suspended,
            LicenseStatus::Revoked => LicenseState::Revoked,
            LicenseStatus::Active if self.expires_at.is_some_and(|end| now >= end) => LicenseState::Expired,
            LicenseStatus::Active => LicenseState::Active,
        }
    }

    /// What the license unlocks at `now`, as far as its end goes: past it, what its plan leaves.
    pub fn entitlements_at(&self, now: Timestamp) -> Entitlements {
        if self.expires_at.is_some_and(|end| now >= end) {
            self.terms.fallback.clone().unwrap_or_default()
        } else {
            self.entitlements()
        }
    }

    /// What the license unlocks while it is in force: the terms' entitlements, with the overrides in their place.
    pub fn entitlements(&self) -> Entitlements {
        let mut all = self.terms.entitlements.clone();
        all.extend(self.overrides.iter().map(|(code, value)| (code.clone(), value.clone())));
        all
    }
}
