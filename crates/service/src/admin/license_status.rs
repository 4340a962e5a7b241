//! Suspending, resuming, revoking and reinstating licenses, each with a preview of who loses access.

use super::{
    act::{Act, job},
    bulk::BulkStep,
    impact,
    inputs::ChangeStatus,
    licenses::{absent, lock, save, shown},
    shops,
    undo::status_told,
    views::{Impact, StatusOutcome},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    License, LicenseId, Permission, Role, SeatState, Seconds, Timestamp,
    license::{LicenseStatus, StatusChange},
};
use holdfast_store::{Querier, Tx, WriteOptions};
use serde_json::json;

/// How many licenses may change at once without an owner or a second person (security design, the table of roles).
pub const AT_ONCE: usize = 10;
/// How many licenses may change at once at all.
pub(super) const MOST: usize = 200;
/// How many seats of a license are looked at for its impact.
const SEATS: usize = 10_000;

/// `Ok` where `actor` may change the status of so many licenses now; to see what that would do takes no fresh sign-in.
pub(super) fn may_change(actor: &Actor, licenses: usize, now: Timestamp, dry_run: bool) -> Result<()> {
    actor.require(Permission::LicensesStatus)?;
    if actor.role() == Some(Role::Support) && !dry_run {
        actor.require_fresh(now)?;
    }
    may_change_many(actor, licenses)
}

impl Actor {
    /// Whether this person may change so many licenses at once only with a second person, whom they may ask
    /// ([`super::approvals`]).
    pub fn asks(&self, permission: Permission, licenses: usize) -> bool {
        licenses > AT_ONCE && self.role().is_some_and(|role| role.may_ask(permission))
    }
}

/// `Ok` where `actor` may end somebody's access now. Support does it ten minutes later ([`super::bulk::DELAY`]), and may look.
pub(super) fn may_end_now(actor: &Actor, dry_run: bool) -> Result<()> {
    if actor.ends_later() && !dry_run {
        let detail =
            "Support ends access ten minutes after it is asked for: begin it as an act that can be taken back.";
        return Err(Error::new(ErrorCode::Forbidden).with_detail(detail));
    }
    Ok(())
}

/// `Ok` where `actor`, or for a program whoever made it, may change so many at once without a second person.
pub(super) fn may_change_many(actor: &Actor, licenses: usize) -> Result<()> {
    if licenses > AT_ONCE && actor.role_behind().is_some_and(|role| role != Role::Owner) {
        let detail = format!("More than {AT_ONCE} licenses at once: an owner does it, or a second person approves it.");
        return Err(Error::new(ErrorCode::Forbidden).with_detail(detail));
    }
    Ok(())
}

/// Who loses access when `license` is no longer in force from `effective` on.
pub(super) async fn impact_of(
    act: &Act,
    q: &mut dyn Querier,
    license: &License,
    effective: Option<Timestamp>,
) -> Result<Impact> {
    let seats = super::seats::of_license(act, q, license.id, SeatState::Active, SEATS).await?;
    let devices = seats
        .into_iter()
        .map(|seat| impact::DeviceFacts {
            seat: seat.id,
            name: seat.name,
            user: seat.user,
            last_seen: seat.last_seen,
            offline_until: seat.offline_until,
        })
        .collect();
    Ok(impact::of(devices, license.terms.renew_after, effective, act.now))
}

pub(super) const fn action(change: StatusChange) -> &'static str {
    match change {
        StatusChange::Suspend => "license.suspended",
        StatusChange::Resume => "license.resumed",
        StatusChange::Revoke => "license.revoked",
        StatusChange::Reinstate => "license.reinstated",
    }
}

/// Changes the status of one license in a write job.
pub(super) async fn change(act: &Act, tx: &mut Tx, id: LicenseId, input: &ChangeStatus) -> Result<StatusOutcome> {
    let mut row = lock(act, tx, id).await?;
    let before = row.license.status;
    let status = before.after(input.change).ok_or_else(|| {
        Error::new(ErrorCode::StatusConflict).with_detail(format_args!("The license is {}.", before.as_str()))
    })?;
    let impact = match status {
        LicenseStatus::Active => Impact::default(),
        _ if before == LicenseStatus::Suspended => Impact::default(),
        _ => impact_of(act, tx, &row.license, input.effective_at).await?,
    };
    if input.dry_run {
        return Ok(StatusOutcome { license: shown(act, tx, &row).await?, impact, applied: false });
    }
    let ends = status != LicenseStatus::Active;
    let told_before = status_told(&row.license);
    row.license.status = status;
    row.license.status_reason = ends.then(|| input.reason.clone());
    row.license.status_effective_at = input.effective_at.filter(|at| ends && *at > act.now);
    save(act, tx, &row.license).await?;
    let data = json!({
        "before": told_before, "after": status_told(&row.license), "reason": input.reason,
        "effective_at": row.license.status_effective_at.map(super::import::dates::rfc_3339),
        "devices": impact.devices,
    });
    act.event(tx, action(input.change), id, data);
    if matches!(input.change, StatusChange::Revoke | StatusChange::Reinstate) {
        shops::answered(act, tx, &row.license, input.change, &input.reason).await?;
    }
    Ok(StatusOutcome { license: shown(act, tx, &row).await?, impact, applied: true })
}

/// `Ok` where a change may take effect then.
pub(super) fn check_effective(at: Option<Timestamp>, now: Timestamp) -> Result<()> {
    match at {
        // A little in the past is the caller's clock.
        Some(at) if at < now.plus(Seconds(-60)) => Err(Error::invalid("/effective_at", "The date lies in the past.")),
        Some(at) if at > now.plus(Seconds::days(3_653)) => {
            Err(Error::invalid("/effective_at", "The date lies more than ten years ahead."))
        }
        _ => Ok(()),
    }
}

impl Service {
    /// Suspends, resumes, revokes or reinstates a license, or says who would lose access and when. Undone by the opposite
    /// step.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StatusConflict`] where the vocabulary has no such step;
    /// [`ErrorCode::StepUpRequired`] for support without a fresh sign-in; [`ErrorCode::Forbidden`] where support suspends or
    /// revokes, which begins later ([`Service::begin_bulk`]).
    pub async fn change_status(&self, call: &Call, id: LicenseId, input: ChangeStatus) -> Result<StatusOutcome> {
        let outcomes = self.change_status_of_many(call, vec![id], input).await?;
        outcomes.into_iter().next().ok_or_else(absent)
    }

    /// The same for several licenses: all of them or none.
    ///
    /// # Errors
    /// As for one; [`ErrorCode::Forbidden`] for more than ten at once by anybody but an owner, a token or the system.
    pub async fn change_status_of_many(
        &self,
        call: &Call,
        ids: Vec<LicenseId>,
        input: ChangeStatus,
    ) -> Result<Vec<StatusOutcome>> {
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        may_change(&call.actor, ids.len(), self.now(), input.dry_run)?;
        check_effective(input.effective_at, self.now())?;
        if BulkStep::Status(input.change).ends_licenses() {
            may_end_now(&call.actor, input.dry_run)?;
        }
        if ids.len() > MOST {
            return Err(Error::invalid("/licenses", format_args!("At most {MOST} at once.")));
        }
        let act = self.act(call);
        let options = match ids.as_slice() {
            [one] => WriteOptions::license(*one),
            _ => WriteOptions::alone(),
        };
        let change_all = job!(act, ids, input => |tx| {
            let mut outcomes = Vec::with_capacity(ids.len());
            for id in ids {
                outcomes.push(change(&act, tx, id, &input).await?);
            }
            Ok(outcomes)
        });
        // A preview is no act: it is neither kept under the idempotency key nor worth a commit of its own.
        if input.dry_run {
            self.store().write(options, change_all).await
        } else {
            self.commit(call, options, change_all).await
        }
    }
}
