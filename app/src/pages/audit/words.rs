//! Events in words: what happened, what became what, and what else is told of it.

use std::collections::BTreeMap;

use holdfast_service::{Actor, Service, admin::views::EventView};
use serde_json::Value;

use super::screen;
use crate::{
    pages::{
        audit::model::Told,
        licenses::acts::{
            model::TermRow,
            words::{name, value},
        },
    },
    ui::Tone,
};

/// Names by the ids that events speak of.
pub type Names = BTreeMap<String, String>;

/// What it is called that an act takes another one back.
pub const UNDOES: &str = "Undoes";

/// How many names are looked up for one page at most.
const LOOKED_UP: usize = 40;

/// Every kind of event in words, with what it means for whatever it happened to.
const WORDS: &[(&str, &str, Tone)] = &[
    ("license.issued", "License issued", Tone::Good),
    ("license.revoked", "License revoked", Tone::Bad),
    ("license.reinstated", "License reinstated", Tone::Good),
    ("license.suspended", "License suspended", Tone::Warn),
    ("license.resumed", "License resumed", Tone::Good),
    ("license.extended", "License extended", Tone::Good),
    ("license.changed", "License changed", Tone::None),
    ("license.plan_changed", "License moved to another plan", Tone::None),
    ("license.terms_applied", "License got its plan's present terms", Tone::None),
    ("license.overdrawn", "More seats taken than sold", Tone::Warn),
    ("license.rekeyed", "License got a new key", Tone::Warn),
    ("license.transferred", "License handed to another customer", Tone::None),
    ("license.key_revealed", "Key shown", Tone::Info),
    ("trial.started", "Trial started", Tone::Good),
    ("trial.converted", "Trial became a license that was bought", Tone::Good),
    ("seat.claimed", "Device activated", Tone::Good),
    ("seat.released", "Seat given up", Tone::None),
    ("seat.reclaimed", "Seat taken back after its lease ended", Tone::None),
    ("seat.restored", "Seat given back", Tone::Good),
    ("seat.freed", "Seat freed", Tone::Warn),
    ("note.added", "Note added", Tone::Info),
    ("note.edited", "Note changed", Tone::None),
    ("note.removed", "Note removed", Tone::None),
    ("note.restored", "Note put back", Tone::None),
    ("product.created", "Product created", Tone::Good),
    ("product.changed", "Product changed", Tone::None),
    ("product.denials_stopped", "Denials stopped until somebody looks", Tone::Bad),
    ("product.denials_passed", "Denials let pass", Tone::Warn),
    ("gateway.changed", "Gateway changed", Tone::Info),
    ("gateway.key_replaced", "Gateway got another key", Tone::Warn),
    ("plan.created", "Plan created", Tone::Good),
    ("plan.changed", "Plan changed", Tone::None),
    ("key.rotated", "New signing key", Tone::Info),
    ("key.revoked", "Signing key revoked", Tone::Bad),
    ("customer.created", "Customer created", Tone::Good),
    ("customer.changed", "Customer changed", Tone::None),
    ("customer.signed_in", "Signed in to the portal", Tone::None),
    ("customer.viewed", "Portal looked at as the customer sees it", Tone::Info),
    ("customer.session_ended", "Session of the portal ended", Tone::None),
    ("customer.person_invited", "Colleague asked in", Tone::Info),
    ("customer.person_changed", "Colleague's role changed", Tone::None),
    ("customer.person_removed", "Colleague removed", Tone::Warn),
    ("customer.data_exported", "Everything held was downloaded", Tone::Info),
    ("seat.renamed", "Device renamed", Tone::None),
    ("seat.handed_out", "Seat handed out", Tone::Info),
    ("seat.taken_back", "Seat taken back", Tone::Warn),
    ("seat.lease_fetched", "Lease downloaded for a device", Tone::Info),
    ("order.created", "Order noted", Tone::Good),
    ("order.refunded", "Order refunded", Tone::Warn),
    ("order.disputed", "Payment disputed, or a dispute decided", Tone::Warn),
    ("order.parked", "Waits for a person", Tone::Warn),
    ("order.settled", "Decided in the inbox", Tone::Info),
    ("order.linked", "Order found in a shop", Tone::Info),
    ("shop.connected", "Shop connected", Tone::Good),
    ("shop.changed", "Shop changed", Tone::None),
    ("shop.secret_set", "Secret of a shop set", Tone::Info),
    ("shop.price_set", "Said which plan a price is", Tone::Info),
    ("shop.price_removed", "Price removed", Tone::None),
    ("shop.closed", "Shop closed", Tone::Warn),
    ("shop.opened", "Shop open again", Tone::Good),
    ("order.refund_undone", "Refund taken back", Tone::Good),
    ("import.staged", "Import uploaded", Tone::Info),
    ("import.remapped", "Columns of an import changed", Tone::None),
    ("import.applied", "Import done", Tone::Good),
    ("import.cancelled", "Import dropped", Tone::Warn),
    ("bulk.scheduled", "Act on many asked for, to begin later", Tone::Warn),
    ("bulk.began", "Act on many begun", Tone::Warn),
    ("bulk.ended", "Act on many ended", Tone::None),
    ("bulk.stopped", "Act on many stopped", Tone::Warn),
    ("reply.created", "Reply written", Tone::Info),
    ("reply.changed", "Reply changed", Tone::None),
    ("reply.removed", "Reply removed", Tone::Warn),
    ("approval.asked", "Approval asked for", Tone::Info),
    ("approval.approved", "Approved", Tone::Good),
    ("approval.refused", "Approval refused", Tone::Warn),
    ("approval.withdrawn", "No longer asked for", Tone::None),
    ("export.made", "Data exported", Tone::Info),
    ("view.saved", "View saved", Tone::None),
    ("view.removed", "View removed", Tone::None),
    ("token.created", "API token made", Tone::Info),
    ("token.revoked", "API token revoked", Tone::Warn),
    ("webhook.created", "Webhook added", Tone::Good),
    ("webhook.changed", "Webhook changed", Tone::None),
    ("webhook.paused", "Webhook paused", Tone::Warn),
    ("webhook.resumed", "Webhook resumed", Tone::Good),
    ("webhook.removed", "Webhook removed", Tone::Bad),
    ("webhook.tested", "Test sent", Tone::Info),
    ("webhook.redelivered", "Message sent again", Tone::Info),
    ("webhook.secret_rotated", "New secret made", Tone::Info),
    ("mail.look_changed", "Mail settings changed", Tone::None),
    ("mail.tested", "Test mail sent", Tone::Info),
    ("mail.sent_again", "Mail sent again", Tone::Info),
    ("alert.acknowledged", "Alert taken on", Tone::Info),
    ("node.drained", "Drained", Tone::Warn),
    ("node.resumed", "Resumed", Tone::Good),
    ("node.declared_gone", "Declared gone", Tone::Bad),
    ("continuity.reconciled", "Carried on without the database, and accounted for", Tone::Info),
    ("member.signed_in", "Signed in", Tone::None),
    ("member.invited", "Invited", Tone::Info),
    ("member.invited_again", "Invited again, with a new link", Tone::Info),
    ("member.invitation_revoked", "Invitation taken back", Tone::Warn),
    ("member.joined", "Joined", Tone::Good),
    ("member.role_changed", "Role changed", Tone::Warn),
    ("member.removed", "Removed from the team", Tone::Bad),
    ("member.restored", "Removal from the team undone", Tone::Good),
    ("member.session_ended", "Session ended", Tone::None),
    ("member.factor_added", "Second factor added", Tone::Good),
    ("member.factor_removed", "Second factor removed", Tone::Warn),
    ("member.factors_reset", "Second factors reset", Tone::Warn),
    ("member.recovery_codes_made", "New recovery codes made", Tone::None),
    ("member.password_changed", "Password changed", Tone::None),
    ("member.password_link_made", "Link to a new password made", Tone::Warn),
    ("member.password_reset", "Password reset", Tone::Warn),
    ("member.alert_mail_set", "Mail about alerts set", Tone::None),
    ("member.provider_linked", "Linked to the company's sign-in", Tone::Info),
    ("provider.set", "Company sign-in set", Tone::Warn),
    ("provider.removed", "Company sign-in removed", Tone::Warn),
    ("portal.changed", "Portal changed", Tone::None),
    ("plan.links_changed", "Plan's links changed", Tone::None),
    ("vendor.created", "Set up", Tone::Good),
    ("vendor.changed", "Settings changed", Tone::None),
];

/// The kinds of events to choose from: name and words.
pub fn actions() -> Vec<(String, String)> {
    WORDS.iter().map(|(kind, words, _)| ((*kind).to_owned(), (*words).to_owned())).collect()
}

/// An event in words.
pub fn sentence(action: &str) -> (String, Tone) {
    if let Some((_, words, tone)) = WORDS.iter().find(|(kind, ..)| *kind == action) {
        return ((*words).to_owned(), *tone);
    }
    (readable(action), Tone::None)
}

/// A name of a program's as people read it: "`key_hint`" is "Key hint".
pub fn readable(name: &str) -> String {
    let words = name.replace(['.', '_'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// The acts whose time line says from what to what. Others say it by their name, or are about what may be gone since, as the
/// text of a note.
fn tells(action: &str) -> bool {
    const ACTS: [&str; 5] =
        ["license.extended", "license.terms_applied", "license.rekeyed", "license.transferred", "member.role_changed"];
    action.ends_with("changed") || ACTS.contains(&action)
}

/// What became what, in one line for a time line, where its kind of event has that.
pub fn change(event: &EventView, names: &Names) -> Option<String> {
    let rows = if tells(&event.action) { changes(event, names) } else { Vec::new() };
    let each: Vec<String> = rows.iter().map(|row| format!("{}: {} → {}", row.term, row.before, row.after)).collect();
    (!each.is_empty()).then(|| each.join("; "))
}

/// What an event says became another, member by member.
pub fn changes(event: &EventView, names: &Names) -> Vec<TermRow> {
    let (before, after) = (members(&event.data, "before"), members(&event.data, "after"));
    let side = |all: &Option<Vec<(String, Value)>>, term: &str| {
        let all = all.as_ref()?;
        Some(all.iter().find(|(name, _)| name == term).map_or(Value::Null, |(_, value)| value.clone()))
    };
    let mut terms: Vec<String> = Vec::new();
    for (term, _) in before.iter().chain(&after).flatten() {
        if !terms.contains(term) {
            terms.push(term.clone());
        }
    }
    let words =
        |term: &str, value: Option<Value>| value.map_or_else(|| "–".to_owned(), |value| said(term, &value, names));
    terms
        .iter()
        .filter_map(|term| {
            let (was, is) = (side(&before, term), side(&after, term));
            let null = |value: &Option<Value>| value.as_ref().is_none_or(Value::is_null);
            let same = was == is || (null(&was) && null(&is));
            (!same).then(|| TermRow { term: term_name(term), before: words(term, was), after: words(term, is) })
        })
        .collect()
}

fn term_name(term: &str) -> String {
    let known = name(term);
    if known == term { readable(term) } else { known }
}

/// The members of one side of an event; `None` where it has no such side.
fn members(data: &Value, side: &str) -> Option<Vec<(String, Value)>> {
    let Some(Value::Object(all)) = data.get(side) else { return None };
    let mut found = Vec::new();
    for (name, value) in all {
        spread(&mut found, name, value);
    }
    // A plan says it better than its code.
    if found.iter().any(|(name, _)| name == "plan") {
        found.retain(|(name, _)| name != "plan_code");
    }
    Some(found)
}

/// Adds a member: the terms of a license one by one, each entitlement by itself. What stands there already has precedence,
/// as what a license grants beside its plan has.
fn spread(found: &mut Vec<(String, Value)>, name: &str, value: &Value) {
    let mut add = |name: String, value: &Value| {
        if found.iter().all(|(known, _)| *known != name) {
            found.push((name, value.clone()));
        }
    };
    match (name, value) {
        ("overrides" | "entitlements", Value::Object(codes)) => {
            codes.iter().for_each(|(code, value)| add(format!("entitlement:{code}"), value));
        }
        ("terms", Value::Object(terms)) => terms.iter().for_each(|(name, value)| spread(found, name, value)),
        _ => add(name.to_owned(), value),
    }
}

/// A value in words.
fn said(term: &str, what: &Value, names: &Names) -> String {
    if let Some(name) = what.as_str().and_then(|id| names.get(id)) {
        return name.clone();
    }
    let moment = || term.ends_with("_at") || term.ends_with("_until");
    match what {
        Value::String(text) if term != "expires_at" && moment() => crate::ui::time::to_the_second(text),
        Value::Bool(yes) if !term.starts_with("entitlement:") => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(all) if all.is_empty() => "none".to_owned(),
        Value::Array(all) => all.iter().map(|one| said("", one, names)).collect::<Vec<_>>().join(", "),
        Value::Object(all) if !matches!(term, "model" | "seat_model" | "fallback") => {
            let each = all.iter().filter(|(_, value)| !value.is_null());
            let each: Vec<_> =
                each.map(|(name, value)| format!("{}: {}", readable(name), said(name, value, names))).collect();
            if each.is_empty() { "none".to_owned() } else { each.join(", ") }
        }
        _ => value(term, what, names),
    }
}

/// What an event says beside what became what: the reason, and whatever else its kind keeps.
pub fn details(event: &EventView, names: &Names) -> Vec<Told> {
    let Value::Object(all) = &event.data else { return Vec::new() };
    let rest = all.iter().filter(|(name, value)| !matches!(name.as_str(), "before" | "after") && !value.is_null());
    let mut told: Vec<Told> = rest
        .map(|(name, value)| Told {
            name: match name.as_str() {
                "undone" => "What was undone".to_owned(),
                "undoes" => UNDOES.to_owned(),
                other => term_name(other),
            },
            text: match (name.as_str(), value.as_str()) {
                ("undone", Some(action)) => sentence(action).0,
                _ => said(name, value, names),
            },
            href: value.as_str().and_then(screen),
            copies: false,
        })
        .collect();
    // People look for the reason first.
    told.sort_by_key(|told| told.name != "Reason");
    told
}

/// The names of the customers, plans and products that `events` speak of, as far as `actor` may see them.
pub async fn names<'a>(service: &Service, actor: &Actor, events: impl Iterator<Item = &'a EventView>) -> Names {
    let mut ids: Vec<String> = Vec::new();
    for event in events {
        let sides = ["before", "after"].map(|side| members(&event.data, side)).into_iter().flatten().flatten();
        let rest = event.data.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        for (_, value) in sides.chain(rest) {
            if let Value::String(id) = value
                && ids.len() < LOOKED_UP
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
    }
    let mut names = Names::new();
    for id in ids {
        let name = match (id.parse(), id.parse(), id.parse()) {
            (Ok(id), ..) => service.customer(actor, id).await.ok().map(|customer| customer.name.to_string()),
            (_, Ok(id), _) => service.plan(actor, id).await.ok().map(|plan| plan.name.to_string()),
            (.., Ok(id)) => service.product(actor, id).await.ok().map(|product| product.name.to_string()),
            _ => None,
        };
        names.extend(name.map(|name| (id, name)));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use holdfast_domain::{EventId, Timestamp, event::Actor};
    use serde_json::json;

    use super::*;

    fn event(action: &str, data: Value) -> EventView {
        EventView {
            id: EventId::from_bytes([1; 16]),
            number: 1,
            at: Timestamp::default(),
            actor: Actor::System,
            action: action.to_owned(),
            subject: String::new(),
            data,
            origin: String::new(),
            request: String::new(),
        }
    }

    #[test]
    fn unknown_events_still_read() {
        assert_eq!(sentence("plan.terms_applied").0, "Plan terms applied");
        assert_eq!(sentence("license.revoked"), ("License revoked".to_owned(), Tone::Bad));
    }

    fn is_name(piece: &str) -> bool {
        let small = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        piece.split_once('.').is_some_and(|(family, act)| small(family) && small(act))
    }

    #[test]
    fn every_kind_of_event_has_words_and_can_be_chosen() {
        // What looks like the name of an event and is none.
        const OTHERS: [&str; 13] = [
            "admin.bulk",
            "alert.cleared",
            "alert.raised",
            "alert.worsened",
            "checkout.session",
            "common.txt",
            "fleet.alerts",
            "runtime.housekeeping",
            "runtime.renewal_notices",
            "shops.sales",
            "webauthn.create",
            "webauthn.get",
            "webhooks.delivery",
        ];
        let mut found = BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/service/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("tests.rs") && !path.ends_with("demo.rs") {
                    let source = std::fs::read_to_string(&path).unwrap();
                    let code = source.split("#[cfg(test)]").next().unwrap();
                    found.extend(code.split('"').filter(|piece| is_name(piece)).map(str::to_owned));
                }
            }
        }
        assert!(found.len() > 60, "{found:?}");
        let known: BTreeSet<String> = actions().into_iter().map(|(kind, _)| kind).collect();
        for name in &found {
            assert!(
                known.contains(name) || OTHERS.contains(&name.as_str()),
                "{name}: give it words, or say that it is no event"
            );
        }
        for (kind, words) in actions() {
            assert!(found.contains(&kind), "{kind} ({words}): nothing tells of it any more");
        }
    }

    #[test]
    fn what_became_what_is_said_in_words() {
        let names = Names::from([("cus_a".to_owned(), "Ada".to_owned()), ("pln_a".to_owned(), "Pro".to_owned())]);
        let told = event(
            "license.plan_changed",
            json!({
                "before": { "plan": "pln_a", "plan_code": "pro", "customer": null, "seats": 3, "expires_at": null,
                    "overrides": { "export": true }, "terms": { "seats": 3, "lease": 1_209_600, "entitlements": {} } },
                "after": { "plan": "pln_b", "plan_code": "max", "customer": "cus_a", "seats": 5,
                    "expires_at": "2027-01-01T00:00:00Z", "overrides": {},
                    "terms": { "seats": 5, "lease": 604_800, "entitlements": { "export": true, "limit": 7 } } },
                "reason": "Bought more", "undoes": "blk_a", "effective_at": null,
            }),
        );
        let mut rows: Vec<String> =
            changes(&told, &names).iter().map(|row| format!("{}: {} → {}", row.term, row.before, row.after)).collect();
        rows.sort();
        let expected = [
            "Customer: – → Ada",
            "Ends: never → 2027-01-01 00:00:00 UTC",
            "Entitlement limit: – → 7",
            "Lease: 14 d → 7 d",
            "Plan: Pro → pln_b",
            "Seats: 3 → 5",
        ];
        assert_eq!(rows, expected);
        assert!(change(&told, &names).unwrap().contains("Seats: 3 → 5"));
        let details = details(&told, &names);
        assert_eq!(
            details.iter().map(|told| (told.name.as_str(), told.text.as_str())).collect::<Vec<_>>(),
            [("Reason", "Bought more"), ("Undoes", "blk_a")]
        );
        assert_eq!(details[1].href.as_deref(), Some("/console/acts/blk_a"));
    }

    #[test]
    fn what_came_into_being_was_nothing_before_and_no_note_is_told() {
        let made = event(
            "plan.created",
            json!({ "after": { "name": "Pro", "archived": false, "terms": { "fallback": null, "model": { "type": "perpetual" } } } }),
        );
        let mut rows = changes(&made, &Names::new());
        rows.sort_by(|a, b| a.term.cmp(&b.term));
        let rows: Vec<_> =
            rows.iter().map(|row| (row.term.as_str(), row.before.as_str(), row.after.as_str())).collect();
        assert_eq!(rows, [("Archived", "–", "no"), ("Name", "–", "Pro"), ("Sold as", "–", "Perpetual")]);
        assert_eq!(change(&made, &Names::new()), None, "its name says it");
        let note = event("note.edited", json!({ "before": { "text": "Owes" }, "after": { "text": "Paid" } }));
        assert_eq!(change(&note, &Names::new()), None, "it may have been taken away since");
    }
}
