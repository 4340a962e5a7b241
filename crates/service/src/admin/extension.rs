//! Moving the end of a license later: one rule, whether one license is extended or many are.

use super::{
    act::{Act, job},
    events,
    inputs::ExtendLicense,
    licenses::{absent, lock, save, shown, told},
    views::{Impact, StatusOutcome},
};
use crate::{
    Call, RequestInfo, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{LicenseId, Permission, ReasonText, Seconds, Timestamp};
use holdfast_store::{
    Querier, Tx, WriteOptions, events as stored,
    licenses::{self, LicenseRow},
};
use serde_json::json;

/// How many days whoever extends only a little, as support does, adds to a license within as many days, all of them together
/// (security design, the table of roles).
const SMALL: i64 = 30;
/// How many events of a license are looked at for what was added to it. Far fewer happen to one in that time.
const LOOKED_AT: usize = 10_000;

/// Whether `actor` extends only a little.
pub(super) fn small_only(actor: &Actor) -> bool {
    !actor.may(Permission::LicensesWrite)
}

/// From when on days are counted: from `now` where the license has ended, because days that nobody could use are not given.
pub(super) fn counted_from(end: Timestamp, now: Timestamp) -> Timestamp {
    end.max(now)
}

/// How many days an end is moved, one that has begun like a whole one.
fn days_between(from: Timestamp, until: Timestamp) -> i64 {
    const DAY: i64 = Seconds::DAY.0 * 1_000_000;
    let micros = until.micros().saturating_sub(from.micros());
    micros / DAY + i64::from(micros % DAY > 0)
}

/// The rule for whoever extends only a little, as a sentence, with how many days are left of it.
pub fn rule(left: i64) -> String {
    let left = match left {
        0 => "none of them is left".to_owned(),
        1 => "1 of them is left".to_owned(),
        left => format!("{left} of them are left"),
    };
    format!("Your role adds at most {SMALL} days to a license within {SMALL} days, and {left}.")
}

/// How many days those who extend only a little may still add to a license: what they did in the last 30 days counts, and not
/// what was taken back since.
pub(super) async fn small_left(act: &Act, q: &mut dyn Querier, id: LicenseId) -> Result<i64> {
    let since = act.now.plus(Seconds::days(-SMALL));
    let mut added = Vec::new();
    for event in stored::since(q, act.scope, &[id.to_string()], since, LOOKED_AT).await? {
        let data = events::show(event).data;
        let (before, after) = (data["before"]["expires_at"].clone(), data["after"]["expires_at"].clone());
        if data["small"] == true {
            added.push((before, after, data["days"].as_i64().unwrap_or(SMALL)));
        } else if !data["undoes"].is_null()
            && let Some(at) = added.iter().rposition(|(was, became, _)| (was, became) == (&after, &before))
        {
            added.remove(at);
        }
    }
    Ok((SMALL - added.iter().map(|(.., days)| days).sum::<i64>()).max(0))
}

/// An end that a license is to have, and whether whoever says so extends only a little.
pub(super) struct Extension<'a> {
    pub end: Option<Timestamp>,
    pub small_only: bool,
    pub reason: &'a ReasonText,
    pub dry_run: bool,
}

/// Moves the end of the locked `row` later, or takes it away. Where it is moved by somebody who extends only a little, the
/// job must have a batch of its own: what others of its batch have added is not in the log yet.
pub(super) async fn extend(act: &Act, tx: &mut Tx, row: &mut LicenseRow, to: Extension<'_>) -> Result<()> {
    let Some(before) = row.license.expires_at else {
        return Err(Error::new(ErrorCode::StatusConflict).with_detail("The license has no end."));
    };
    if to.end.is_some_and(|end| end <= before) {
        return Err(Error::invalid("/expires_at", "The new end is not later than the present one."));
    }
    let days = to.end.map(|end| days_between(counted_from(before, act.now), end).max(0));
    if to.small_only {
        let left = small_left(act, tx, row.license.id).await?;
        if days.is_none_or(|days| days > left) {
            return Err(Error::new(ErrorCode::Forbidden).with_detail(rule(left)));
        }
    }
    if !to.dry_run {
        let told_before = told(&row.license);
        row.license.expires_at = to.end;
        save(act, tx, &row.license).await?;
        let data = json!({
            "before": told_before, "after": told(&row.license), "reason": to.reason, "small": to.small_only, "days": days,
        });
        act.event(tx, "license.extended", row.license.id, data);
    }
    Ok(())
}

impl Service {
    /// Moves the end of a license later, or takes it away.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] where the new end is not later; [`ErrorCode::StatusConflict`] where it has none;
    /// [`ErrorCode::Forbidden`] for more than the 30 days within 30 days that support adds to a license.
    pub async fn extend_license(&self, call: &Call, id: LicenseId, input: ExtendLicense) -> Result<StatusOutcome> {
        call.actor.require(Permission::LicensesExtend)?;
        let (act, small_only, dry_run) = (self.act(call), small_only(&call.actor), input.dry_run);
        let extend_it = job!(act, input => |tx| {
            let mut row = lock(&act, tx, id).await?;
            let to = Extension { end: input.expires_at, small_only, reason: &input.reason, dry_run };
            extend(&act, tx, &mut row, to).await?;
            let license = shown(&act, tx, &row).await?;
            Ok(StatusOutcome { license, impact: Impact::default(), applied: !dry_run })
        });
        let options = if small_only { WriteOptions::alone() } else { WriteOptions::license(id) };
        if dry_run { self.store().write(options, extend_it).await } else { self.commit(call, options, extend_it).await }
    }

    /// How many days `actor` may still add to a license now; `None` where no number bounds it.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever may not extend; [`ErrorCode::NotFound`].
    pub async fn extension_left(&self, actor: &Actor, id: LicenseId) -> Result<Option<i64>> {
        actor.require(Permission::LicensesExtend)?;
        let mut reader = self.store().patient_reader();
        licenses::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        if !small_only(actor) {
            return Ok(None);
        }
        let act = self.act(&Call::new(actor.clone(), RequestInfo::default()));
        small_left(&act, &mut reader, id).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_has_begun_counts() {
        let from = Timestamp::from_seconds(1_000_000);
        for (more, days) in [(0, 0), (1, 1), (86_400, 1), (86_401, 2), (30 * 86_400, 30), (30 * 86_400 + 1, 31)] {
            assert_eq!(days_between(from, from.plus(Seconds(more))), days, "{more} s");
        }
        let ended = from.plus(Seconds::days(-7));
        assert_eq!((counted_from(ended, from), counted_from(from, ended)), (from, from));
    }
}
