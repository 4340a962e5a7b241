//! One act on many licenses or seats: chosen one by one, or all that a filter leaves. It says first what it would do; it is
//! done in the background, piece by piece, each in one transaction with its events; and it can be taken back.

mod pieces;

use super::{
    act::{Act, job},
    inputs::{LicenseFilter, SeatFilter},
    license_status::{MOST, impact_of, may_change},
    page::{Cursor, Direction, Limit, PageRequest},
    views::Impact,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    BulkActId, LicenseId, LicenseStatus, Permission, ReasonText, SeatId, Seconds, Timestamp, event,
    license::StatusChange,
};
pub use holdfast_store::bulk_acts::{BulkState, Fate};
use holdfast_store::{
    Querier, WriteOptions,
    bulk_acts::{self, BulkActRow, BulkItemRow, Subject},
    job_leases, licenses, seats,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The lease that whoever does these acts holds.
pub(crate) const JOB: &str = "admin.bulk";
/// How many are gathered in one transaction.
const GATHERED: u32 = 200;
/// How many licenses are looked at to say who would lose access.
const LOOKED_AT: usize = 200;
/// The greatest number of days by which licenses are extended at once.
const DAYS: u16 = 3_653;
/// For how long an act can be taken back.
pub const UNDO: Seconds = Seconds::days(1);

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
    /// What an earlier act did is taken back.
    Undo,
}

impl BulkStep {
    /// What it takes to do it.
    const fn permission(&self) -> Permission {
        match self {
            Self::Status(_) | Self::Undo => Permission::LicensesStatus,
            Self::Extend(_) => Permission::LicensesExtend,
            Self::Free => Permission::SeatsRelease,
        }
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
    /// Every license that a filter leaves when the act begins.
    AllLicenses(LicenseFilter),
    /// Every seat that a filter leaves when the act begins.
    AllSeats(SeatFilter),
}

/// What an act on many would do.
#[derive(Clone, Debug)]
pub struct BulkPreview {
    /// How many it is about.
    pub total: u64,
    /// Whether that is the exact number; otherwise there are at least so many.
    pub exact: bool,
    /// Who would lose access, and when, of those looked at.
    pub impact: Impact,
    /// How many were looked at for that.
    pub looked_at: u64,
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
    /// How many it is about.
    pub total: u64,
    /// How many were changed.
    pub changed: u64,
    /// How many were refused.
    pub refused: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was through.
    pub ended_at: Option<Timestamp>,
    /// The act that it takes back.
    pub undoes: Option<BulkActId>,
    /// The act that takes it back.
    pub undone_by: Option<BulkActId>,
    /// Until when it can be taken back.
    pub undo_until: Option<Timestamp>,
}

/// What became of one of many.
#[derive(Clone, Debug)]
pub struct BulkItem {
    /// Its place.
    pub number: i64,
    /// The license or seat: its id's text form.
    pub subject: String,
    /// What became of it.
    pub fate: Fate,
    /// Why it was refused.
    pub why: Option<String>,
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
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn corrupt(error: impl std::fmt::Display) -> Error {
    Error::internal(error.to_string())
}

/// `Ok` where `actor` may do this to so many.
fn may(actor: &Actor, step: &BulkStep, total: u64, now: Timestamp, dry_run: bool) -> Result<()> {
    actor.require(step.permission())?;
    if matches!(step, BulkStep::Extend(days) if *days == 0 || *days > DAYS) {
        return Err(Error::invalid("/days", format_args!("A number from 1 to {DAYS}.")));
    }
    let many = usize::try_from(total).unwrap_or(usize::MAX);
    match step {
        BulkStep::Status(_) | BulkStep::Undo => may_change(actor, many, now, dry_run),
        BulkStep::Extend(_) | BulkStep::Free => super::license_status::may_change_many(actor, many),
    }
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
        let (total, exact, first) = self.first_of(&act, &mut reader, &step, &target).await?;
        may(&call.actor, &step, total, self.now(), true)?;
        let mut impact = Impact::default();
        for subject in &first {
            impact = impact.and(would(&act, &mut reader, &step, *subject).await?);
        }
        Ok(BulkPreview { total, exact, impact, looked_at: first.len() as u64 })
    }

    /// How many `target` is about, and the first of them.
    async fn first_of(
        &self,
        act: &Act,
        q: &mut dyn Querier,
        step: &BulkStep,
        target: &Target,
    ) -> Result<(u64, bool, Vec<Subject>)> {
        let limit = Limit::new(u32::try_from(LOOKED_AT).unwrap_or(200));
        let fits = matches!(
            (step, target),
            (BulkStep::Status(_) | BulkStep::Extend(_), Target::Licenses(_) | Target::AllLicenses(_))
                | (BulkStep::Free, Target::Seats(_) | Target::AllSeats(_))
        );
        if !fits {
            return Err(Error::invalid("/step", "This cannot be done to these."));
        }
        Ok(match target {
            Target::Licenses(_) | Target::Seats(_) => {
                let chosen = chosen(target);
                if chosen.is_empty() || chosen.len() > MOST {
                    return Err(Error::invalid("/ids", format_args!("Choose 1 to {MOST}, or all that match.")));
                }
                (chosen.len() as u64, true, chosen)
            }
            Target::AllLicenses(filter) => {
                let filter = self.narrowed(act, q, filter.clone()).await?;
                let page = PageRequest { limit, ..PageRequest::default() };
                let found = licenses::list(q, act.scope, &filter, &page, act.now).await?;
                let first = found.items.iter().map(|row| Subject(row.row.license.id.to_bytes())).collect();
                (found.total.rows, found.total.exact, first)
            }
            Target::AllSeats(filter) => {
                let page = PageRequest { limit, ..PageRequest::default() };
                let filter = self.narrowed_to_license(act, q, filter.clone()).await?;
                let found = seats::list(q, act.scope, &filter.rows(), &page).await?;
                let first = found.items.iter().map(|row| Subject(row.row.seat.id.to_bytes())).collect();
                (found.total.rows, found.total.exact, first)
            }
        })
    }

    /// Begins an act on many. It is done in the background, by whichever node comes first.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] where the role does not allow the step, or for more than ten at once by anybody but an owner,
    /// a token or the system; [`ErrorCode::StepUpRequired`] for support without a fresh sign-in.
    pub async fn begin_bulk(
        &self,
        call: &Call,
        step: BulkStep,
        target: Target,
        reason: ReasonText,
    ) -> Result<BulkActId> {
        call.actor.require(step.permission())?;
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let (total, ..) = self.first_of(&act, &mut reader, &step, &target).await?;
        may(&call.actor, &step, total, self.now(), false)?;
        let chosen: Vec<(Subject, String)> =
            chosen(&target).into_iter().map(|subject| (subject, String::new())).collect();
        let state = match target {
            Target::Licenses(_) | Target::Seats(_) => BulkState::Running,
            Target::AllLicenses(_) | Target::AllSeats(_) => BulkState::Gathering,
        };
        self.note_bulk(call, &step, &target, reason, None, state, chosen).await
    }

    /// Begins to take back what an act on licenses did, on exactly those that it changed. One that was changed since is
    /// refused.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StatusConflict`] where it is not through, was taken back already, freed seats,
    /// or a day has passed; the refusals of [`Service::begin_bulk`].
    pub async fn undo_bulk(&self, call: &Call, id: BulkActId, reason: ReasonText) -> Result<BulkActId> {
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let row = bulk_acts::get(&mut reader, act.scope, id).await?.ok_or_else(absent)?;
        let view = self.show_bulk(&mut reader, row.clone()).await?;
        call.actor.require(view.step.permission())?;
        may(&call.actor, &BulkStep::Undo, view.changed, self.now(), false)?;
        if view.undone_by.is_some() || view.undo_until.is_none_or(|until| until < act.now) {
            return Err(Error::new(ErrorCode::StatusConflict).with_detail("This can no longer be taken back."));
        }
        let mut changed = Vec::new();
        loop {
            let after = changed.last().map_or(0, |item: &BulkItemRow| item.number);
            let items = bulk_acts::items(&mut reader, &row, Some(Fate::Changed), after, 1_000).await?;
            let ended = items.len() < 1_000;
            changed.extend(items);
            if ended {
                break;
            }
        }
        let subjects = changed.into_iter().map(|item| (item.subject, item.detail)).collect();
        let target = Target::Licenses(Vec::new());
        self.note_bulk(call, &BulkStep::Undo, &target, reason, Some(id), BulkState::Running, subjects).await
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one row, from two callers")]
    async fn note_bulk(
        &self,
        call: &Call,
        step: &BulkStep,
        target: &Target,
        reason: ReasonText,
        undoes: Option<BulkActId>,
        state: BulkState,
        subjects: Vec<(Subject, String)>,
    ) -> Result<BulkActId> {
        let act = self.act(call);
        let alone = super::license_status::may_change_many(&call.actor, usize::MAX).is_err();
        let small_only = !call.actor.may(Permission::LicensesWrite);
        let most = alone.then_some(super::license_status::AT_ONCE as u64);
        let kept = Kept { step: step.clone(), reason: reason.clone(), most, small_only };
        let row = BulkActRow {
            id: BulkActId::new(act.now, self.entropy()),
            vendor: act.scope.vendor(),
            step: serde_json::to_string(&kept).map_err(corrupt)?,
            filter: serde_json::to_string(&without_ids(target)).map_err(corrupt)?,
            gathered: None,
            undoes,
            actor: serde_json::to_string(&act.who).map_err(corrupt)?,
            origin: call.from.address.map(|address| address.to_string()).unwrap_or_default(),
            request: call.from.request_id.clone(),
            state,
            total: i64::try_from(subjects.len()).unwrap_or(0),
            changed: 0,
            refused: 0,
            created_at: act.now,
            updated_at: act.now,
            ended_at: None,
        };
        let step = step.clone();
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, row, subjects, step, reason => |tx| {
                if let Some(undoes) = row.undoes
                    && bulk_acts::undone_by(tx, act.scope, undoes).await?.is_some()
                {
                    return Err(Error::new(ErrorCode::StatusConflict).with_detail("This was taken back already."));
                }
                bulk_acts::insert(tx, act.scope, &row).await?;
                bulk_acts::add(tx, row.id, 1, &subjects).await?;
                let data = json!({ "step": step, "undoes": row.undoes, "reason": reason });
                act.event(tx, "bulk.began", row.id, data);
                Ok(row.id)
            }),
        )
        .await
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

    /// The vendor's newest acts on many, at most a hundred.
    pub async fn bulk_acts(&self, actor: &Actor) -> Result<Vec<BulkActView>> {
        actor.require(Permission::LicensesRead)?;
        let mut reader = self.store().patient_reader();
        let mut acts = Vec::new();
        for row in bulk_acts::newest(&mut reader, actor.scope()).await? {
            acts.push(self.show_bulk(&mut reader, row).await?);
        }
        Ok(acts)
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
        let mut reader = self.store().patient_reader();
        let row = bulk_acts::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        let items = bulk_acts::items(&mut reader, &row, fate, after, limit.min(1_000)).await?;
        Ok(items
            .into_iter()
            .map(|item| BulkItem {
                number: item.number,
                subject: match kept.step {
                    BulkStep::Free => SeatId::from_bytes(item.subject.0).to_string(),
                    _ => LicenseId::from_bytes(item.subject.0).to_string(),
                },
                fate: item.fate,
                why: (item.fate == Fate::Refused).then_some(item.detail),
            })
            .collect())
    }

    async fn show_bulk(&self, q: &mut dyn Querier, row: BulkActRow) -> Result<BulkActView> {
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        let undone_by = bulk_acts::undone_by(q, row.scope(), row.id).await?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let can_be_undone =
            matches!(kept.step, BulkStep::Status(_) | BulkStep::Extend(_)) && row.changed > 0 && undone_by.is_none();
        Ok(BulkActView {
            id: row.id,
            undo_until: row.ended_at.filter(|_| can_be_undone).map(|at| at.plus(UNDO)),
            step: kept.step,
            reason: kept.reason,
            actor: serde_json::from_str(&row.actor).map_err(corrupt)?,
            state: row.state,
            total: count(row.total),
            changed: count(row.changed),
            refused: count(row.refused),
            created_at: row.created_at,
            ended_at: row.ended_at,
            undoes: row.undoes,
            undone_by,
        })
    }

    /// Does the next piece of whatever act is not through, where `holder` has the lease or can take it. False where there is
    /// nothing to be done, or somebody else is at it.
    ///
    /// # Errors
    /// Where the database fails; the piece is then done again.
    pub async fn go_on_with_bulk(&self, holder: &str) -> Result<bool> {
        let Some(row) = bulk_acts::next(&mut self.store().reader()).await? else { return Ok(false) };
        let (now, holder) = (self.now(), holder.to_owned());
        let take = job!(holder => |tx| {
            Ok::<_, Error>(job_leases::acquire(tx, JOB, &holder, Seconds::MINUTE, now).await?)
        });
        let Some(token) = self.store().write(WriteOptions::default(), take).await? else { return Ok(false) };
        let (act, kept) = (self.act_of(&row)?, serde_json::from_str::<Kept>(&row.step).map_err(corrupt)?);
        let found = match row.state {
            BulkState::Gathering => Some(self.gather(&act, &row).await?),
            _ => None,
        };
        let piece = job!(act, row, kept, found, holder => |tx| {
            // Whoever has taken over since has done this piece already, or will.
            if !job_leases::still_holds(tx, JOB, token).await? {
                return Ok(());
            }
            let Some(mut row) = bulk_acts::get(tx, act.scope, row.id).await?.filter(|now| now.total == row.total
                && now.changed + now.refused == row.changed + row.refused && now.state == row.state) else {
                return Ok(());
            };
            match &found {
                Some((subjects, next)) => pieces::gathered(&act, tx, &mut row, &kept, subjects, next.as_ref()).await?,
                None => pieces::done(&act, tx, &mut row, &kept).await?,
            }
            row.updated_at = act.now;
            bulk_acts::update(tx, &row).await?;
            if row.ended_at.is_some() {
                job_leases::release(tx, JOB, &holder, act.now).await?;
            }
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::alone().idempotent(), piece).await?;
        self.apply_own_changes().await;
        Ok(true)
    }

    /// The next subjects of an act that is gathering, and where they go on.
    async fn gather(&self, act: &Act, row: &BulkActRow) -> Result<(Vec<Subject>, Option<Cursor>)> {
        let target: Target = serde_json::from_str(&row.filter).map_err(corrupt)?;
        let after = row.gathered.as_deref().map(str::parse::<Cursor>).transpose().map_err(corrupt)?;
        let mut reader = self.store().patient_reader();
        let (limit, direction) = (Limit::new(GATHERED), Direction::Ascending);
        Ok(match target {
            Target::AllLicenses(filter) => {
                let filter = self.narrowed(act, &mut reader, filter).await?;
                let page = PageRequest { limit, after, direction, counted: false, ..PageRequest::default() };
                let found = licenses::list(&mut reader, act.scope, &filter, &page, row.created_at).await?;
                (found.items.iter().map(|row| Subject(row.row.license.id.to_bytes())).collect(), found.next)
            }
            Target::AllSeats(filter) => {
                let page = PageRequest { limit, after, direction, counted: false, ..PageRequest::default() };
                let filter = self.narrowed_to_license(act, &mut reader, filter).await?;
                let found = seats::list(&mut reader, act.scope, &filter.rows(), &page).await?;
                (found.items.iter().map(|row| Subject(row.row.seat.id.to_bytes())).collect(), found.next)
            }
            Target::Licenses(_) | Target::Seats(_) => (Vec::new(), None),
        })
    }

    /// The context of an act that was asked for earlier.
    fn act_of(&self, row: &BulkActRow) -> Result<Act> {
        let who = serde_json::from_str(&row.actor).map_err(corrupt)?;
        Ok(self.act_for(row.scope(), who, row.origin.clone(), row.request.clone()))
    }
}

/// The same without what was chosen one by one, which is kept beside it.
fn without_ids(target: &Target) -> Target {
    match target {
        Target::Licenses(_) => Target::Licenses(Vec::new()),
        Target::Seats(_) => Target::Seats(Vec::new()),
        all => all.clone(),
    }
}

/// What was chosen one by one, each once.
fn chosen(target: &Target) -> Vec<Subject> {
    let mut ids: Vec<Subject> = match target {
        Target::Licenses(ids) => ids.iter().map(|id| Subject(id.to_bytes())).collect(),
        Target::Seats(ids) => ids.iter().map(|id| Subject(id.to_bytes())).collect(),
        Target::AllLicenses(_) | Target::AllSeats(_) => Vec::new(),
    };
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Who would lose access by a step.
async fn would(act: &Act, q: &mut dyn Querier, step: &BulkStep, subject: Subject) -> Result<Impact> {
    match step {
        BulkStep::Status(StatusChange::Suspend | StatusChange::Revoke) => {
            let id = LicenseId::from_bytes(subject.0);
            let row = licenses::get(q, act.scope, id).await?.ok_or_else(absent)?;
            if row.license.status == LicenseStatus::Active {
                return impact_of(act, q, &row.license, None).await;
            }
            Ok(Impact::default())
        }
        BulkStep::Free => {
            let id = SeatId::from_bytes(subject.0);
            let seat = seats::get(q, act.scope, id).await?.ok_or_else(absent)?;
            let license = licenses::get(q, act.scope, seat.seat.license).await?.ok_or_else(absent)?;
            let shown = super::seats::show(&seat);
            let device = super::impact::DeviceFacts {
                seat: shown.id,
                name: shown.name,
                user: shown.user,
                last_seen: shown.last_seen,
                offline_until: shown.offline_until,
            };
            let devices = if shown.state == holdfast_domain::SeatState::Active { vec![device] } else { Vec::new() };
            Ok(super::impact::of(devices, license.license.terms.renew_after, None, act.now))
        }
        _ => Ok(Impact::default()),
    }
}
