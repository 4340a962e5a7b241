//! The pieces of an act on many, each in one transaction: what is gathered, what becomes of each, and how one is taken back.

use super::{
    BulkState, BulkStep, Fate, Kept, StopReason, SubjectKind, background::Gathered, conflict, corrupt,
    preview::MOST_ORDERS,
};
use crate::{
    admin::{
        act::Act,
        extension::{self, Extension, counted_from},
        inputs::ChangeStatus,
        license_status::{action, change},
        licenses::{lock, save, told},
        orders::refund,
        seats::free,
        terms::{PlanTerms, give},
        undo::{restore_seat, status_told},
    },
    error::Result,
};
use holdfast_domain::{
    License, LicenseId, LicenseStatus, OrderId, Permission, ReasonText, SeatId, Seconds, Terms, Timestamp, event,
    license::StatusChange,
};
use holdfast_store::{
    Tx,
    bulk_acts::{self, BulkActRow, BulkItemRow},
    licenses, mails, members,
    orders::{self, OrderStatus},
    tokens,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many are changed in one transaction.
const CHANGED: usize = 50;
/// The same of orders, each of which may have many licenses.
const ORDERS: usize = 5;

/// What a license was before it was changed, and its version since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    status: LicenseStatus,
    status_reason: Option<ReasonText>,
    status_effective_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Only where it was these that were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<Terms>,
    pub version: i64,
}

impl Before {
    /// What was kept of it.
    pub fn read(detail: &str) -> Result<Self> {
        serde_json::from_str(detail).map_err(corrupt)
    }

    /// `license` as it was.
    pub fn of(self, license: License) -> License {
        License {
            status: self.status,
            status_reason: self.status_reason,
            status_effective_at: self.status_effective_at,
            expires_at: self.expires_at,
            terms: self.terms.unwrap_or(license.terms),
            ..license
        }
    }
}

/// When a seat was freed, and until when it was borrowed then.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Freed {
    at: Timestamp,
    borrowed_until: Option<Timestamp>,
}

/// How an order stood before it was noted as paid back, when it was, and what its licenses were that it revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Paid {
    status: OrderStatus,
    refunded_at: Option<Timestamp>,
    at: Timestamp,
    licenses: Vec<(LicenseId, Before)>,
}

/// What became of one in a transaction: changed, with what is kept of it, or refused, with why.
type Outcome = std::result::Result<String, String>;

/// Notes what was gathered; stops where it is more than whoever asked may change.
pub(super) async fn gathered(
    act: &Act,
    tx: &mut Tx,
    row: &mut BulkActRow,
    kept: &Kept,
    (subjects, next): Gathered,
) -> Result<()> {
    bulk_acts::add(tx, row.id, row.total + 1, &subjects).await?;
    row.total += i64::try_from(subjects.len()).unwrap_or(0);
    row.gathered = next;
    if kept.most.is_some_and(|most| u64::try_from(row.total).unwrap_or(0) > most) {
        end(act, tx, row, Some(StopReason::TooMany));
    } else if row.gathered.is_none() {
        row.state = BulkState::Running;
    }
    Ok(())
}

/// Whether whoever `act` is by may still do what takes `permission`; a member or token is locked until the commit. A token
/// loses with its maker's role what that no longer allows.
pub(super) async fn may_still(act: &Act, tx: &mut Tx, permission: Permission) -> Result<bool> {
    Ok(match act.who {
        event::Actor::Member(id) => {
            let asker = members::lock(tx, act.scope, id).await?;
            asker.is_some_and(|asker| asker.disabled_at.is_none() && asker.role.may(permission))
        }
        event::Actor::Token(id) => tokens::lock(tx, act.scope, id).await?.is_some_and(|token| {
            let ended = token.revoked_at.is_some() || token.expires_at.is_some_and(|end| end <= act.now);
            !ended && token.permissions.0.contains(&permission)
        }),
        event::Actor::Customer(_) | event::Actor::Shop(_) | event::Actor::System => true,
    })
}

/// Begins what was to begin later: with the rights that whoever asked for it has now, and for no more than then.
pub(super) async fn begun(act: &Act, tx: &mut Tx, row: &mut BulkActRow, kept: &Kept) -> Result<()> {
    if !may_still(act, tx, kept.step.permission()).await? {
        end(act, tx, row, Some(StopReason::NoLonger));
        return Ok(());
    }
    if let (SubjectKind::Order, Some(most)) = (kept.step.subjects(), kept.most) {
        let items = bulk_acts::items(tx, row, None, 0, MOST_ORDERS).await?;
        let ids: Vec<OrderId> = items.iter().map(|item| OrderId::from_bytes(item.subject.0)).collect();
        let open = licenses::open_of_orders(tx, act.scope, &ids).await?;
        if open.values().map(|(licenses, _)| licenses).sum::<u64>() > most {
            end(act, tx, row, Some(StopReason::TooMany));
            return Ok(());
        }
    }
    row.state = super::first_state(usize::try_from(row.total).unwrap_or(0));
    act.event(tx, "bulk.began", row.id, json!({ "step": kept.step, "undoes": row.undoes, "reason": kept.reason }));
    Ok(())
}

/// Does the next ones.
pub(super) async fn done(act: &Act, tx: &mut Tx, row: &mut BulkActRow, kept: &Kept) -> Result<()> {
    // They are numbered from 1 without a gap and done in that order, so that so many are behind it.
    let behind = row.changed + row.refused;
    let at_once = if kept.step.subjects() == SubjectKind::Order { ORDERS } else { CHANGED };
    let items = bulk_acts::items(tx, row, Some(Fate::Pending), behind, at_once).await?;
    let mut fates = Vec::with_capacity(items.len());
    for item in &items {
        let fate = match one(act, tx, row, kept, item).await? {
            Ok(detail) => {
                row.changed += 1;
                (item.number, Fate::Changed, detail)
            }
            Err(why) => {
                row.refused += 1;
                (item.number, Fate::Refused, why)
            }
        };
        fates.push(fate);
    }
    bulk_acts::settle(tx, row.id, &fates).await?;
    if items.len() < at_once {
        end(act, tx, row, None);
    }
    Ok(())
}

/// Ends an act: it is done, or `stopped` before.
pub(super) fn end(act: &Act, tx: &mut Tx, row: &mut BulkActRow, stopped: Option<StopReason>) {
    row.state = if stopped.is_some() { BulkState::Stopped } else { BulkState::Done };
    (row.stopped, row.ended_at) = (stopped, Some(act.now));
    let data = json!({ "state": row.state, "stopped": stopped, "changed": row.changed, "refused": row.refused });
    let name = if stopped == Some(StopReason::Asked) { "bulk.stopped" } else { "bulk.ended" };
    act.event(tx, name, row.id, data);
}

/// Does it to one. What the rules refuse is told; what fails is an error, and everything is done again.
async fn one(act: &Act, tx: &mut Tx, row: &BulkActRow, kept: &Kept, item: &BulkItemRow) -> Result<Outcome> {
    let did = match &kept.step {
        BulkStep::Status(step) => {
            let id = LicenseId::from_bytes(item.subject.0);
            let before = lock(act, tx, id).await;
            match before {
                Err(error) => Err(error),
                Ok(before) => {
                    let input =
                        ChangeStatus { change: *step, reason: kept.reason.clone(), effective_at: None, dry_run: false };
                    change(act, tx, id, &input).await.and_then(|_| kept_as(&remembered(&before)))
                }
            }
        }
        BulkStep::Extend(days) => extend(act, tx, kept, item, *days).await,
        BulkStep::Free => {
            let id = SeatId::from_bytes(item.subject.0);
            match free(act, tx, id, &kept.reason).await {
                Ok(seat) if seat.was_active => kept_as(&Freed { at: act.now, borrowed_until: seat.borrowed_until }),
                Ok(_) => return Ok(Err("The seat is free already.".to_owned())),
                Err(error) => Err(error),
            }
        }
        BulkStep::Restore => restore(act, tx, row, kept, item).await,
        BulkStep::Refund => pay_back(act, tx, kept, item).await,
        BulkStep::Unrefund => pay_again(act, tx, row, kept, item).await,
        BulkStep::Terms(new) => terms(act, tx, kept, item, new).await,
        BulkStep::Undo | BulkStep::FormerTerms => undo(act, tx, row, kept, item).await,
    };
    match did {
        Ok(detail) => Ok(Ok(detail)),
        Err(error) if error.code.status() < 500 => {
            Ok(Err(error.detail.as_deref().unwrap_or_else(|| error.code.title()).to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// What is kept of a license that is changed once now.
fn remembered(before: &licenses::LicenseRow) -> Before {
    let license = &before.license;
    Before {
        status: license.status,
        status_reason: license.status_reason.clone(),
        status_effective_at: license.status_effective_at,
        expires_at: license.expires_at,
        terms: None,
        version: before.version + 1,
    }
}

fn kept_as(before: &impl Serialize) -> Result<String> {
    serde_json::to_string(before).map_err(corrupt)
}

async fn extend(act: &Act, tx: &mut Tx, kept: &Kept, item: &BulkItemRow, days: u16) -> Result<String> {
    let mut row = lock(act, tx, LicenseId::from_bytes(item.subject.0)).await?;
    let detail = kept_as(&remembered(&row))?;
    let end = row.license.expires_at.map(|end| counted_from(end, act.now).plus(Seconds::days(days.into())));
    let to = Extension { end, small_only: kept.small_only, reason: &kept.reason, dry_run: false };
    extension::extend(act, tx, &mut row, to).await?;
    Ok(detail)
}

/// Gives a license of the plan its terms.
async fn terms(act: &Act, tx: &mut Tx, kept: &Kept, item: &BulkItemRow, new: &PlanTerms) -> Result<String> {
    let row = lock(act, tx, LicenseId::from_bytes(item.subject.0)).await?;
    let Some(terms) = new.renewed(&row) else {
        let of_another = row.license.plan != new.plan;
        return Err(conflict(if of_another { "It is of another plan." } else { "It has these terms already." }));
    };
    let detail = kept_as(&Before { terms: Some(row.license.terms.clone()), ..remembered(&row) })?;
    give(act, tx, row.license, terms, json!({ "reason": kept.reason })).await?;
    Ok(detail)
}

/// Notes an order as paid back and revokes its licenses.
async fn pay_back(act: &Act, tx: &mut Tx, kept: &Kept, item: &BulkItemRow) -> Result<String> {
    let id = OrderId::from_bytes(item.subject.0);
    let order = orders::lock(tx, act.scope, id).await?.ok_or_else(super::absent)?;
    if order.status == OrderStatus::Refunded {
        return Err(conflict("It is paid back already."));
    }
    let rows = licenses::lock_of_order(tx, act.scope, id).await?;
    let open = rows.iter().filter(|row| row.license.status != LicenseStatus::Revoked);
    let licenses = open.map(|row| (row.license.id, remembered(row))).collect();
    refund(act, tx, id, (kept.reason.clone(), false), |_| Ok(())).await?;
    kept_as(&Paid { status: order.status, refunded_at: order.refunded_at, at: act.now, licenses })
}

/// Makes an order and its licenses what they were, where nothing has changed any of them since.
async fn pay_again(act: &Act, tx: &mut Tx, act_row: &BulkActRow, kept: &Kept, item: &BulkItemRow) -> Result<String> {
    let was: Paid = serde_json::from_str(&item.detail).map_err(corrupt)?;
    let id = OrderId::from_bytes(item.subject.0);
    // Locks them all before the first is changed.
    let order = orders::lock(tx, act.scope, id).await?.ok_or_else(super::absent)?;
    let rows = licenses::lock_of_order(tx, act.scope, id).await?;
    if (order.status, order.refunded_at) != (OrderStatus::Refunded, Some(was.at)) {
        return Err(conflict("The order was changed since."));
    }
    let stands = |(id, before): &(LicenseId, Before)| {
        rows.iter().any(|row| row.license.id == *id && row.version == before.version)
    };
    if !was.licenses.iter().all(stands) {
        return Err(conflict("A license of the order was changed since."));
    }
    orders::put_back(tx, act.scope, id, (was.status, was.refunded_at), act.now).await?;
    // What was not sent yet of the refund is not true any more.
    mails::end_about(tx, act.scope, &id.to_string(), act.now).await?;
    for (license, before) in was.licenses {
        put_back(act, tx, act_row, kept, license, before).await?;
    }
    let data = json!({
        "before": { "status": order.status }, "after": { "status": was.status },
        "reason": kept.reason, "undoes": act_row.undoes,
    });
    act.event(tx, "order.refund_undone", id, data);
    Ok(item.detail.clone())
}

/// Makes a license what it was, where nothing has changed it since.
async fn undo(act: &Act, tx: &mut Tx, act_row: &BulkActRow, kept: &Kept, item: &BulkItemRow) -> Result<String> {
    put_back(act, tx, act_row, kept, LicenseId::from_bytes(item.subject.0), Before::read(&item.detail)?).await?;
    Ok(item.detail.clone())
}

async fn put_back(
    act: &Act,
    tx: &mut Tx,
    act_row: &BulkActRow,
    kept: &Kept,
    id: LicenseId,
    before: Before,
) -> Result<()> {
    let row = lock(act, tx, id).await?;
    if row.version != before.version {
        return Err(conflict("The license was changed since."));
    }
    let is = row.license;
    let was = before.of(is.clone());
    if was.terms != is.terms {
        let data = json!({ "reason": kept.reason, "undoes": act_row.undoes });
        return give(act, tx, is, was.terms, data).await;
    }
    save(act, tx, &was).await?;
    let (name, tell): (_, fn(&License) -> Value) = match (is.status, was.status) {
        (LicenseStatus::Suspended, LicenseStatus::Active) => (action(StatusChange::Resume), status_told),
        (LicenseStatus::Revoked, LicenseStatus::Active) => (action(StatusChange::Reinstate), status_told),
        (other, LicenseStatus::Suspended) if other != was.status => (action(StatusChange::Suspend), status_told),
        (other, LicenseStatus::Revoked) if other != was.status => (action(StatusChange::Revoke), status_told),
        _ => ("license.changed", told),
    };
    let data = json!({
        "before": tell(&is), "after": tell(&was), "reason": kept.reason, "undoes": act_row.undoes,
    });
    act.event(tx, name, id, data);
    Ok(())
}

/// Gives a seat that was freed back to its device, where its place is still free.
async fn restore(act: &Act, tx: &mut Tx, act_row: &BulkActRow, kept: &Kept, item: &BulkItemRow) -> Result<String> {
    let was: Freed = serde_json::from_str(&item.detail).map_err(corrupt)?;
    let data = json!({ "undoes": act_row.undoes, "reason": kept.reason });
    restore_seat(act, tx, SeatId::from_bytes(item.subject.0), (was.at, was.borrowed_until), data).await?;
    Ok(item.detail.clone())
}
