//! Undoing an act: an act of its own, made of what the event of the first says was before, and refused where something has
//! been changed since that it would overwrite.
//!
//! There is one rule for all acts: every member that the event says became another must still be what it became, and is put
//! back to what it was. So whatever writes `before` and `after` into its event can be undone, an undoing among it.

use super::{
    act::{Act, job},
    import::dates,
    inputs::Undo,
    license_change::{ends_sooner, replace},
    license_status::{may_change, may_end_now},
    licenses::{absent, lock, told, told_with_terms},
    seats::BORROWED,
    views::{ChangeOutcome, EventView, SeatView, UndoOffer},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{EventId, License, LicenseId, LicenseStatus, Permission, SeatId, SeatState, Seconds, Timestamp};
use holdfast_store::{
    Tx, WriteOptions,
    changes::ChangeKind,
    seats::{self, Restored},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// For how long an act can be undone (security design, "support insider"); later, the opposite step is an act like any other.
pub const OFFERED: Seconds = Seconds::minutes(10);

/// The event of a seat that was taken back.
const FREED: &str = "seat.freed";

/// What somebody must be allowed to do to undo `action`: what it took to do it. `None` for what cannot be undone, such as a
/// new key, because the old one is not kept.
pub fn permission(action: &str) -> Option<Permission> {
    Some(match action {
        "license.suspended" | "license.resumed" | "license.revoked" | "license.reinstated" => {
            Permission::LicensesStatus
        }
        "license.extended" => Permission::LicensesExtend,
        "license.changed" | "license.plan_changed" | "license.transferred" | "license.terms_applied" => {
            Permission::LicensesWrite
        }
        FREED => Permission::SeatsRelease,
        _ => return None,
    })
}

/// The name of the act that undoes `action`, after which the license stands as in `after`.
fn opposite(action: &str, before: &License, after: &License) -> &'static str {
    match (permission(action), before.status, after.status) {
        (Some(Permission::LicensesStatus), LicenseStatus::Suspended, LicenseStatus::Active) => "license.resumed",
        (Some(Permission::LicensesStatus), _, LicenseStatus::Active) => "license.reinstated",
        (Some(Permission::LicensesStatus), _, LicenseStatus::Suspended) => "license.suspended",
        (Some(Permission::LicensesStatus), _, LicenseStatus::Revoked) => "license.revoked",
        _ => match action {
            "license.plan_changed" => "license.plan_changed",
            "license.transferred" => "license.transferred",
            "license.terms_applied" => "license.terms_applied",
            _ => "license.changed",
        },
    }
}

fn conflict(detail: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::UndoConflict).with_detail(detail)
}

/// What an event may tell of a license, as it is now.
fn present(license: &License) -> Value {
    let mut all = told_with_terms(license);
    if let Value::Object(members) = &mut all {
        members.insert("status_reason".to_owned(), json!(license.status_reason));
        let effective = license.status_effective_at.map(dates::rfc_3339);
        members.insert("status_effective_at".to_owned(), json!(effective));
    }
    all
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(Error::internal)
}

/// A moment as an event keeps it.
pub(super) fn moment(value: &Value) -> Result<Option<Timestamp>> {
    let text: Option<String> = read(value)?;
    text.map(|text| dates::parse_end(&text, None).map_err(conflict)).transpose()
}

/// Puts one member back.
fn put(license: &mut License, member: &str, was: &Value) -> Result<()> {
    match member {
        "plan" => license.plan = read(was)?,
        "plan_code" => license.plan_code = read(was)?,
        "customer" => license.customer = read(was)?,
        "order" => license.order = read(was)?,
        "status" => license.status = read(was)?,
        "status_reason" => license.status_reason = read(was)?,
        "status_effective_at" => license.status_effective_at = moment(was)?,
        "seats" => license.terms.seats = read(was)?,
        "terms" => license.terms = read(was)?,
        "overrides" => license.overrides = read(was)?,
        "expires_at" => license.expires_at = moment(was)?,
        other => return Err(conflict(format_args!("\"{other}\" is not kept."))),
    }
    Ok(())
}

/// `license` as it was before the event with this `data`.
fn put_back(license: &License, data: &Value) -> Result<License> {
    let (Some(before), Some(after)) = (data["before"].as_object(), data["after"].as_object()) else {
        return Err(conflict("Its event does not say what was before."));
    };
    let present = present(license);
    let mut restored = license.clone();
    let mut changed = false;
    for (member, was) in before {
        let became = after.get(member).unwrap_or(&Value::Null);
        if was == became {
            continue;
        }
        if present.get(member) != Some(became) {
            return Err(conflict(format_args!("Since then its {} was changed again.", word(member))));
        }
        put(&mut restored, member, was)?;
        changed = true;
    }
    if restored.status == LicenseStatus::Active {
        (restored.status_reason, restored.status_effective_at) = (None, None);
    }
    if changed { Ok(restored) } else { Err(conflict("Nothing was changed by it.")) }
}

/// A member as people call it.
fn word(member: &str) -> &str {
    match member {
        "expires_at" => "end",
        "overrides" => "entitlements",
        "seats" => "number of seats",
        "plan_code" => "plan",
        "status_reason" | "status_effective_at" => "status",
        other => other,
    }
}

/// Whether undoing `event` ends access that somebody else gave: that is an act like revoking, and takes the same right.
fn ends_what_others_gave(
    actor: &Actor,
    event: &EventView,
    license: &License,
    restored: &License,
    now: Timestamp,
) -> bool {
    event.actor != actor.who() && ends_sooner(license, restored, now)
}

/// Which of the newest events of a license `actor` can undo now; `freed` are the seats that were given up lately.
pub(super) fn offers(
    actor: &Actor,
    license: &License,
    freed: &[SeatView],
    timeline: &[EventView],
    now: Timestamp,
) -> Vec<UndoOffer> {
    let own = license.id.to_string();
    let offer = |event: &EventView| {
        if !actor.may(permission(&event.action)?) {
            return None;
        }
        let seat = if event.action == FREED {
            let seat = freed.iter().find(|seat| seat.id.to_string() == event.subject)?;
            (seat.released_at == Some(event.at)).then_some(())?;
            Some(seat.id)
        } else {
            (event.subject == own).then_some(())?;
            let restored = put_back(license, &event.data).ok()?;
            let ends = ends_what_others_gave(actor, event, license, &restored, now);
            (!ends || actor.may(Permission::LicensesStatus) && may_end_now(actor, false).is_ok()).then_some(())?;
            None
        };
        Some(UndoOffer { event: event.id, action: event.action.clone(), seat, until: event.at.plus(OFFERED) })
    };
    timeline.iter().take_while(|event| event.at.plus(OFFERED) > now).filter_map(offer).collect()
}

/// The event of `subject` that is to be undone.
async fn to_undo(act: &Act, tx: &mut Tx, actor: &Actor, subject: String, id: EventId) -> Result<EventView> {
    let event = super::events::lately(act, tx, subject, id, act.now.plus(Seconds(-OFFERED.0))).await?;
    let event = event.filter(|event| event.at.plus(OFFERED) > act.now).ok_or_else(|| {
        conflict(format_args!("An act can be undone for {} minutes, and this is not one of those.", OFFERED.0 / 60))
    })?;
    let needed = permission(&event.action)
        .ok_or_else(|| conflict("This act cannot be undone; what it replaced is not kept."))?;
    actor.require(needed)?;
    Ok(event)
}

/// Gives a seat back in a write job that was freed at a moment, borrowed as it was then, while its place is free. The event
/// is told what `data` says, too.
pub(super) async fn restore_seat(
    act: &Act,
    tx: &mut Tx,
    id: SeatId,
    (freed, borrowed): (Timestamp, Option<Timestamp>),
    mut data: Value,
) -> Result<SeatView> {
    let seat = match seats::restore(tx, act.scope, id, freed, borrowed).await?.ok_or_else(absent)? {
        Restored::Done(seat) => *seat,
        Restored::Changed => return Err(conflict("The seat was taken or freed again since.")),
        Restored::Full => return Err(conflict("Its place was taken by another device since.")),
    };
    data["before"] = json!({ "state": SeatState::Released });
    data["after"] = json!({ "state": SeatState::Active });
    data["license"] = json!(seat.seat.license);
    (data["name"], data["device"], data["user"]) = (json!(seat.name), json!(seat.name), json!(seat.seat.user));
    act.event(tx, "seat.restored", id, data);
    act.changed(tx, ChangeKind::Seat, Some(seat.product), id.to_bytes());
    Ok(super::seats::show(&seat))
}

impl Service {
    /// Undoes an act on a license, or says what that would do.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::UndoConflict`] where it is too late or something has been changed since;
    /// [`ErrorCode::Forbidden`] for somebody who may not do such an act, or may not revoke at once where it ends access that
    /// somebody else gave; [`ErrorCode::StepUpRequired`] for support and a change of status or such an end.
    pub async fn undo_license(&self, call: &Call, id: LicenseId, input: Undo) -> Result<ChangeOutcome> {
        // Whoever may do none of it learns nothing; which right this act takes, its event says.
        let acts = [Permission::LicensesStatus, Permission::LicensesExtend, Permission::LicensesWrite];
        let some = acts.into_iter().find(|permission| call.actor.may(*permission));
        call.actor.require(some.unwrap_or(Permission::LicensesWrite))?;
        let (act, actor, dry_run) = (self.act(call), call.actor.clone(), input.dry_run);
        let undo = job!(act, actor, input => |tx| {
            let row = lock(&act, tx, id).await?;
            let event = to_undo(&act, tx, &actor, id.to_string(), input.event).await?;
            let after = put_back(&row.license, &event.data)?;
            let ends = ends_what_others_gave(&actor, &event, &row.license, &after, act.now);
            if ends {
                may_end_now(&actor, input.dry_run)?;
            }
            if ends || permission(&event.action) == Some(Permission::LicensesStatus) {
                may_change(&actor, 1, act.now, input.dry_run)?;
            }
            let action = opposite(&event.action, &row.license, &after);
            let with_terms = event.data["after"].get("terms").is_some();
            let told: fn(&License) -> Value = match (permission(action), with_terms) {
                (Some(Permission::LicensesStatus), _) => status_told,
                (_, true) => told_with_terms,
                (_, false) => told,
            };
            let data = json!({ "undoes": event.id, "undone": event.action, "reason": input.reason });
            replace(&act, tx, row, after, input.dry_run, (action, told, data)).await
        });
        let options = WriteOptions::license(id);
        if dry_run { self.store().write(options, undo).await } else { self.commit(call, options, undo).await }
    }

    /// Gives a seat that was freed back to its device, while its place is free.
    ///
    /// # Errors
    /// As for a license.
    pub async fn undo_seat(&self, call: &Call, id: SeatId, input: Undo) -> Result<SeatView> {
        call.actor.require(Permission::SeatsRelease)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let license = self.seat_license(&act, id).await?;
        self.commit(
            call,
            WriteOptions::license(license),
            job!(act, actor, input => |tx| {
                let event = to_undo(&act, tx, &actor, id.to_string(), input.event).await?;
                let borrowed = moment(&event.data["before"][BORROWED])?;
                let data = json!({ "undoes": event.id, "undone": event.action, "reason": input.reason });
                restore_seat(&act, tx, id, (event.at, borrowed), data).await
            }),
        )
        .await
    }
}

/// What the event of a change of status says before and after.
pub(super) fn status_told(license: &License) -> Value {
    json!({
        "status": license.status, "status_reason": license.status_reason,
        "status_effective_at": license.status_effective_at.map(dates::rfc_3339),
    })
}
