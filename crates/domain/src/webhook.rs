//! What webhooks are told, and which of it one wants.

use crate::role::Permission;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Everything that a webhook can be told, with what it means. All of it but alerts are actions of the audit log. Names are
/// never changed or used again.
pub const TOPICS: [(&str, &str); 38] = [
    ("license.issued", "A license was issued."),
    ("license.changed", "Seats, end or entitlements of a license were changed."),
    ("license.plan_changed", "A license belongs to another plan and has its terms."),
    ("license.terms_applied", "A license got the terms that its plan has now."),
    ("license.extended", "A license ends later."),
    ("license.suspended", "A license was suspended."),
    ("license.resumed", "A suspended license is in force again."),
    ("license.revoked", "A license was revoked."),
    ("license.reinstated", "A revoked license is in force again."),
    ("license.rekeyed", "A license has a new key."),
    ("license.transferred", "A license belongs to another customer."),
    ("license.overdrawn", "More seats of a license are taken than were sold; its plan allows it."),
    ("trial.started", "A device has started its trial: a license was issued for it."),
    ("trial.converted", "A trial became a license that was bought, and kept its seat."),
    ("import.applied", "Licenses were taken over from elsewhere: how many, in one message."),
    ("seat.claimed", "A device took a seat."),
    ("seat.released", "A device or its user gave a seat up."),
    ("seat.freed", "Somebody of the vendor took a seat back."),
    ("seat.restored", "A seat that was taken back was given to its device again."),
    ("seat.reclaimed", "A floating seat whose lease had ended was taken back for another device."),
    ("seat.renamed", "Its user gave a device another name."),
    ("seat.lease_fetched", "Somebody downloaded a lease for a device without a network."),
    ("seat.handed_out", "A customer gave a seat to a person."),
    ("seat.taken_back", "A customer took a person's seat back, with all its devices."),
    ("order.created", "An order was entered, by hand, by a program or by a shop."),
    ("order.refunded", "An order was paid back, and its licenses were revoked."),
    ("order.disputed", "A buyer's bank has taken a payment back, or a dispute about one was decided."),
    ("order.parked", "Something about an order waits for a person in the inbox."),
    ("order.settled", "Somebody decided what had waited in the inbox."),
    ("order.linked", "An order that was there already was found in a shop and follows it from now on."),
    ("order.refund_undone", "An order stands as it did before it was refunded, and so do its licenses."),
    ("product.denials_stopped", "So many denials of a product were due that none is signed until somebody has looked."),
    ("product.denials_passed", "Somebody let the denials of a product pass."),
    ("alert.raised", "Something must be acted on."),
    ("alert.worsened", "An alert has become more serious."),
    ("alert.acknowledged", "Somebody took an alert on."),
    ("alert.cleared", "What an alert was about is over."),
    (TEST, "Somebody asked for a test. Goes to one webhook, whatever it wants to be told."),
];

/// The topic of a test.
pub const TEST: &str = "webhook.test";

/// Whether webhooks are told of `topic`. What is none of their topics waits for a newer version that knows it.
pub fn is_told(topic: &str) -> bool {
    TOPICS.iter().any(|(name, _)| *name == topic)
}

/// What somebody must be allowed to see to be told of `topic`, in whatever way.
pub fn permission(topic: &str) -> Permission {
    match topic.split('.').next() {
        Some("order") => Permission::CustomersRead,
        Some("alert" | "product") => Permission::FleetRead,
        Some("webhook") => Permission::TokensWrite,
        _ => Permission::LicensesRead,
    }
}

/// Which topics a webhook wants to be told: names, or whole families as `license.*`; all of them where none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct EventFilter(Vec<String>);

/// A name that is neither a topic nor a family of topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither a topic nor a family of topics such as \"license.*\"")]
pub struct NoTopic(String);

impl EventFilter {
    /// As it was stored: a newer version may know topics that this one does not.
    pub fn stored(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Whether `topic` is one of them; never one that webhooks are not told of.
    pub fn wants(&self, topic: &str) -> bool {
        is_told(topic) && (self.0.is_empty() || self.0.iter().any(|name| matches(name, topic)))
    }

    /// The names, in alphabetical order; none for all topics.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

fn matches(name: &str, topic: &str) -> bool {
    match name.strip_suffix('*') {
        Some(family) => topic.starts_with(family),
        None => name == topic,
    }
}

impl TryFrom<Vec<String>> for EventFilter {
    type Error = NoTopic;

    fn try_from(names: Vec<String>) -> Result<Self, NoTopic> {
        let known = |name: &str| match name.strip_suffix('*') {
            Some(family) => family.ends_with('.') && TOPICS.iter().any(|(topic, _)| topic.starts_with(family)),
            None => is_told(name),
        };
        if let Some(unknown) = names.iter().find(|name| !known(name)) {
            return Err(NoTopic(unknown.clone()));
        }
        let mut names = names;
        names.sort_unstable();
        names.dedup();
        Ok(Self(names))
    }
}

impl From<EventFilter> for Vec<String> {
    fn from(filter: EventFilter) -> Self {
        filter.0
    }
}

/// Separated by spaces.
impl fmt::Display for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl FromStr for EventFilter {
    type Err = NoTopic;

    fn from_str(text: &str) -> Result<Self, NoTopic> {
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> EventFilter {
        text.parse().unwrap()
    }

    #[test]
    fn a_filter_wants_names_families_or_everything() {
        assert!(TOPICS.iter().all(|(topic, _)| filter("").wants(topic)));
        let some = filter("seat.* license.revoked");
        assert!(some.wants("seat.claimed") && some.wants("license.revoked"));
        assert!(!some.wants("license.issued") && !some.wants("alert.raised"));
        assert_eq!(some, filter(&some.to_string()));
        assert_eq!(filter("seat.* seat.*").names(), ["seat.*"]);
        for untold in ["member.invited", "license.key_revealed", "seat.of_a_newer_version"] {
            assert!(!filter("").wants(untold) && !filter("license.* seat.*").wants(untold), "{untold}");
        }
    }

    #[test]
    fn what_is_never_told_cannot_be_asked_for() {
        for wrong in ["license", "license.", "*", "lic*", "license.key_revealed", "nothing.*", "License.issued"] {
            assert!(wrong.parse::<EventFilter>().is_err(), "{wrong}");
        }
    }
}
