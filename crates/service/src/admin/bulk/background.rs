//! Doing acts on many: whichever node holds the lease does the next piece of the act whose turn it is, so that a long one
//! keeps nobody else's waiting.

use super::{
    BulkState, BulkStep, KEPT, Kept, StopReason, Target, absent, corrupt, pieces,
    preview::{PAGE, matching},
};
use crate::{
    Service,
    admin::{
        act::{Act, job},
        page::{Cursor, Direction},
    },
    error::{Error, Result},
};
use holdfast_domain::{SeatId, Seconds, event};
use holdfast_store::{
    WriteOptions,
    bulk_acts::{self, BulkActRow, Fate, Subject},
    job_leases,
};

/// The lease that whoever does these acts holds.
const JOB: &str = "admin.bulk";
/// How much later than it says an act begins: the clock of whoever asked may be behind by half a minute, and the clock here
/// ahead by as much (pitfalls: a node whose clock differs by more does not sign).
const CLOCKS: Seconds = Seconds::MINUTE;
/// For how long an act that failed is left alone.
const REST: Seconds = Seconds(30);
/// After how many failures in a row an act is given up.
const FAILURES: i64 = 20;

/// What an act is found to be about, each with what is known of it, and where it goes on.
pub(super) type Gathered = (Vec<(Subject, String)>, Option<String>);

impl Service {
    /// Does the next piece of the act whose turn it is, where `holder` has the lease or can take it. False where there is
    /// nothing to be done, or somebody else is at it.
    ///
    /// # Errors
    /// Where the piece fails; it is then done again after a rest, and an act of which it always fails is stopped.
    pub async fn go_on_with_bulk(&self, holder: &str) -> Result<bool> {
        let (now, mut reader) = (self.now(), self.store().reader());
        let (rested, begun) = (now.plus(Seconds(-REST.0)), now.plus(Seconds(-CLOCKS.0)));
        let Some(row) = bulk_acts::next(&mut reader, rested, begun).await? else { return Ok(false) };
        // Asked first: to take the lease is to wait for the piece that its holder is at, and what is written in the same
        // batch waits as well.
        if job_leases::held_by_another(&mut reader, JOB, holder, now).await? {
            return Ok(false);
        }
        let holder = holder.to_owned();
        let take = job!(holder => |tx| {
            Ok::<_, Error>(job_leases::acquire(tx, JOB, &holder, Seconds::MINUTE, now).await?)
        });
        let Some(token) = self.store().write(WriteOptions::default(), take).await? else { return Ok(false) };
        if let Err(error) = self.do_piece(&row, token, &holder).await {
            self.note_failure(&row, token).await?;
            return Err(error);
        }
        self.apply_own_changes().await;
        Ok(true)
    }

    async fn do_piece(&self, row: &BulkActRow, token: i64, holder: &str) -> Result<()> {
        let who = serde_json::from_str(&row.actor).map_err(corrupt)?;
        let kept: Kept = serde_json::from_str(&row.step).map_err(corrupt)?;
        let act = self.act_for(row.scope(), who, row.origin.clone(), row.request.clone()).approved(kept.approved_by);
        let found = match row.state {
            BulkState::Gathering => Some(self.gather(&act, row, &kept.step).await?),
            _ => None,
        };
        let (row, holder) = (row.clone(), holder.to_owned());
        let piece = job!(act, row, kept, found, holder => |tx| {
            // Whoever has taken over since has done this piece already, or will.
            if !job_leases::still_holds(tx, JOB, token).await? {
                return Ok(());
            }
            let Some(mut row) = bulk_acts::lock(tx, act.scope, row.id).await?.filter(|now| now.total == row.total
                && now.changed + now.refused == row.changed + row.refused && now.state == row.state) else {
                return Ok(());
            };
            match found {
                None if row.state == BulkState::Waiting => pieces::begun(&act, tx, &mut row, &kept).await?,
                Some(found) => pieces::gathered(&act, tx, &mut row, &kept, found).await?,
                None => pieces::done(&act, tx, &mut row, &kept).await?,
            }
            (row.updated_at, row.failures) = (act.now, 0);
            bulk_acts::update(tx, &row).await?;
            if row.ended_at.is_some() {
                job_leases::release(tx, JOB, &holder, act.now).await?;
            }
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::alone().idempotent(), piece).await
    }

    /// Counts a failure, and gives the act up where it was one too many.
    async fn note_failure(&self, row: &BulkActRow, token: i64) -> Result<()> {
        let act = self.act_for(row.scope(), event::Actor::System, String::new(), String::new());
        let id = row.id;
        let note = job!(act => |tx| {
            let holds = job_leases::still_holds(tx, JOB, token).await?;
            let row = bulk_acts::lock(tx, act.scope, id).await?;
            let Some(mut row) = row.filter(|row| holds && row.ended_at.is_none()) else { return Ok(false) };
            (row.updated_at, row.failures) = (act.now, row.failures + 1);
            let given_up = row.failures >= FAILURES;
            if given_up {
                pieces::end(&act, tx, &mut row, Some(StopReason::Failed));
            }
            bulk_acts::update(tx, &row).await?;
            Ok::<_, Error>(given_up)
        });
        if self.store().write(WriteOptions::alone(), note).await? {
            tracing::error!(act = %id, "an act on many was stopped, because it failed {FAILURES} times in a row");
        }
        Ok(())
    }

    /// The next subjects of an act that is gathering, and where they go on.
    async fn gather(&self, act: &Act, row: &BulkActRow, step: &BulkStep) -> Result<Gathered> {
        let mut reader = self.store().patient_reader();
        if let Some(undone) = row.undoes {
            let undone = bulk_acts::get(&mut reader, act.scope, undone).await?.ok_or_else(absent)?;
            let after = row.gathered.as_deref().map_or(Ok(0), str::parse).map_err(corrupt)?;
            let items = bulk_acts::items(&mut reader, &undone, Some(Fate::Changed), after, PAGE).await?;
            let next = items.last().filter(|_| items.len() == PAGE).map(|item| item.number.to_string());
            return Ok((items.into_iter().map(|item| (item.subject, item.detail)).collect(), next));
        }
        let target: Target = serde_json::from_str(&row.filter).map_err(corrupt)?;
        let after = row.gathered.as_deref().map(str::parse::<Cursor>).transpose().map_err(corrupt)?;
        let page = matching(act, &mut reader, (step, &target), (after, Direction::Ascending), row.created_at).await?;
        // What was sold since is not meant. All ids tell the time in the same way, and the oldest come first.
        let meant = |subject: &Subject| SeatId::from_bytes(subject.0).made_at() <= row.created_at;
        let next = page.next.filter(|_| page.items.iter().all(meant)).map(|next| next.to_string());
        Ok((page.items.into_iter().filter(meant).map(|subject| (subject, String::new())).collect(), next))
    }

    /// Forgets what became of each in acts of more than 30 days ago.
    pub(crate) async fn prune_bulk_acts(&self) -> Result<()> {
        let (now, before) = (self.now(), self.now().plus(Seconds(-KEPT.0)));
        let prune = job!(before => |tx| Ok::<_, Error>(bulk_acts::prune(tx, before, now).await?));
        while self.store().write(WriteOptions::default().idempotent(), prune).await? {}
        Ok(())
    }
}
