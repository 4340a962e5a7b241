//! Changing what a license grants: its plan, seats, end and entitlements, with a preview that says term by term what changes
//! and which device learns of it when.

use super::{
    act::{Act, job},
    inputs::UpdateLicense,
    license_status::{impact_of, may_change},
    licenses::{lock, save, shown, told, told_with_terms, with},
    views::{ChangeOutcome, DeviceOutlook, Impact, SeatView, TermChange},
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    Decision, Entitlements, License, LicenseId, LicenseStatus, Permission, SeatModel, Seconds, Terms, Timestamp,
    decide,
    decide::{Jitter, grant},
};
use holdfast_store::{
    Querier, Scope, Tx, WriteOptions,
    licenses::LicenseRow,
    plans,
    seats::{self, SeatRow},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What people compare of terms, in the order in which they read it.
fn listed(t: &Terms) -> Vec<(&'static str, Value)> {
    vec![
        ("model", json!(t.model)),
        ("seat_model", json!(t.seat_model)),
        ("seats", json!(t.seats)),
        ("overdraft", json!(t.overdraft)),
        ("lease", json!(t.lease)),
        ("grace", json!(t.grace)),
        ("renew_after", json!(t.renew_after)),
        ("borrow", json!(t.borrow)),
        ("release_budget", json!(t.release_budget)),
        ("fallback", json!(t.fallback)),
    ]
}

fn compared(before: Vec<(&'static str, Value)>, after: Vec<(&'static str, Value)>) -> Vec<TermChange> {
    let both = before.into_iter().zip(after).filter(|((_, before), (_, after))| before != after);
    both.map(|((term, before), (_, after))| TermChange { term: term.to_owned(), before, after }).collect()
}

fn compared_entitlements(before: &Entitlements, after: &Entitlements) -> Vec<TermChange> {
    let codes: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let others = codes.into_iter().filter(|code| before.get(*code) != after.get(*code));
    let change = |code| TermChange {
        term: format!("entitlement:{code}"),
        before: json!(before.get(code)),
        after: json!(after.get(code)),
    };
    others.map(change).collect()
}

/// Term by term, what differs between two sets of terms.
pub fn term_changes(before: &Terms, after: &Terms) -> Vec<TermChange> {
    let mut changes = compared(listed(before), listed(after));
    changes.extend(compared_entitlements(&before.entitlements, &after.entitlements));
    changes
}

/// Term by term, what differs between two states of a license.
fn differences(before: &License, after: &License) -> Vec<TermChange> {
    let own = |license: &License| {
        vec![
            ("status", json!(license.status)),
            ("plan", json!(license.plan_code)),
            ("customer", json!(license.customer)),
            ("expires_at", json!(license.expires_at.map(super::import::dates::rfc_3339))),
        ]
    };
    let mut changes = compared(own(before), own(after));
    changes.extend(compared(listed(&before.terms), listed(&after.terms)));
    changes.extend(compared_entitlements(&before.entitlements(), &after.entitlements()));
    changes
}

/// From when `license` gives no device a lease any more; `None` where it never stops.
fn stops(license: &License, now: Timestamp) -> Option<Timestamp> {
    match license.status {
        LicenseStatus::Active => license.expires_at.filter(|_| license.terms.fallback.is_none()),
        LicenseStatus::Suspended | LicenseStatus::Revoked => Some(license.status_effective_at.unwrap_or(now)),
    }
}

/// The end `after` where it comes before the end `before`.
fn earlier(before: Option<Timestamp>, after: Option<Timestamp>) -> Option<Timestamp> {
    after.filter(|end| before.is_none_or(|until| *end < until))
}

/// From when devices lose access because `before` becomes `after`; `None` where none does.
fn lost_from(before: &License, after: &License, now: Timestamp) -> Option<Timestamp> {
    earlier(stops(before, now), stops(after, now))
}

/// Whether somebody's full rights end sooner when `before` becomes `after`: as revoking does, even where a fallback is left.
pub(super) fn ends_sooner(before: &License, after: &License, now: Timestamp) -> bool {
    lost_from(before, after, now).is_some() || earlier(before.expires_at, after.expires_at).is_some()
}

/// `after` for as long as its devices ask as often as the terms say that they have now.
fn until_they_ask(before: &License, after: &License) -> License {
    License { terms: Terms { renew_after: before.terms.renew_after, ..after.terms.clone() }, ..after.clone() }
}

/// Who loses access because `before` becomes `after`, and when.
pub(super) async fn impact_between(
    act: &Act,
    q: &mut dyn Querier,
    before: &License,
    after: &License,
) -> Result<Impact> {
    match lost_from(before, after, act.now) {
        Some(stop) => impact_of(act, q, &until_they_ask(before, after), Some(stop)).await,
        None => Ok(Impact::default()),
    }
}

/// What the device of a seat gets with its next renewal, when that is due, by the very decision it will meet.
fn outlook(after: &License, row: &SeatRow, shown: SeatView, now: Timestamp) -> DeviceOutlook {
    let renew_after = after.terms.renew_after;
    let overdue = shown.last_seen.plus(Seconds(renew_after.0.saturating_add(renew_after.0 / 4))) < now;
    let due = shown.last_seen.plus(renew_after).max(now);
    let decision = decide(after, &row.seat, &row.seat.device, due, Jitter::NONE);
    DeviceOutlook {
        seat: shown.id,
        name: shown.name,
        user: shown.user,
        last_seen: shown.last_seen,
        expected_at: (!overdue).then_some(due),
        works_until: match decision {
            Decision::Grant(grant) => Some(Timestamp::from(grant.exp)),
            Decision::Deny(_) => None,
        },
    }
}

/// The devices that get other leases when `before` becomes `after`; none where their leases stay the same.
async fn outlooks(act: &Act, q: &mut dyn Querier, before: &License, after: &License) -> Result<Vec<DeviceOutlook>> {
    let lease = |license: &License| (license.plan_code.clone(), grant(license, None, act.now, Jitter::NONE));
    if lease(before) == lease(after) && before.status == after.status {
        return Ok(Vec::new());
    }
    let after = until_they_ask(before, after);
    let taken = seats::active_of_license(q, act.scope, after.id).await?;
    let mut found: Vec<_> = taken.iter().map(|row| outlook(&after, row, super::seats::show(row), act.now)).collect();
    found.sort_by_key(|device| (device.expected_at.is_none(), device.expected_at, device.seat));
    Ok(found)
}

/// Saves `after` in place of the locked `row`, or with `dry_run` only says what that would do. The event is told what
/// `told` makes of both.
pub(super) async fn replace(
    act: &Act,
    tx: &mut Tx,
    row: LicenseRow,
    after: License,
    dry_run: bool,
    event: (&'static str, fn(&License) -> Value, Value),
) -> Result<ChangeOutcome> {
    let before = row.license.clone();
    let changes = differences(&before, &after);
    let devices = outlooks(act, tx, &before, &after).await?;
    let impact = impact_between(act, tx, &before, &after).await?;
    let taken = taken_under(tx, act.scope, &after.terms, &[&row]).await?;
    let row = LicenseRow { license: after, seats_used: taken.first().copied().unwrap_or(row.seats_used), ..row };
    if !dry_run {
        save(act, tx, &row.license).await?;
        if counts_people(&before.terms) != counts_people(&row.license.terms) {
            seats::recount(tx, &row.license).await?;
        }
        let (action, told, mut data) = event;
        if let Value::Object(members) = &mut data {
            members.insert("before".to_owned(), told(&before));
            members.insert("after".to_owned(), told(&row.license));
        }
        act.event(tx, action, row.license.id, data);
    }
    Ok(ChangeOutcome {
        over_their_seats: row.seats_used.saturating_sub(row.license.terms.seat_limit()),
        license: shown(act, tx, &row).await?,
        changes,
        devices,
        impact,
        applied: !dry_run,
    })
}

/// Whether places are counted by people rather than by devices.
pub(super) const fn counts_people(terms: &Terms) -> bool {
    matches!(terms.seat_model, SeatModel::NamedUser { .. })
}

/// How many places of each of these licenses are taken, counted as `terms` do.
pub(super) async fn taken_under(
    q: &mut dyn Querier,
    scope: Scope,
    terms: &Terms,
    licenses: &[&LicenseRow],
) -> Result<Vec<u32>> {
    let otherwise = licenses.iter().filter(|row| counts_people(&row.license.terms) != counts_people(terms));
    let otherwise: Vec<LicenseId> = otherwise.map(|row| row.license.id).collect();
    let counted = seats::counted_as(q, scope, &otherwise, terms.seat_model).await?;
    Ok(licenses.iter().map(|row| counted.get(&row.license.id).copied().unwrap_or(row.seats_used)).collect())
}

/// The license as `input` wants it.
async fn changed(act: &Act, tx: &mut Tx, license: &License, input: &UpdateLicense) -> Result<License> {
    let mut after = license.clone();
    if let Some(id) = input.plan.filter(|id| *id != license.plan) {
        let plan = plans::get(tx, act.scope, id).await?;
        let plan = plan.ok_or_else(|| Error::invalid("/plan", "There is no such plan."))?;
        if plan.product != license.product {
            return Err(Error::invalid("/plan", "This plan is of another product: issue a license of that one."));
        }
        // A license that is sold in another way ends as that way says; one that is sold in the same way keeps its end.
        if std::mem::discriminant(&plan.terms.model) != std::mem::discriminant(&license.terms.model) {
            after.expires_at = plan.terms.model.end(act.now);
        }
        (after.plan, after.plan_code, after.terms) = (plan.id, plan.code, plan.terms);
    }
    if let Some(end) = input.expires_at {
        after.expires_at = end;
    }
    if let Some(overrides) = &input.overrides {
        after.overrides.clone_from(overrides);
    }
    let seats = input.seats.unwrap_or(after.terms.seats);
    after.terms = with(Terms { seats, ..after.terms }, &after.overrides, "/seats")?;
    Ok(after)
}

impl Service {
    /// Changes a license's plan, number of seats, end or overrides, or says what that would do. A seat that is taken stays
    /// taken, even beyond the new number.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`]; [`crate::ErrorCode::InvalidRequest`] for values outside their range, and without a
    /// reason where somebody's access ends sooner; [`crate::ErrorCode::Forbidden`] for that by somebody who may not revoke;
    /// [`crate::ErrorCode::ChangedMeanwhile`] where it is no longer as it was `seen`.
    pub async fn update_license(&self, call: &Call, id: LicenseId, input: UpdateLicense) -> Result<ChangeOutcome> {
        call.actor.require(Permission::LicensesWrite)?;
        let (act, actor, dry_run) = (self.act(call), call.actor.clone(), input.dry_run);
        let update = job!(act, actor, input => |tx| {
            let row = lock(&act, tx, id).await?;
            if input.seen.is_some_and(|seen| seen != row.version) {
                return Err(Error::new(ErrorCode::ChangedMeanwhile));
            }
            let after = changed(&act, tx, &row.license, &input).await?;
            if ends_sooner(&row.license, &after, act.now) {
                may_change(&actor, 1, act.now, input.dry_run)?;
                if input.reason.is_none() && !input.dry_run {
                    return Err(Error::invalid("/reason", "This ends somebody's access sooner: say why."));
                }
            }
            let (action, told): (_, fn(&License) -> Value) =
                if after.plan == row.license.plan { ("license.changed", told) } else { ("license.plan_changed", told_with_terms) };
            let data = input.reason.as_ref().map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            replace(&act, tx, row, after, input.dry_run, (action, told, data)).await
        });
        let options = WriteOptions::license(id);
        if dry_run { self.store().write(options, update).await } else { self.commit(call, options, update).await }
    }
}
