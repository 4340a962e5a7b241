//! Terms of a license and what changes of them, in words.

use std::collections::BTreeMap;

use holdfast_domain::{Entitlements, LicenseModel, SeatModel, Seconds, Timestamp};
use holdfast_service::admin::views::{ChangeOutcome, TermChange};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::{DeviceRow, Preview, TermRow};
use crate::{
    pages::{
        licenses::{api, model::ImpactView},
        plans::model::sold,
    },
    ui::{
        When,
        time::{span, to_the_second},
    },
};

/// What a term is called.
pub fn name(term: &str) -> String {
    let name = match term {
        "status" => "Status",
        "plan" => "Plan",
        "customer" => "Customer",
        "model" => "Sold as",
        "expires_at" => "Ends",
        "seat_model" => "Who may use it at once",
        "seats" => "Seats",
        "overdraft" => "Seats beyond the limit",
        "lease" => "Lease",
        "grace" => "Grace after the lease",
        "renew_after" => "Renewed in the background after",
        "borrow" => "Borrowed for at most",
        "release_budget" => "Seats freed from inside the application",
        "fallback" => "After the end",
        other => match other.strip_prefix("entitlement:") {
            Some(code) => return format!("Entitlement {code}"),
            None => other,
        },
    };
    name.to_owned()
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn seat_model(model: SeatModel) -> String {
    match model {
        SeatModel::NodeLocked => "fixed devices".to_owned(),
        SeatModel::Floating => "shared seats".to_owned(),
        SeatModel::NamedUser { devices: 1 } => "named people, 1 device each".to_owned(),
        SeatModel::NamedUser { devices } => format!("named people, {devices} devices each"),
    }
}

/// What it is, in words; `customers` by their ids.
pub fn value(term: &str, value: &Value, customers: &BTreeMap<String, String>) -> String {
    let words = match term {
        "model" => read::<LicenseModel>(value).map(sold),
        "seat_model" => read::<SeatModel>(value).map(seat_model),
        "lease" | "grace" | "renew_after" | "borrow" => read::<Seconds>(value).map(span),
        "customer" => value.as_str().map(|id| customers.get(id).cloned().unwrap_or_else(|| id.to_owned())),
        "expires_at" => Some(value.as_str().map_or_else(|| "never".to_owned(), to_the_second)),
        "fallback" => Some(match read::<Option<Entitlements>>(value).flatten() {
            Some(left) if left.is_empty() => "goes on without entitlements".to_owned(),
            Some(left) => {
                let codes: Vec<String> = left.keys().map(ToString::to_string).collect();
                format!("goes on with {}", codes.join(", "))
            }
            None => "stops".to_owned(),
        }),
        _ => None,
    };
    words.unwrap_or_else(|| match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "granted".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The ids of customers that `changes` speak of.
pub fn customers_in(changes: &[TermChange]) -> Vec<String> {
    let of = changes.iter().filter(|change| change.term == "customer");
    of.flat_map(|change| [&change.before, &change.after]).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A change in words.
pub fn row(change: &TermChange, customers: &BTreeMap<String, String>) -> TermRow {
    TermRow {
        term: name(&change.term),
        before: value(&change.term, &change.before, customers),
        after: value(&change.term, &change.after, customers),
    }
}

/// What a change would do, in words.
pub fn preview(outcome: &ChangeOutcome, customers: &BTreeMap<String, String>, now: Timestamp) -> Preview {
    let device = |device: &holdfast_service::admin::views::DeviceOutlook| DeviceRow {
        name: device.name.clone().unwrap_or_else(|| "Unnamed device".to_owned()),
        user: device.user.as_ref().map(ToString::to_string),
        last_seen: When::new(device.last_seen, now),
        expected: device.expected_at.map(|at| When::new(at, now)),
        works_until: device.works_until.map(|at| When::new(at, now)),
    };
    let impact = (outcome.impact.devices > 0).then(|| api::impact(&outcome.impact, now));
    Preview {
        changes: outcome.changes.iter().map(|change| row(change, customers)).collect(),
        learn: match outcome.devices.len() {
            1 => "1 device gets another lease, with its next renewal.".to_owned(),
            LISTED => format!("{LISTED} devices or more get other leases, each with its next renewal."),
            count => format!("{count} devices get other leases, each with its next renewal."),
        },
        devices: outcome.devices.iter().map(device).collect(),
        over: outcome.over_their_seats,
        impact: impact.or_else(|| left_with_the_fallback(outcome, now)),
    }
}

/// As many devices are listed at most.
const LISTED: usize = 200;

/// What is said where full rights end sooner and a fallback is left.
fn left_with_the_fallback(outcome: &ChangeOutcome, now: Timestamp) -> Option<ImpactView> {
    let moved = outcome.changes.iter().find(|change| change.term == "expires_at")?;
    // Both are in UTC, so that their texts come one after the other as the moments do.
    let sooner = moved.before.as_str().is_none_or(|before| moved.after.as_str().is_some_and(|after| after < before));
    let end = outcome.license.expires_at.filter(|_| sooner && outcome.license.terms.fallback.is_some())?;
    let end = When::new(end, now).absolute;
    let sentence = format!("From {end} on its devices go on with the fallback: nobody is locked out.");
    Some(ImpactView { sentence, losses: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn terms_read_as_people_say_them() {
        let customers = BTreeMap::from([("cus_1".to_owned(), "Ada".to_owned())]);
        for (term, value, words) in [
            ("lease", json!(1_209_600), "14 d"),
            ("expires_at", json!(null), "never"),
            ("expires_at", json!("2027-01-01T00:00:00Z"), "2027-01-01 00:00:00 UTC"),
            ("seats", json!(5), "5"),
            ("fallback", json!(null), "stops"),
            ("fallback", json!({"read": true}), "goes on with read"),
            ("customer", json!("cus_1"), "Ada"),
            ("customer", json!(null), "–"),
            ("seat_model", json!({"type": "named_user", "devices": 2}), "named people, 2 devices each"),
            ("entitlement:export", json!(true), "granted"),
        ] {
            assert_eq!(super::value(term, &value, &customers), words, "{term}");
        }
        assert_eq!(name("entitlement:export"), "Entitlement export");
    }
}
