//! Plans: how a product is sold, as the terms that a license copies when it is issued.

use crate::{
    entitlement::Entitlements,
    time::{Seconds, Timestamp},
};
use serde::{Deserialize, Serialize};

/// How long a license runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LicenseModel {
    /// Without end.
    Perpetual,
    /// For `duration`, renewable.
    Subscription {
        /// The length of one period.
        duration: Seconds,
    },
    /// For `duration`, once per device and product.
    Trial {
        /// From minutes to months.
        duration: Seconds,
    },
}

impl LicenseModel {
    /// The end of a license issued at `issued` under this model; `None` for a perpetual one.
    pub const fn end(self, issued: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Perpetual => None,
            Self::Subscription { duration } | Self::Trial { duration } => Some(issued.plus(duration)),
        }
    }
}

/// How places on a license are taken and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SeatModel {
    /// A seat stays with its device until released.
    NodeLocked,
    /// A seat is reclaimed when its lease ends.
    Floating,
    /// A seat belongs to an e-mail address.
    NamedUser {
        /// On how many devices one person may use it.
        devices: u32,
    },
}

/// The terms of a plan. A license carries a copy, so editing a plan never changes a license already issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How long the license runs.
    pub model: LicenseModel,
    /// How seats are taken.
    pub seat_model: SeatModel,
    /// The number of seats.
    pub seats: u32,
    /// How many seats beyond `seats` may be taken; each raises an alert and is shown to the vendor.
    #[serde(default)]
    pub overdraft: u32,
    /// The length of a lease proper: `soft` lies so long after `iat`.
    pub lease: Seconds,
    /// The grace after it: `exp` lies so long after `soft`.
    pub grace: Seconds,
    /// When a client is asked to renew, before jitter of a quarter either way.
    pub renew_after: Seconds,
    /// The longest time a floating seat can be borrowed for.
    #[serde(default = "Terms::default_borrow")]
    pub borrow: Seconds,
    /// How many seats of a license its holder may free from inside the application within 30 days.
    #[serde(default = "Terms::default_release_budget")]
    pub release_budget: u32,
    /// What the plan unlocks.
    #[serde(default)]
    pub entitlements: Entitlements,
    /// What remains when the license has run out; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Entitlements>,
}

/// How many entitlements a license can have.
pub const MOST_ENTITLEMENTS: usize = 64;

/// A set of terms contradicts itself or leaves the allowed range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// No seats at all, or more than a million with overdraft.
    #[error("seats must be between 1 and 1000000, overdraft included")]
    Seats,
    /// A named user without a device, or with more than 1 000.
    #[error("devices per user must be between 1 and 1000")]
    Devices,
    /// The lease is shorter than a minute or longer than ten years.
    #[error("the lease must last between 60 seconds and 10 years")]
    Lease,
    /// The grace is negative or longer than ten years.
    #[error("the grace must last between 0 seconds and 10 years")]
    Grace,
    /// The renewal attempt does not fall within the lease.
    #[error("renewal must be asked for at least 10 seconds after issue and before the lease ends")]
    RenewAfter,
    /// The license duration is shorter than a minute or longer than a hundred years.
    #[error("the duration must be between 1 minute and 100 years")]
    Duration,
    /// The longest borrowing is negative or longer than a year.
    #[error("borrowing must last between 0 seconds and 1 year")]
    Borrow,
    /// More entitlements than fit into a lease.
    #[error("at most 64 entitlements, with texts of at most 256 bytes")]
    Entitlements,
}

impl Terms {
    const TEN_YEARS: Seconds = Seconds::days(3_653);

    /// The defaults of the lease profile for `model` and `seat_model`, with one seat and no entitlements: renewal after
    /// a day, a lease of 14 days and 16 days of grace; for a floating seat renewal after a third of a 20-minute lease
    /// and no grace; for a trial no grace.
    pub fn defaults(model: LicenseModel, seat_model: SeatModel) -> Self {
        let (lease, grace, renew_after) = match (seat_model, model) {
            (SeatModel::Floating, _) => (Seconds::minutes(20), Seconds(0), Seconds(400)),
            (_, LicenseModel::Trial { duration }) => (duration, Seconds(0), Seconds(duration.0.clamp(40, 345_600) / 4)),
            _ => (Seconds::days(14), Seconds::days(16), Seconds::DAY),
        };
        Self {
            model,
            seat_model,
            seats: 1,
            overdraft: 0,
            lease,
            grace,
            renew_after,
            borrow: Self::default_borrow(),
            release_budget: Self::default_release_budget(),
            entitlements: Entitlements::new(),
            fallback: None,
        }
    }

    const fn default_borrow() -> Seconds {
        Seconds::days(7)
    }

    const fn default_release_budget() -> u32 {
        5
    }

    /// The greatest number of seats that may be taken at once.
    pub const fn seat_limit(&self) -> u32 {
        self.seats.saturating_add(self.overdraft)
    }

    /// These terms, if they make sense; otherwise the first thing wrong with them.
    pub fn checked(self) -> Result<Self, TermsError> {
        let within = |span: Seconds, from: Seconds, to: Seconds| span >= from && span <= to;
        if self.seats == 0 || self.seat_limit() > 1_000_000 {
            return Err(TermsError::Seats);
        }
        if matches!(self.seat_model, SeatModel::NamedUser { devices } if devices == 0 || devices > 1_000) {
            return Err(TermsError::Devices);
        }
        if !within(self.lease, Seconds::MINUTE, Self::TEN_YEARS) {
            return Err(TermsError::Lease);
        }
        if !within(self.grace, Seconds(0), Self::TEN_YEARS) {
            return Err(TermsError::Grace);
        }
        if !within(self.renew_after, Seconds(10), self.lease) {
            return Err(TermsError::RenewAfter);
        }
        if let LicenseModel::Subscription { duration } | LicenseModel::Trial { duration } = self.model
            && !within(duration, Seconds::MINUTE, Seconds::days(36_525))
        {
            return Err(TermsError::Duration);
        }
        if !within(self.borrow, Seconds(0), Seconds::days(366)) {
            return Err(TermsError::Borrow);
        }
        let sets = [Some(&self.entitlements), self.fallback.as_ref()];
        let fits = |set: &&Entitlements| {
            set.len() <= MOST_ENTITLEMENTS
                && set.values().all(|v| !matches!(v, crate::EntitlementValue::Text(text) if text.len() > 256))
        };
        if !sets.iter().flatten().all(fits) {
            return Err(TermsError::Entitlements);
        }
        Ok(self)
    }
}
