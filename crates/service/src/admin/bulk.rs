//! One act on many licenses, seats or orders: chosen one by one, or all that a filter leaves. It says first what it would do;
//! it is done in the background, piece by piece, each in one transaction with its events; and it can be taken back. Where
//! support ends somebody's access, it begins ten minutes after it was asked for, and not at all where it is stopped before.

mod background;
mod pieces;
pub(super) mod preview;

use super::{
    act::{Act, job},
    extension::small_only,
    find::is_own_key,
    inputs::{LicenseFilter, SeatFilter},
    license_status::{AT_ONCE, may_change, may_change_many},
    page::{Page, PageRequest, Total},
    terms::PlanTerms,
    views::Impact,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    BulkActId, LicenseId, MemberId, OrderId, Permission, ReasonText, Role, SeatId, Seconds, Timestamp, event,
    license::StatusChange,
};
pub use holdfast_store::bulk_acts::{BulkState, Fate, Known, StopReason, SubjectKind};
use holdfast_store::{
    Querier, Scope, Tx, WriteOptions,
    bulk_acts::{self, BulkActRow, BulkItemRow, Subject},
    licenses,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How many licenses or seats are looked at to say who would lose access.
const LOOKED_AT: usize = 200;
/// The greatest number of days by which licenses are extended at once.
const DAYS: u16 = 3_653;
/// For how long what support does to end somebody's access can be taken back before anybody notices (security design, "support
/// insider").
pub const DELAY: Seconds = Seconds::minutes(10);
/// For how long an act can be taken back.
pub const UNDO: Seconds = Seconds::days(1);
/// For how long what became of each is kept once an act is through. What happened to a license stays in the audit log.
pub const KEPT: Seconds = Seconds::days(30);

/// What is done to each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkStep {
    /// A step of a license's status.
    Status(StatusChange),
    /// The end of a license, so many days later.
    Extend(u16),
    /// A seat is taken from its device.
    Free,
    /// An order is noted as paid back, and its licenses are revoked.
    Refund,
    /// What an earlier act did to licenses is taken back.
    Undo,
    /// Seats that an earlier act freed are given back to their devices.
    Restore,
    /// Orders that an earlier act noted as paid back stand as before, and so do their licenses.
    Unrefund,
    /// Licenses of a plan get its present terms; of all that a filter leaves, those that have others.
    Terms(Box<PlanTerms>),
    /// Licenses get back the terms that they had before an earlier act.
    FormerTerms,
}

impl BulkStep {
    /// What it takes to do it.
    pub const fn permission(&self) -> Permission {
        match self {
            Self::Status(_) | Self::Undo | Self::Refund | Self::Unrefund => Permission::LicensesStatus,
            Self::Extend(_) => Permission::LicensesExtend,
            Self::Free | Self::Restore => Permission::SeatsRelease,
            Self::Terms(_) | Self::FormerTerms => Permission::LicensesWrite,
        }
    }

    /// The step that takes it back; `None` where none does.
    pub const fn undoing(&self) -> Option<Self> {
        match self {
            Self::Status(_) | Self::Extend(_) => Some(Self::Undo),
            Self::Free => Some(Self::Restore),
            Self::Refund => Some(Self::Unrefund),
            Self::Terms(_) => Some(Self::FormerTerms),
            Self::Undo | Self::Restore | Self::Unrefund | Self::FormerTerms => None,
        }
    }

    /// What it is done to.
    pub const fn subjects(&self) -> SubjectKind {
        match self {
            Self::Free | Self::Restore => SubjectKind::Seat,
            Self::Refund | Self::Unrefund => SubjectKind::Order,
            Self::Status(_) | Self::Extend(_) | Self::Undo | Self::Terms(_) | Self::FormerTerms => SubjectKind::License,
        }
    }

    /// Whether it ends the access of whoever has it by a license, as support does not do at once.
    pub const fn ends_licenses(&self) -> bool {
        matches!(self, Self::Status(StatusChange::Suspend | StatusChange::Revoke) | Self::Refund)
    }

    /// Whether taking it back does.
    const fn undoing_ends_licenses(&self) -> bool {
        matches!(self, Self::Status(StatusChange::Resume | StatusChange::Reinstate) | Self::Extend(_))
    }
}

/// Which ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// These licenses.
    Licenses(Vec<LicenseId>),
    /// These seats.
    Seats(Vec<SeatId>),
    /// These orders.
    Orders(Vec<OrderId>),
    /// Every license that a filter leaves when the act begins.
    AllLicenses(LicenseFilter),
    /// Every seat that a filter leaves when the act begins.
    AllSeats(SeatFilter),
}

/// What an act on many would do.
#[derive(Clone, Debug)]
pub struct BulkPreview {
    /// The id under which it is begun once, however often it is asked for.
    pub id: BulkActId,
    /// How many it is about.
    pub total: u64,
    /// Whether that is the exact number; otherwise there are at least so many.
    pub exact: bool,
    /// Who would lose access, and when, of those looked at.
    pub impact: Impact,
    /// How many were looked at for that.
    pub looked_at: u64,
    /// How many licenses it is about, where it is done to something else.
    pub licenses: Option<u64>,
    /// Whether whoever asks needs a second person for it ([`super::approvals`]).
    pub second: bool,
    /// Whether it begins [`DELAY`] after it is asked for.
    pub later: bool,
    /// How many have no end, where it is that which is moved.
    pub endless: Total,
}

/// An act on many, as it stands.
#[derive(Clone, Debug)]
pub struct BulkActView {
    /// Its id.
    pub id: BulkActId,
    /// What is done to each.
    pub step: BulkStep,
    /// Why.
    pub reason: ReasonText,
    /// Who asked for it.
    pub actor: event::Actor,
    /// How far it is.
    pub state: BulkState,
    /// Why it was stopped, where it was.
    pub stopped: Option<StopReason>,
    /// How many it is about.
    pub total: u64,
    /// How many were changed.
    pub changed: u64,
    /// How many were refused.
    pub refused: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it begins, or began, where that was later.
    pub begins_at: Option<Timestamp>,
    /// When it was through.
    pub ended_at: Option<Timestamp>,
    /// The act that it takes back.
    pub undoes: Option<BulkActId>,
    /// The act that takes it back.
    pub undone_by: Option<BulkActId>,
    /// Who approved it, where it took a second person.
    pub approved_by: Option<MemberId>,
    /// How many licenses it is about, where it is done to something else.
    pub licenses: Option<u64>,
    /// Until when it can be taken back; absent for what never can, and for what was.
    pub undo_until: Option<Timestamp>,
    /// Whether what became of each is no longer kept.
    pub cleared: bool,
}

/// What became of one of many.
#[derive(Clone, Debug)]
pub struct BulkItem {
    /// Its place.
    pub number: i64,
    /// The license, seat or order: its id's text form.
    pub subject: String,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused.
    pub why: Option<String>,
    /// What it is known by; absent for what is gone.
    pub known: Option<Known>,
}

/// What is kept of an act beside its row's own columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    step: BulkStep,
    reason: ReasonText,
    /// How many it may be about.
    most: Option<u64>,
    /// By how much whoever asked may extend.
    small_only: bool,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approved_by: Option<MemberId>,
    /// How many licenses it is about, where it is done to something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    licenses: Option<u64>,
    /// How many licenses or seats it is about, as that was known when it was asked for.
    #[serde(default)]
    about: u64,
}

/// What a new act begins with.
pub(super) struct Beginning {
    pub id: BulkActId,
    pub step: BulkStep,
    pub target: Target,
    pub reason: ReasonText,
    pub undoes: Option<BulkActId>,
    /// How many licenses it is about, where it is done to something else.
    pub licenses: Option<u64>,
    /// How many licenses or seats it is about, as far as that is known.
    pub about: u64,
    /// When it begins, where that is later.
    pub begins_at: Option<Timestamp>,
}

/// A new act, and what it is about as far as that was chosen one by one.
#[derive(Clone)]
pub(super) struct New {
    row: BulkActRow,
    subjects: Vec<Subject>,
    kept: Kept,
}

/// On whose behalf an act is begun, and what limits it.
pub(super) struct Behalf {
    /// How many it may be about.
    pub most: Option<u64>,
    /// Whether it may extend by little only.
    pub small_only: bool,
    /// Who approved it.
    pub approved_by: Option<MemberId>,
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

pub(super) fn conflict(detail: &str) -> Error {
    Error::new(ErrorCode::StatusConflict).with_detail(detail)
}

pub(super) fn corrupt(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

/// Whether `actor` needs a second person to do this to so many.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for whoever may not do it with a second person either.
pub(super) fn needs_second(
    actor: &Actor,
    step: &BulkStep,
    total: Total,
    now: Timestamp,
    dry_run: bool,
) -> Result<bool> {
    actor.require(step.permission())?;
    if matches!(step, BulkStep::Extend(days) if *days == 0 || *days > DAYS) {
        return Err(Error::invalid("/days", format_args!("A number from 1 to {DAYS}.")));
    }
    match step {
        BulkStep::Status(_) | BulkStep::Undo | BulkStep::Refund | BulkStep::Unrefund => {
            may_change(actor, 1, now, dry_run)?;
        }
        BulkStep::Terms(_) | BulkStep::FormerTerms => actor.require(Permission::CatalogWrite)?,
        BulkStep::Extend(_) | BulkStep::Free | BulkStep::Restore => {}
    }
    // Where their number is not known, there may be more.
    let many = if total.exact { usize::try_from(total.rows).unwrap_or(usize::MAX) } else { usize::MAX };
    if actor.asks(step.permission(), many) { Ok(true) } else { may_change_many(actor, many).map(|()| false) }
}

/// `Ok` where `actor` may do this to so many without a second person.
fn may(actor: &Actor, step: &BulkStep, total: Total, now: Timestamp) -> Result<()> {
    if needs_second(actor, step, total, now, false)? { may_change_many(actor, usize::MAX) } else { Ok(()) }
}

/// `total` with what else `actor` has asked for that begins later, where this does as well.
async fn with_waiting(q: &mut dyn Querier, actor: &Actor, ends: bool, total: Total) -> Result<Total> {
    if !ends || !actor.ends_later() {
        return Ok(total);
    }
    let waits = asked_for_by(q, actor.scope(), &actor.who()).await?;
    Ok(Total { rows: total.rows.saturating_add(waits), ..total })
}

/// When what ends somebody's access begins where `actor` asks for it: for support, not at once.
fn begins_at(actor: &Actor, ends: bool, now: Timestamp) -> Option<Timestamp> {
    (ends && actor.ends_later()).then(|| now.plus(DELAY))
}

impl Actor {
    /// Whether what ends somebody's access by a license begins [`DELAY`] after this person, or a program of theirs, asks for
    /// it, so that it can be taken back before anybody notices.
    pub fn ends_later(&self) -> bool {
        self.role_behind() == Some(Role::Support)
    }
}

/// The step that takes the act back, where `actor` may do it and it can be done now; and whether that needs a second person.
pub(super) fn to_undo(actor: &Actor, view: &BulkActView, now: Timestamp, dry_run: bool) -> Result<(BulkStep, bool)> {
    actor.require(view.step.permission())?;
    let step = view.step.undoing();
    let total = Total { rows: view.licenses.unwrap_or(view.changed), exact: true };
    let second = needs_second(actor, step.as_ref().unwrap_or(&view.step), total, now, dry_run)?;
    let step = step.filter(|_| view.undo_until.is_some_and(|until| until >= now));
    Ok((step.ok_or_else(|| conflict("This can no longer be taken back."))?, second))
}

impl Service {
    /// Says what an act on many would do: to how many, and who loses access when.
    ///
    /// # Errors
    /// As for the act itself, but for a fresh sign-in.
    pub async fn preview_bulk(&self, call: &Call, step: BulkStep, target: Target) -> Result<BulkPreview> {
        call.actor.require(step.permission())?;
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let target = self.resolved(&act, &mut reader, target).await?;
        let (total, first) = preview::first_of(&act, &mut reader, &step, &target).await?;
        let licenses = preview::licenses_of(&act, &mut reader, &target).await?;
        let together = with_waiting(&mut reader, &call.actor, step.ends_licenses(), counted(total, licenses)).await?;
        let second = needs_second(&call.actor, &step, together, act.now, true)?;
        let (impact, looked_at) = preview::would_all(&act, &mut reader, &step, &first).await?;
        let endless = preview::endless(&act, &mut reader, (&step, &target), (total, &first)).await?;
        let id = BulkActId::new(act.now, self.entropy());
        let later = !second && begins_at(&call.actor, step.ends_licenses(), act.now).is_some();
        Ok(BulkPreview {
            id,
            total: total.rows,
            exact: total.exact,
            impact,
            looked_at,
            licenses,
            second,
            later,
            endless,
        })
    }

    /// Says what taking an act back would do.
    ///
    /// # Errors
    /// As for taking it back, but for a fresh sign-in.
    pub async fn preview_undo_bulk(&self, call: &Call, id: BulkActId) -> Result<BulkPreview> {
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let row = bulk_acts::get(&mut reader, act.scope, id).await?.ok_or_else(absent)?;
        let view = self.show_bulk(&mut reader, row.clone()).await?;
        let (_, second) = to_undo(&call.actor, &view, act.now, true)?;
        let (impact, looked_at) = preview::undo_would_all(&act, &mut reader, &view.step, &row).await?;
        let id = BulkActId::new(act.now, self.entropy());
        let later = !second && begins_at(&call.actor, view.step.undoing_ends_licenses(), act.now).is_some();
        let (total, licenses) = (view.changed, view.licenses);
        let endless = Total { rows: 0, exact: true };
        Ok(BulkPreview { id, total, exact: true, impact, looked_at, licenses, second, later, endless })
    }

    /// Begins an act on many. It is done in the background, by whichever node comes first; [`DELAY`] later where support ends
    /// somebody's access, and not at all where it is stopped before. Under an `id` that a preview gave it is begun once: asked
    /// for again, it is the same act.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] where the role does not allow the step, or for more than ten at once by anybody but an owner,
    /// an owner's program or the system, counting what else whoever asks has asked for and begins later;
    /// [`ErrorCode::StepUpRequired`] for support without a fresh sign-in;
    /// [`ErrorCode::StatusConflict`] where another act has that id; [`ErrorCode::ChangedMeanwhile`] where a plan no longer
    /// has the terms that its licenses are to get.
    pub async fn begin_bulk(
        &self,
        call: &Call,
        id: Option<BulkActId>,
        step: BulkStep,
        target: Target,
        reason: ReasonText,
    ) -> Result<BulkActId> {
        call.actor.require(step.permission())?;
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let target = self.resolved(&act, &mut reader, target).await?;
        let (total, _) = preview::first_of(&act, &mut reader, &step, &target).await?;
        let licenses = preview::licenses_of(&act, &mut reader, &target).await?;
        let total = counted(total, licenses);
        may(&call.actor, &step, total, act.now)?;
        let id = id.unwrap_or_else(|| BulkActId::new(act.now, self.entropy()));
        let begins_at = begins_at(&call.actor, step.ends_licenses(), act.now);
        let about = total.rows;
        self.note_bulk(call, Beginning { id, step, target, reason, undoes: None, licenses, about, begins_at }).await
    }

    /// Begins to take back what an act did, on exactly those that it changed. One that was changed since is refused, and so is
    /// a seat whose place somebody else has taken.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StatusConflict`] where it is not through, was taken back already, or a day has
    /// passed; the refusals of [`Service::begin_bulk`].
    pub async fn undo_bulk(
        &self,
        call: &Call,
        id: Option<BulkActId>,
        undone: BulkActId,
        reason: ReasonText,
    ) -> Result<BulkActId> {
        let act = self.act(call);
        let view = self.bulk_act(&call.actor, undone).await?;
        // A second click; whether it is the same act, its row tells.
        let again = id.is_some() && view.undone_by == id;
        let view = if again { BulkActView { undo_until: Some(act.now), ..view } } else { view };
        let (step, second) = to_undo(&call.actor, &view, act.now, false)?;
        if second {
            may_change_many(&call.actor, usize::MAX)?;
        }
        let (id, target) =
            (id.unwrap_or_else(|| BulkActId::new(act.now, self.entropy())), Target::Licenses(Vec::new()));
        let begins_at = begins_at(&call.actor, view.step.undoing_ends_licenses(), act.now);
        let (undoes, licenses, about) = (Some(undone), view.licenses, view.licenses.unwrap_or(view.changed));
        self.note_bulk(call, Beginning { id, step, target, reason, undoes, licenses, about, begins_at }).await
    }

    /// Stops an act on many: what it has not come to yet stays as it is. What it has changed can be taken back. One that has
    /// not begun yet never does.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] where the role does not allow the step;
    /// [`ErrorCode::StatusConflict`] where it is through.
    pub async fn stop_bulk(&self, call: &Call, id: BulkActId) -> Result<()> {
        let view = self.bulk_act(&call.actor, id).await?;
        call.actor.require(view.step.permission())?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act => |tx| {
                let mut row = bulk_acts::lock(tx, act.scope, id).await?.ok_or_else(absent)?;
                if row.ended_at.is_some() {
                    return Err(conflict("It is through already."));
                }
                pieces::end(&act, tx, &mut row, Some(StopReason::Asked));
                Ok(bulk_acts::update(tx, &row).await?)
            }),
        )
        .await
    }

    async fn note_bulk(&self, call: &Call, beginning: Beginning) -> Result<BulkActId> {
        let act = self.act(call);
        let behalf = Behalf {
            most: may_change_many(&call.actor, usize::MAX).is_err().then_some(AT_ONCE as u64),
            small_only: small_only(&call.actor),
            approved_by: None,
        };
        let new = New::of(&act, beginning, &behalf)?;
        self.commit(call, WriteOptions::alone(), job!(act, new => |tx| new.begin(&act, tx).await)).await
    }

    /// `target` with the license in place of its whole key that somebody typed. A key is nothing to be kept with an act; and
    /// a node that cannot look it up would take it for a text that other licenses match.
    pub(super) async fn resolved(&self, act: &Act, q: &mut dyn Querier, target: Target) -> Result<Target> {
        let (Target::AllLicenses(LicenseFilter { q: Some(text), .. })
        | Target::AllSeats(SeatFilter { q: Some(text), .. })) = &target
        else {
            return Ok(target);
        };
        let (found, own) = (self.find_exactly(act, q, text).await?, is_own_key(text));
        Ok(match (target, found) {
            (Target::AllLicenses(filter), Some(_)) => {
                let filter = self.narrowed(act, q, filter).await?;
                let found = licenses::list(q, act.scope, &filter, &PageRequest::default(), act.now).await?;
                Target::Licenses(found.items.iter().map(|row| row.row.license.id).collect())
            }
            (Target::AllSeats(filter), Some(found)) if filter.license.is_none() && found.len() == 1 => {
                Target::AllSeats(SeatFilter { license: found.first().map(|row| row.license.id), q: None, ..filter })
            }
            _ if own && self.is_sealed() => return Err(Error::new(ErrorCode::Sealed)),
            _ if own => return Err(Error::invalid("/q", "No license has this key.")),
            (target, _) => target,
        })
    }

    /// An act on many, as it stands.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn bulk_act(&self, actor: &Actor, id: BulkActId) -> Result<BulkActView> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        let row = bulk_acts::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        self.show_bulk(&mut reader, row).await
    }

    /// The vendor's acts on many, the newest first.
    pub async fn bulk_acts(&self, actor: &Actor, page: PageRequest<()>) -> Result<Page<BulkActView>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        let found = bulk_acts::list(&mut reader, actor.scope(), &page).await?;
        let mut items = Vec::new();
        for row in found.items {
            items.push(self.show_bulk(&mut reader, row).await?);
        }
        Ok(Page { items, next: found.next, total: found.total })
    }

    /// The vendor's acts that begin later, the next one first; at most 50.
    pub async fn waiting_acts(&self, actor: &Actor) -> Result<Vec<BulkActView>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        let mut items = Vec::new();
        for row in bulk_acts::waiting(&mut reader, actor.scope(), 50).await? {
            items.push(self.show_bulk(&mut reader, row).await?);
        }
        Ok(items)
    }

    /// What waits to be done to some of `subjects`, each of which is the bytes of a license's, a seat's or an order's id.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever may not see licenses.
    pub async fn acts_that_wait(&self, actor: &Actor, subjects: &[[u8; 16]]) -> Result<Vec<([u8; 16], BulkActView)>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        let subjects: Vec<Subject> = subjects.iter().copied().map(Subject).collect();
        let mut found = Vec::new();
        for (subject, id) in bulk_acts::waiting_for(&mut reader, actor.scope(), &subjects).await? {
            if let Some(row) = bulk_acts::get(&mut reader, actor.scope(), id).await? {
                found.push((subject.0, self.show_bulk(&mut reader, row).await?));
            }
        }
        Ok(found)
    }

    /// What became of those that an act is about, with one fate or all, after place `after`; at most `limit`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn bulk_items(
        &self,
        actor: &Actor,
        id: BulkActId,
        fate: Option<Fate>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<BulkItem>> {
        actor.require(Permission::LicensesRead)?;
        self.items_of(&mut self.store().patient_reader(), actor.scope(), id, fate, after, limit).await
    }

    /// The same, for an export too.
    pub(super) async fn items_of(
        &self,
        q: &mut dyn Querier,
        scope: Scope,
        id: BulkActId,
        fate: Option<Fate>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<BulkItem>> {
        let row = bulk_acts::get(q, scope, id).await?.ok_or_else(absent)?;
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        let kind = kept.step.subjects();
        let items = bulk_acts::items(q, &row, fate, after, limit.min(1_000)).await?;
        let subjects: Vec<Subject> = items.iter().map(|item| item.subject).collect();
        let mut known = bulk_acts::known(q, scope, kind, &subjects).await?;
        Ok(items
            .into_iter()
            .map(|item| BulkItem {
                number: item.number,
                subject: match kind {
                    SubjectKind::License => LicenseId::from_bytes(item.subject.0).to_string(),
                    SubjectKind::Seat => SeatId::from_bytes(item.subject.0).to_string(),
                    SubjectKind::Order => OrderId::from_bytes(item.subject.0).to_string(),
                },
                fate: item.fate,
                why: (item.fate == Fate::Refused).then_some(item.detail),
                known: known.remove(&item.subject),
            })
            .collect())
    }

    pub(super) async fn show_bulk(&self, q: &mut dyn Querier, row: BulkActRow) -> Result<BulkActView> {
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        let undone_by = bulk_acts::undone_by(q, row.scope(), row.id).await?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let can_be_undone = kept.step.undoing().is_some() && row.changed > 0 && undone_by.is_none();
        Ok(BulkActView {
            id: row.id,
            undo_until: row.ended_at.filter(|_| can_be_undone).map(|at| at.plus(UNDO)),
            step: kept.step,
            reason: kept.reason,
            actor: serde_json::from_str(&row.actor).map_err(corrupt)?,
            state: row.state,
            stopped: row.stopped,
            total: count(row.total),
            changed: count(row.changed),
            refused: count(row.refused),
            created_at: row.created_at,
            begins_at: row.begins_at,
            ended_at: row.ended_at,
            undoes: row.undoes,
            undone_by,
            approved_by: kept.approved_by,
            licenses: kept.licenses,
            cleared: row.cleared_at.is_some(),
        })
    }
}

impl New {
    /// What `beginning` makes, asked for as `act` says.
    pub fn of(act: &Act, beginning: Beginning, behalf: &Behalf) -> Result<Self> {
        let Beginning { id, step, target, reason, undoes, licenses, about, begins_at } = beginning;
        let subjects = chosen(&target);
        let Behalf { most, small_only, approved_by } = *behalf;
        let kept = Kept { step, reason, most, small_only, approved_by, licenses, about };
        let row = BulkActRow {
            id,
            vendor: act.scope.vendor(),
            step: serde_json::to_string(&kept).map_err(corrupt)?,
            filter: serde_json::to_string(&without_ids(&target)).map_err(corrupt)?,
            gathered: None,
            undoes,
            actor: serde_json::to_string(&act.who).map_err(corrupt)?,
            origin: act.origin.clone(),
            request: act.request.clone(),
            state: if begins_at.is_some() { BulkState::Waiting } else { first_state(subjects.len()) },
            stopped: None,
            total: i64::try_from(subjects.len()).unwrap_or(0),
            changed: 0,
            refused: 0,
            failures: 0,
            created_at: act.now,
            updated_at: act.now,
            ended_at: None,
            cleared_at: None,
            begins_at,
        };
        Ok(Self { row, subjects, kept })
    }

    /// Begins it in a write job. Begun before, it is the same act.
    pub(super) async fn begin(self, act: &Act, tx: &mut Tx) -> Result<BulkActId> {
        let row = self.row;
        if !bulk_acts::insert(tx, act.scope, &row).await? {
            // A second click, or another request that takes the same act back.
            let known = bulk_acts::get(tx, act.scope, row.id).await?;
            let the_same = known.is_some_and(|known| {
                (known.actor, known.step, known.filter, known.undoes) == (row.actor, row.step, row.filter, row.undoes)
            });
            return if the_same { Ok(row.id) } else { Err(conflict("This was begun already.")) };
        }
        if row.begins_at.is_some()
            && let Some(most) = self.kept.most
        {
            // Of two that are asked for at the same moment, the second counts the first.
            if !pieces::may_still(act, tx, self.kept.step.permission()).await? {
                return Err(Error::new(ErrorCode::Forbidden));
            }
            if asked_for_by(tx, act.scope, &act.who).await? > most {
                return Err(together());
            }
        }
        let subjects: Vec<_> = self.subjects.into_iter().map(|subject| (subject, String::new())).collect();
        bulk_acts::add(tx, row.id, 1, &subjects).await?;
        let mut data = json!({ "step": self.kept.step, "undoes": row.undoes, "reason": self.kept.reason });
        if let Some(at) = row.begins_at {
            data["begins_at"] = json!(super::import::dates::rfc_3339(at));
        }
        act.event(tx, if row.begins_at.is_some() { "bulk.scheduled" } else { "bulk.began" }, row.id, data);
        Ok(row.id)
    }
}

/// How many licenses `who` has asked for that what was asked for begins later: all of it together is what is done at once.
async fn asked_for_by(q: &mut dyn Querier, scope: Scope, who: &event::Actor) -> Result<u64> {
    let who = serde_json::to_string(who).map_err(corrupt)?;
    let mut about = 0_u64;
    for row in bulk_acts::waiting_of(q, scope, &who).await? {
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        about = about.saturating_add(kept.about.max(1));
    }
    Ok(about)
}

fn together() -> Error {
    let detail = format!(
        "With what you have asked for and has not begun yet these are more than {AT_ONCE} licenses: an owner does it, or a second person approves it."
    );
    Error::new(ErrorCode::Forbidden).with_detail(detail)
}

/// What comes first of an act of which so many are chosen.
const fn first_state(chosen: usize) -> BulkState {
    if chosen == 0 { BulkState::Gathering } else { BulkState::Running }
}

/// How many licenses an act is about.
pub(super) fn counted(total: Total, licenses: Option<u64>) -> Total {
    licenses.map_or(total, |rows| Total { rows, exact: true })
}

/// The same without what was chosen one by one, which is kept beside it.
fn without_ids(target: &Target) -> Target {
    match target {
        Target::Licenses(_) => Target::Licenses(Vec::new()),
        Target::Seats(_) => Target::Seats(Vec::new()),
        Target::Orders(_) => Target::Orders(Vec::new()),
        all => all.clone(),
    }
}

/// What was chosen one by one, each once.
fn chosen(target: &Target) -> Vec<Subject> {
    let mut ids: Vec<Subject> = match target {
        Target::Licenses(ids) => ids.iter().map(|id| Subject(id.to_bytes())).collect(),
        Target::Seats(ids) => ids.iter().map(|id| Subject(id.to_bytes())).collect(),
        Target::Orders(ids) => ids.iter().map(|id| Subject(id.to_bytes())).collect(),
        Target::AllLicenses(_) | Target::AllSeats(_) => Vec::new(),
    };
    ids.sort_unstable();
    ids.dedup();
    ids
}
