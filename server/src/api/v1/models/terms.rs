//! The terms of plans and licenses, with lengths of time in seconds.

use holdfast_domain::{Entitlements, LicenseModel, SeatModel, Seconds, Terms};
use holdfast_service::{Error, admin::views::TermsOutcome};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How long a license runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelName {
    /// Without end.
    Perpetual,
    /// For `duration_seconds`, renewable.
    Subscription,
    /// For `duration_seconds`, once per device.
    Trial,
}

/// How seats are taken and given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatModelName {
    /// A seat stays until released.
    NodeLocked,
    /// A seat is reclaimed when its lease ends.
    Floating,
    /// A seat belongs to a person, on up to `devices_per_user` devices.
    NamedUser,
}

/// What a license is copied from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Terms)]
pub struct TermsModel {
    /// How long a license runs.
    pub model: ModelName,
    /// For how long, where it has an end.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// How seats are taken and given back.
    pub seat_model: SeatModelName,
    /// On how many devices a person may use it, for named users.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices_per_user: Option<u32>,
    /// The number of seats.
    pub seats: u32,
    /// How many seats beyond that may be taken.
    pub overdraft: u32,
    /// The length of a lease proper.
    pub lease_seconds: i64,
    /// The grace after it.
    pub grace_seconds: i64,
    /// After what time a client is asked to renew.
    pub renew_after_seconds: i64,
    /// The longest time a floating seat can be borrowed for.
    pub borrow_seconds: i64,
    /// How many seats may be freed from inside the application within 30 days.
    pub release_budget: u32,
    /// What it unlocks: code to `true`, an integer or a text.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub entitlements: Entitlements,
    /// What remains when the license has run out.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Entitlements>,
}

impl From<Terms> for TermsModel {
    fn from(terms: Terms) -> Self {
        let (model, duration_seconds) = match terms.model {
            LicenseModel::Perpetual => (ModelName::Perpetual, None),
            LicenseModel::Subscription { duration } => (ModelName::Subscription, Some(duration.0)),
            LicenseModel::Trial { duration } => (ModelName::Trial, Some(duration.0)),
        };
        let (seat_model, devices_per_user) = match terms.seat_model {
            SeatModel::NodeLocked => (SeatModelName::NodeLocked, None),
            SeatModel::Floating => (SeatModelName::Floating, None),
            SeatModel::NamedUser { devices } => (SeatModelName::NamedUser, Some(devices)),
        };
        Self {
            model,
            duration_seconds,
            seat_model,
            devices_per_user,
            seats: terms.seats,
            overdraft: terms.overdraft,
            lease_seconds: terms.lease.0,
            grace_seconds: terms.grace.0,
            renew_after_seconds: terms.renew_after.0,
            borrow_seconds: terms.borrow.0,
            release_budget: terms.release_budget,
            entitlements: terms.entitlements,
            fallback: terms.fallback,
        }
    }
}

/// Terms as they are given: whatever is absent has the default of its model, or, in a change, stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TermsInput {
    /// How long a license runs; `perpetual` where absent.
    #[schema(required = false)]
    pub model: Option<ModelName>,
    /// For how long, for a subscription or a trial.
    #[schema(required = false)]
    pub duration_seconds: Option<i64>,
    /// How seats are taken and given back; `node_locked` where absent.
    #[schema(required = false)]
    pub seat_model: Option<SeatModelName>,
    /// On how many devices a person may use it, for named users; 2 where absent.
    #[schema(required = false)]
    pub devices_per_user: Option<u32>,
    /// The number of seats; 1 where absent.
    #[schema(required = false)]
    pub seats: Option<u32>,
    /// How many seats beyond that may be taken; 0 where absent.
    #[schema(required = false)]
    pub overdraft: Option<u32>,
    /// The length of a lease proper.
    #[schema(required = false)]
    pub lease_seconds: Option<i64>,
    /// The grace after it.
    #[schema(required = false)]
    pub grace_seconds: Option<i64>,
    /// After what time a client is asked to renew.
    #[schema(required = false)]
    pub renew_after_seconds: Option<i64>,
    /// The longest time a floating seat can be borrowed for.
    #[schema(required = false)]
    pub borrow_seconds: Option<i64>,
    /// How many seats may be freed from inside the application within 30 days.
    #[schema(required = false)]
    pub release_budget: Option<u32>,
    /// What it unlocks: code to `true`, an integer or a text.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required = false)]
    pub entitlements: Option<Entitlements>,
    /// What remains when the license has run out; null for nothing.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required = false)]
    pub fallback: Option<Option<Entitlements>>,
}

/// A member that is there, even if it is null.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TermsInput {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The terms of a new plan, or `old` with what is given here in its place. `at` is where these terms stand in the
    /// request, for pointers.
    pub fn terms(self, old: Option<Terms>, at: &str) -> Result<Terms, Error> {
        let old_model = old.as_ref().map(|terms| terms.model);
        let old_duration = match old_model {
            Some(LicenseModel::Subscription { duration } | LicenseModel::Trial { duration }) => Some(duration.0),
            _ => None,
        };
        let duration = || {
            let missing = || Error::invalid(format!("{at}/duration_seconds"), "this model needs a duration");
            self.duration_seconds.or(old_duration).map(Seconds).ok_or_else(missing)
        };
        let old_name = old_model.map(|model| match model {
            LicenseModel::Perpetual => ModelName::Perpetual,
            LicenseModel::Subscription { .. } => ModelName::Subscription,
            LicenseModel::Trial { .. } => ModelName::Trial,
        });
        let model = match self.model.or(old_name).unwrap_or(ModelName::Perpetual) {
            ModelName::Perpetual => LicenseModel::Perpetual,
            ModelName::Subscription => LicenseModel::Subscription { duration: duration()? },
            ModelName::Trial => LicenseModel::Trial { duration: duration()? },
        };
        if model == LicenseModel::Perpetual && self.duration_seconds.is_some() {
            let detail = "a perpetual license has no duration; give `model` as `subscription` or `trial`";
            return Err(Error::invalid(format!("{at}/duration_seconds"), detail));
        }
        let old_seats = old.as_ref().map(|terms| terms.seat_model);
        let seat_model = match (self.seat_model, old_seats) {
            (Some(SeatModelName::NodeLocked), _) | (None, None) => SeatModel::NodeLocked,
            (Some(SeatModelName::Floating), _) => SeatModel::Floating,
            (Some(SeatModelName::NamedUser), _) => SeatModel::NamedUser { devices: self.devices_per_user.unwrap_or(2) },
            (None, Some(SeatModel::NamedUser { devices })) => {
                SeatModel::NamedUser { devices: self.devices_per_user.unwrap_or(devices) }
            }
            (None, Some(seat_model)) => seat_model,
        };
        let mut terms = old.unwrap_or_else(|| Terms::defaults(model, seat_model));
        terms.model = model;
        terms.seat_model = seat_model;
        let set = |slot: &mut Seconds, value: Option<i64>| {
            if let Some(value) = value {
                *slot = Seconds(value);
            }
        };
        set(&mut terms.lease, self.lease_seconds);
        set(&mut terms.grace, self.grace_seconds);
        set(&mut terms.renew_after, self.renew_after_seconds);
        set(&mut terms.borrow, self.borrow_seconds);
        // A lease shorter than the usual pause is renewed after half of it.
        if self.renew_after_seconds.is_none() && terms.renew_after >= terms.lease {
            terms.renew_after = Seconds(terms.lease.0 / 2);
        }
        terms.seats = self.seats.unwrap_or(terms.seats);
        terms.overdraft = self.overdraft.unwrap_or(terms.overdraft);
        terms.release_budget = self.release_budget.unwrap_or(terms.release_budget);
        terms.entitlements = self.entitlements.unwrap_or(terms.entitlements);
        terms.fallback = self.fallback.unwrap_or(terms.fallback);
        terms.checked().map_err(|error| Error::invalid(at, error))
    }
}

/// What applying a plan's terms to the licenses it has issued would do, or did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TermsOutcome)]
pub struct TermsOutcomeModel {
    /// How many licenses have other terms.
    pub licenses: u64,
    /// How many of them would have more seats taken than the new terms allow; nobody loses one.
    pub over_their_seats: u64,
    /// Whether it was done.
    pub applied: bool,
}

impl From<TermsOutcome> for TermsOutcomeModel {
    fn from(outcome: TermsOutcome) -> Self {
        let TermsOutcome { licenses, over_their_seats, applied, .. } = outcome;
        Self { licenses, over_their_seats, applied }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(json: serde_json::Value) -> TermsInput {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_absent_has_a_default_and_in_a_change_stays() {
        let plain = input(serde_json::json!({})).terms(None, "").unwrap();
        assert_eq!(plain, Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked));
        let subscription = serde_json::json!({"model": "subscription", "duration_seconds": 31_536_000, "seats": 5});
        let year = input(subscription).terms(None, "").unwrap();
        assert_eq!(year.seats, 5);
        let changed = input(serde_json::json!({"seats": 6})).terms(Some(year.clone()), "").unwrap();
        assert_eq!(changed, Terms { seats: 6, ..year });
        let short = input(serde_json::json!({"lease_seconds": 600, "grace_seconds": 0})).terms(None, "").unwrap();
        assert_eq!(short.renew_after, Seconds(300));
        assert_eq!(TermsModel::from(changed).duration_seconds, Some(31_536_000));
    }

    #[test]
    fn contradictions_are_named() {
        for (json, pointer) in [
            (serde_json::json!({"model": "trial"}), "/terms/duration_seconds"),
            (serde_json::json!({"duration_seconds": 5}), "/terms/duration_seconds"),
            (serde_json::json!({"seats": 0}), "/terms"),
        ] {
            assert_eq!(input(json).terms(None, "/terms").unwrap_err().pointer.as_deref(), Some(pointer));
        }
    }
}
