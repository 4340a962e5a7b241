//! Work that the whole fleet does once: by whichever node finds it due and takes its lease.

use super::notices::RENEWALS;
use crate::admin::act::job;
use crate::{Error, Result, Service};
use holdfast_domain::{Seconds, Timestamp};
use holdfast_store::{Dialect, WriteOptions, job_leases};

/// For how long a job is its taker's: longer than the work takes. It is given back as soon as it is done.
const LEASE: Seconds = Seconds::minutes(5);

/// A job of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name, in the database, in logs and in alerts.
    pub name: &'static str,
    /// How often it should be done.
    pub every: Seconds,
}

/// Rotates keys that are due and prunes what has run out.
pub(super) const HOUSEKEEPING: Job = Job { name: "runtime.housekeeping", every: Seconds::minutes(10) };

/// Every job. One that is missing here is done all the same, but nobody hears when it is not done any more.
const JOBS: [Job; 1] = [HOUSEKEEPING];

/// A job and when it was last done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobDone {
    /// The job.
    pub job: Job,
    /// When it last ended well, on any node.
    pub at: Option<Timestamp>,
}

/// That this node is the one that does what never ends: announces alerts, delivers webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Duty {
    pub(super) token: i64,
    until: Timestamp,
}

impl Duty {
    /// Whether this node has it for `span` from `now`, at least.
    pub fn lasts(self, now: Timestamp, span: std::time::Duration) -> bool {
        self.until.since(now).0 > i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
    }
}

/// For how long a node has a duty. On SQLite there is nobody to take over, and prolonging it is a write to the disk.
const fn term(dialect: Dialect) -> Seconds {
    match dialect {
        Dialect::Sqlite => Seconds::minutes(10),
        Dialect::Postgres => Seconds(30),
    }
}

impl Service {
    /// Gives this node the duty `name` for at least half a term, or leaves it so; `None` while another one has it. `held` is
    /// what the last call returned.
    pub(super) async fn duty(&self, name: &'static str, held: Option<Duty>) -> Result<Option<Duty>> {
        let Some((node, _)) = self.node() else { return Ok(None) };
        let (now, term) = (self.now(), term(self.store().db().dialect()));
        if let Some(known) = held
            && known.until.since(now) > Seconds(term.0 / 2)
            && known.until.since(now) <= term
        {
            return Ok(held);
        }
        if held.is_none()
            && job_leases::held_by_another(&mut self.store().reader(), name, &node.to_string(), now).await?
        {
            return Ok(None);
        }
        let write = job!(node => |tx| {
            Ok::<_, Error>(job_leases::acquire(tx, name, &node.to_string(), term, now).await?)
        });
        let token = self.store().write(WriteOptions::default(), write).await?;
        Ok(token.map(|token| Duty { token, until: now.plus(term) }))
    }

    /// Lets another node have the duty `name` at once: for one that ends.
    pub(super) async fn give_up_duty(&self, name: &'static str) -> Result<()> {
        let Some((node, _)) = self.node() else { return Ok(()) };
        let now = self.now();
        let write = job!(node => |tx| Ok::<_, Error>(job_leases::release(tx, name, &node.to_string(), now).await?));
        self.store().write(WriteOptions::default(), write).await
    }

    /// Every job of the fleet, with the time at which it was last done; that of mails only where mail leaves.
    ///
    /// # Errors
    /// Where the database cannot be asked.
    pub async fn jobs(&self) -> Result<Vec<JobDone>> {
        let done = job_leases::done(&mut self.store().reader()).await?;
        let at = |job: &Job| done.iter().find(|(name, _)| name == job.name).map(|(_, at)| *at);
        let mailing = self.settings().mail.as_ref().map(|_| &RENEWALS);
        Ok(JOBS.iter().chain(mailing).map(|job| JobDone { job: *job, at: at(job) }).collect())
    }

    /// Takes a job that is due for `holder`; the token under which it is done. `None` where it is not due, or somebody else
    /// is at it.
    pub(super) async fn take_job(&self, job: Job, holder: &str) -> Result<Option<i64>> {
        let now = self.now();
        let done = job_leases::done(&mut self.store().reader()).await?;
        let last = done.into_iter().find(|(name, _)| name == job.name);
        // What was done in the future was done by a clock that is wrong.
        if last.is_some_and(|(_, at)| (0..job.every.0).contains(&now.since(at).0)) {
            return Ok(None);
        }
        let holder = holder.to_owned();
        self.store()
            .write(WriteOptions::default(), move |tx| {
                let holder = holder.clone();
                Box::pin(
                    async move { job_leases::acquire(tx, job.name, &holder, LEASE, now).await.map_err(Error::from) },
                )
            })
            .await
    }

    /// Notes that a job is done.
    pub(super) async fn finish_job(&self, job: Job, token: i64) -> Result<()> {
        let now = self.now();
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                Box::pin(async move { job_leases::finish(tx, job.name, token, now).await.map_err(Error::from) })
            })
            .await
            .map(|_: bool| ())
    }
}
