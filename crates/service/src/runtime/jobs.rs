//! Work that the whole fleet does once: by whichever node finds it due and takes its lease.

use crate::{Error, Result, Service};
use holdfast_domain::{Seconds, Timestamp};
use holdfast_store::{WriteOptions, job_leases};

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

impl Service {
    /// Every job of the fleet, with the time at which it was last done.
    ///
    /// # Errors
    /// Where the database cannot be asked.
    pub async fn jobs(&self) -> Result<Vec<JobDone>> {
        let done = job_leases::done(&mut self.store().reader()).await?;
        let at = |job: &Job| done.iter().find(|(name, _)| name == job.name).map(|(_, at)| *at);
        Ok(JOBS.iter().map(|job| JobDone { job: *job, at: at(job) }).collect())
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
