//! Approvals: what somebody may not do alone, they ask for, and a second person looks at it and approves (security design, the
//! table of roles: "second person", "request"). Nothing changes before that. What is then done is theirs who asked, and each
//! of its events names who approved.

use super::{
    act::{Act, job},
    bulk::{
        Beginning, Behalf, BulkActView, BulkPreview, BulkStep, New, Target, conflict, corrupt, counted, needs_second,
        preview, to_undo,
    },
    licenses::rekey,
    orders::refund,
    page::{Limit, Page, PageRequest, Total},
    views::RefundOutcome,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::keys::{revoke_now, rotate_now},
};
use holdfast_domain::{
    ApprovalId, BulkActId, LicenseId, LicenseKey, MemberId, OrderId, Permission, ProductId, ReasonText, Role, Seconds,
    Timestamp, event,
};
pub use holdfast_store::approvals::ApprovalState;
use holdfast_store::{
    Querier, Tx, WriteOptions,
    approvals::{self, ApprovalRow},
    bulk_acts, licenses, members, orders,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// For how long what was asked for can be approved.
pub const OPEN: Seconds = Seconds::days(7);
/// How much of one person can wait.
const WAITING: usize = 50;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// An act on many licenses or seats.
    Many {
        /// What is to be done to each.
        step: BulkStep,
        /// Which ones.
        target: Box<Target>,
    },
    /// Taking such an act back.
    Undo {
        /// The act.
        act: BulkActId,
        /// What it did to each.
        step: BulkStep,
    },
    /// The refund of an order of many licenses.
    Refund {
        /// The order.
        order: OrderId,
    },
    /// A new key for a license.
    Rekey {
        /// The license.
        license: LicenseId,
    },
    /// A new issuing key for a product.
    RotateKeys {
        /// The product.
        product: ProductId,
    },
    /// The end of an issuing key.
    RevokeKey {
        /// Its product.
        product: ProductId,
        /// Its name.
        kid: String,
    },
}

impl Asked {
    /// What it takes to do it.
    pub const fn permission(&self) -> Permission {
        match self {
            Self::Many { step, .. } | Self::Undo { step, .. } => step.permission(),
            Self::Refund { .. } => Permission::LicensesStatus,
            Self::Rekey { .. } => Permission::LicensesWrite,
            Self::RotateKeys { .. } | Self::RevokeKey { .. } => Permission::KeysWrite,
        }
    }

    /// Whether a member in this role may ask for it. A new key is nothing that support makes, and yet what a customer asks
    /// support for; everybody else who may see the license makes it themselves, or has nothing to do with customers.
    pub fn may_be_asked_by(&self, role: Role) -> bool {
        match self {
            Self::Rekey { .. } => role == Role::Support,
            other => role.may_ask(other.permission()),
        }
    }
}

/// An approval, as it stands.
#[derive(Clone, Debug)]
pub struct ApprovalView {
    /// Its id.
    pub id: ApprovalId,
    /// What is asked for.
    pub asked: Asked,
    /// How many it was about when it was asked for; absent for work on keys and for a license's new one.
    pub total: Option<Total>,
    /// Why.
    pub reason: ReasonText,
    /// Who asks.
    pub asked_by: MemberId,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: ApprovalState,
    /// Whether it has run out before anybody decided.
    pub ran_out: bool,
    /// Who decided, and when.
    pub decided: Option<(MemberId, Timestamp)>,
    /// What they said.
    pub note: Option<ReasonText>,
    /// The act on many that it became.
    pub act: Option<BulkActId>,
}

impl ApprovalView {
    /// Whether `actor` may decide on it now.
    pub fn is_for(&self, actor: &Actor) -> bool {
        self.waits() && may_decide(actor, &self.asked, self.asked_by).is_ok()
    }

    /// Whether it waits.
    pub fn waits(&self) -> bool {
        self.state == ApprovalState::Waiting && !self.ran_out
    }
}

/// What is kept of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    asked: Asked,
    rows: Option<u64>,
    exact: bool,
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn show(row: ApprovalRow, now: Timestamp) -> Result<ApprovalView> {
    let kept: Kept = serde_json::from_str(&row.asked).map_err(corrupt)?;
    let became = matches!(kept.asked, Asked::Many { .. } | Asked::Undo { .. }) && row.state == ApprovalState::Approved;
    Ok(ApprovalView {
        id: row.id,
        act: became.then(|| act_of(row.id)),
        asked: kept.asked,
        total: kept.rows.map(|rows| Total { rows, exact: kept.exact }),
        reason: row.reason,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        expires_at: row.expires_at,
        ran_out: row.state == ApprovalState::Waiting && row.expires_at <= now,
        state: row.state,
        decided: row.decided_by.zip(row.decided_at),
        note: row.note,
    })
}

/// The act on many that an approval becomes: of the same number.
const fn act_of(id: ApprovalId) -> BulkActId {
    BulkActId::from_bytes(id.to_bytes())
}

/// `Ok` where `actor` may ask for it.
fn may_ask(actor: &Actor, asked: &Asked, now: Timestamp) -> Result<()> {
    if !actor.role().is_some_and(|role| asked.may_be_asked_by(role)) {
        // An owner does it; whoever may do nothing of the kind is told so, or that a factor is missing.
        actor.require(asked.permission())?;
        return Err(Error::new(ErrorCode::Forbidden).with_detail("Your role does not ask for this."));
    }
    if actor.is_held() {
        return Err(Error::new(ErrorCode::FactorRequired));
    }
    actor.require_fresh(now)
}

/// `Ok` where `actor` may be the second person.
fn may_decide(actor: &Actor, asked: &Asked, asked_by: MemberId) -> Result<()> {
    actor.require(asked.permission())?;
    if !actor.role().is_some_and(|role| role.may_approve(asked.permission())) {
        return Err(Error::new(ErrorCode::Forbidden).with_detail("An owner or an admin approves this."));
    }
    if actor.member_id() == Some(asked_by) {
        return Err(Error::new(ErrorCode::Forbidden).with_detail("You asked for it: somebody else approves it."));
    }
    Ok(())
}

fn decided() -> Error {
    conflict("It was decided already, or has run out.")
}

impl Service {
    /// Asks a second person for what whoever asks may not do alone. Nothing changes before one approves. Under an `id` that a
    /// preview gave it is asked for once.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] where the role does not ask for this; [`ErrorCode::StepUpRequired`] without a fresh sign-in;
    /// [`ErrorCode::StatusConflict`] where 50 of theirs wait; the refusals of what is asked
    /// for.
    pub async fn ask(
        &self,
        call: &Call,
        id: Option<ApprovalId>,
        asked: Asked,
        reason: ReasonText,
    ) -> Result<ApprovalId> {
        may_ask(&call.actor, &asked, self.now())?;
        let by = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let asked = match asked {
            Asked::Many { step, target } => {
                Asked::Many { target: Box::new(self.resolved(&act, &mut reader, *target).await?), step }
            }
            other => other,
        };
        let total = self.meant(&act, &mut reader, &call.actor, &asked).await?;
        let waits = self.waiting(&call.actor, &mut reader).await?;
        if waits.iter().filter(|waiting| waiting.asked_by == by).count() >= WAITING {
            return Err(conflict(&format!("{WAITING} of yours wait already.")));
        }
        let kept = Kept { asked, rows: total.map(|total| total.rows), exact: total.is_some_and(|total| total.exact) };
        let row = ApprovalRow {
            id: id.unwrap_or_else(|| ApprovalId::new(act.now, self.entropy())),
            vendor: act.scope.vendor(),
            asked: serde_json::to_string(&kept).map_err(corrupt)?,
            reason,
            asked_by: by,
            origin: act.origin.clone(),
            request: act.request.clone(),
            asked_at: act.now,
            expires_at: act.now.plus(OPEN),
            state: ApprovalState::Waiting,
            decided_by: None,
            decided_at: None,
            note: None,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row, kept => |tx| {
                if !approvals::insert(tx, act.scope, &row).await? {
                    // A second click.
                    let known = approvals::get(tx, act.scope, row.id).await?;
                    let the_same =
                        known.is_some_and(|known| (known.asked_by, &known.asked) == (row.asked_by, &row.asked));
                    return if the_same { Ok(row.id) } else { Err(conflict("This was asked for already.")) };
                }
                act.event(tx, "approval.asked", row.id, json!({ "asked": kept.asked, "reason": row.reason }));
                Ok(row.id)
            }),
        )
        .await
    }

    /// How many licenses or seats it is about now; absent for work on keys.
    ///
    /// # Errors
    /// Where it cannot be done now.
    async fn meant(&self, act: &Act, q: &mut dyn Querier, actor: &Actor, asked: &Asked) -> Result<Option<Total>> {
        Ok(match asked {
            Asked::Many { step, target } => {
                let (total, _) = preview::first_of(act, q, step, target).await?;
                let licenses = preview::licenses_of(act, q, target).await?;
                needs_second(actor, step, counted(total, licenses), act.now, true)?;
                Some(total)
            }
            Asked::Undo { act: undone, step } => {
                let view = self.undone(q, act, *undone, step).await?;
                to_undo(actor, &view, act.now, true)?;
                Some(Total { rows: view.changed, exact: true })
            }
            Asked::Refund { order } => {
                orders::get(q, act.scope, *order).await?.ok_or_else(absent)?;
                let counts = licenses::of_orders(q, act.scope, &[*order]).await?;
                Some(Total { rows: counts.get(order).copied().unwrap_or(0), exact: true })
            }
            Asked::Rekey { license } => {
                licenses::get(q, act.scope, *license).await?.ok_or_else(absent)?;
                None
            }
            Asked::RotateKeys { product } => {
                holdfast_store::products::get(q, act.scope, *product).await?.ok_or_else(absent)?;
                None
            }
            Asked::RevokeKey { product, kid } => {
                let keys = holdfast_store::signing_keys::of_product(q, act.scope, *product).await?;
                let revoked = holdfast_store::signing_keys::KeyStatus::Revoked;
                keys.iter().find(|key| key.kid == *kid && key.status != revoked).ok_or_else(absent)?;
                None
            }
        })
    }

    /// The act that is to be taken back, where it did `step`.
    async fn undone(&self, q: &mut dyn Querier, act: &Act, id: BulkActId, step: &BulkStep) -> Result<BulkActView> {
        let row = bulk_acts::get(q, act.scope, id).await?.ok_or_else(absent)?;
        let view = self.show_bulk(q, row).await?;
        if view.step == *step { Ok(view) } else { Err(absent()) }
    }

    /// An approval.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn approval(&self, actor: &Actor, id: ApprovalId) -> Result<ApprovalView> {
        actor.require(Permission::LicensesRead)?;
        let row = approvals::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        show(row.ok_or_else(absent)?, self.now())
    }

    /// The vendor's approvals, the newest first; `waiting` leaves out what was decided or has run out.
    pub async fn approvals(&self, actor: &Actor, waiting: bool, page: PageRequest<()>) -> Result<Page<ApprovalView>> {
        actor.require(Permission::LicensesRead)?;
        let now = self.now();
        let waiting_at = waiting.then_some(now);
        let found = approvals::list(&mut self.store().patient_reader(), actor.scope(), waiting_at, &page).await?;
        let items = found.items.into_iter().map(|row| show(row, now)).collect::<Result<_>>()?;
        Ok(Page { items, next: found.next, total: found.total })
    }

    /// How many of the newest 200 that wait are for `actor` to decide on.
    pub async fn approvals_for(&self, actor: &Actor) -> Result<u64> {
        actor.require(Permission::LicensesRead)?;
        let waits = self.waiting(actor, &mut self.store().patient_reader()).await?;
        Ok(waits.iter().filter(|waiting| waiting.is_for(actor)).count() as u64)
    }

    async fn waiting(&self, actor: &Actor, q: &mut dyn Querier) -> Result<Vec<ApprovalView>> {
        let (now, page) = (self.now(), PageRequest { limit: Limit::new(200), ..PageRequest::default() });
        let found = approvals::list(q, actor.scope(), Some(now), &page).await?;
        found.items.into_iter().map(|row| show(row, now)).collect()
    }

    /// What approving an act on many would do now: to how many, and who loses access when. `None` for work on keys.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; the refusals of what is asked for.
    pub async fn preview_approval(&self, call: &Call, id: ApprovalId) -> Result<Option<BulkPreview>> {
        let view = self.approval(&call.actor, id).await?;
        call.actor.require(view.asked.permission())?;
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let looked = |total: Total, impact, looked_at| BulkPreview {
            id: act_of(id),
            total: total.rows,
            exact: total.exact,
            impact,
            looked_at,
            licenses: None,
            endless: Total { rows: 0, exact: true },
            second: true,
            later: false,
        };
        Ok(match &view.asked {
            Asked::Many { step, target } => {
                let (total, first) = preview::first_of(&act, &mut reader, step, target).await?;
                let (impact, looked_at) = preview::would_all(&act, &mut reader, step, &first).await?;
                Some(looked(total, impact, looked_at))
            }
            Asked::Undo { act: undone, step } => {
                let row = bulk_acts::get(&mut reader, act.scope, *undone).await?.ok_or_else(absent)?;
                let total = Total { rows: u64::try_from(row.changed).unwrap_or(0), exact: true };
                let (impact, looked_at) = preview::undo_would_all(&act, &mut reader, step, &row).await?;
                Some(looked(total, impact, looked_at))
            }
            Asked::Refund { order } => {
                let (order, reason) = (*order, view.reason.clone());
                let look = job!(act, reason => |tx| refund(&act, tx, order, (reason, true), |_| Ok(())).await);
                let RefundOutcome { licenses, impact, .. } = self.store().write(WriteOptions::alone(), look).await?;
                let rows = licenses.len() as u64;
                Some(looked(Total { rows, exact: true }, impact, rows))
            }
            Asked::Rekey { .. } | Asked::RotateKeys { .. } | Asked::RevokeKey { .. } => None,
        })
    }

    /// Approves what somebody else asked for, and does it, or begins it: in the name of whoever asked. Of two who decide at
    /// once, one does.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever asked for it, and for anybody but an owner or, where it is no work on keys, an
    /// admin; [`ErrorCode::StepUpRequired`] without a fresh sign-in; [`ErrorCode::StatusConflict`] where it was decided, has
    /// run out, or whoever asked may no longer ask; the refusals of what is asked for.
    pub async fn approve(&self, call: &Call, id: ApprovalId, note: Option<ReasonText>) -> Result<ApprovalView> {
        let view = self.decidable(call, id).await?;
        call.actor.require_fresh(self.now())?;
        let (by, act) = (call.actor.member_id(), self.act(call));
        let mut reader = self.store().patient_reader();
        let (asked, asked_by) = (view.asked.clone(), view.asked_by);
        let member = members::get(&mut reader, act.scope, asked_by).await?.ok_or_else(absent)?;
        let row = approvals::get(&mut reader, act.scope, id).await?.ok_or_else(absent)?;
        let doer = self.act_for(act.scope, event::Actor::Member(asked_by), row.origin, row.request).approved(by);
        // Looked at again before anything is done: it may no longer be possible.
        let behalf = Behalf { most: None, small_only: !member.role.may(Permission::LicensesWrite), approved_by: by };
        let new = match &asked {
            Asked::Many { step, target } => {
                preview::first_of(&act, &mut reader, step, target).await?;
                let licenses = preview::licenses_of(&act, &mut reader, target).await?;
                let (step, target, reason) = (step.clone(), Target::clone(target), view.reason.clone());
                let (undoes, begins_at) = (None, None);
                let beginning =
                    Beginning { id: act_of(id), step, target, reason, undoes, licenses, about: 0, begins_at };
                Some(New::of(&doer, beginning, &behalf)?)
            }
            Asked::Undo { act: undone, step } => {
                let undone = self.undone(&mut reader, &act, *undone, step).await?;
                let (step, _) = to_undo(&call.actor, &undone, act.now, true)?;
                let (target, reason) = (Target::Licenses(Vec::new()), view.reason.clone());
                let (undoes, licenses, begins_at) = (Some(undone.id), undone.licenses, None);
                let beginning =
                    Beginning { id: act_of(id), step, target, reason, undoes, licenses, about: 0, begins_at };
                Some(New::of(&doer, beginning, &behalf)?)
            }
            _ => None,
        };
        // Whoever approves does not see it: it is for the customer.
        let key = match &asked {
            Asked::Rekey { license } => Some(self.store_key(*license, &LicenseKey::generate(self.entropy()))?),
            _ => None,
        };
        let reason = view.reason.clone();
        let keys = asked.permission() == Permission::KeysWrite;
        let vendor = act.scope.vendor();
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, doer, asked, new, key, reason, note => |tx| {
                settle(&act, tx, id, ApprovalState::Approved, note.as_ref()).await?;
                let member = members::lock(tx, act.scope, asked_by).await?.filter(|member| member.disabled_at.is_none());
                let may = |role: Role| role == Role::Owner || asked.may_be_asked_by(role);
                if !member.is_some_and(|member| may(member.role)) {
                    return Err(conflict("Whoever asked for it may no longer ask for this."));
                }
                match (asked, new) {
                    (_, Some(new)) => new.begin(&doer, tx).await.map(|_| ()),
                    (Asked::Rekey { license }, _) => {
                        let key = key.ok_or_else(|| Error::internal("a key was not prepared"))?;
                        rekey(&doer, tx, license, &key, &reason).await.map(|_| ())
                    }
                    (Asked::Refund { order }, _) => {
                        refund(&doer, tx, order, (reason, false), |_| Ok(())).await.map(|_| ())
                    }
                    (Asked::RotateKeys { product }, _) => rotate_now(&doer, tx, product).await.map(|_| ()),
                    (Asked::RevokeKey { product, kid }, _) => revoke_now(&doer, tx, product, &kid, &reason).await,
                    (Asked::Many { .. } | Asked::Undo { .. }, None) => Err(Error::internal("an act was not prepared")),
                }
            }),
        )
        .await?;
        if keys {
            self.state().hot.drop_vendor(vendor);
        }
        self.approval(&call.actor, id).await
    }

    /// Refuses what somebody else asked for.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever may not approve it; [`ErrorCode::StatusConflict`] where it was decided or has run
    /// out.
    pub async fn refuse(&self, call: &Call, id: ApprovalId, note: Option<ReasonText>) -> Result<ApprovalView> {
        self.decidable(call, id).await?;
        self.close(call, id, ApprovalState::Refused, note).await
    }

    /// Takes back what whoever calls has asked for.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for anybody else; [`ErrorCode::StatusConflict`] where it was decided or has run out.
    pub async fn withdraw(&self, call: &Call, id: ApprovalId) -> Result<ApprovalView> {
        let view = self.approval(&call.actor, id).await?;
        if call.actor.member_id() != Some(view.asked_by) {
            return Err(Error::new(ErrorCode::Forbidden).with_detail("Whoever asked for it takes it back."));
        }
        self.close(call, id, ApprovalState::Withdrawn, None).await
    }

    /// The approval, where whoever calls may decide on it.
    async fn decidable(&self, call: &Call, id: ApprovalId) -> Result<ApprovalView> {
        let view = self.approval(&call.actor, id).await?;
        may_decide(&call.actor, &view.asked, view.asked_by)?;
        if view.waits() { Ok(view) } else { Err(decided()) }
    }

    async fn close(
        &self,
        call: &Call,
        id: ApprovalId,
        state: ApprovalState,
        note: Option<ReasonText>,
    ) -> Result<ApprovalView> {
        let act = self.act(call);
        let close = job!(act, note => |tx| settle(&act, tx, id, state, note.as_ref()).await);
        self.commit(call, WriteOptions::default(), close).await?;
        self.approval(&call.actor, id).await
    }
}

/// Decides in a write job, and tells of it.
async fn settle(act: &Act, tx: &mut Tx, id: ApprovalId, state: ApprovalState, note: Option<&ReasonText>) -> Result<()> {
    let event::Actor::Member(by) = act.who else { return Err(Error::new(ErrorCode::Forbidden)) };
    if !approvals::decide(tx, act.scope, id, state, (by, act.now), note).await? {
        return Err(decided());
    }
    let name = match state {
        ApprovalState::Approved => "approval.approved",
        ApprovalState::Withdrawn => "approval.withdrawn",
        ApprovalState::Refused | ApprovalState::Waiting => "approval.refused",
    };
    act.event(tx, name, id, json!({ "note": note }));
    Ok(())
}
