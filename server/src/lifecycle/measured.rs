//! What is measured beside the requests: put here by the task that measures it, read by the report.

use holdfast_domain::Timestamp;
use holdfast_fleet::report::{JobReport, MailReport, OutboxReport, PeerOffset, RestoreReport};
use holdfast_service::{Result, Service};
use holdfast_store::replication::Replication;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often the database is asked what nodes and operators have noted in it.
const EVERY: Duration = Duration::from_secs(10);

/// The last of each measurement. Cheap to clone; every clone is the same node's.
#[derive(Clone, Default)]
pub(super) struct Measured(Arc<Mutex<Facts>>);

/// What is known. Absent is not known, or not any more.
#[derive(Clone, Default)]
pub(super) struct Facts {
    pub replication: Option<Replication>,
    pub to_peers: Vec<PeerOffset>,
    pub certificate_expires_at: Option<Timestamp>,
    pub jobs: Vec<JobReport>,
    pub restore: Option<RestoreReport>,
    pub outbox: Option<OutboxReport>,
    pub mail: Option<MailReport>,
}

impl Measured {
    /// Changes what is known.
    pub fn note(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known.
    pub fn facts(&self) -> Facts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Keeps up with what the database says of jobs, restores and deliveries, until `stop` is cancelled.
pub(super) async fn keep_up(service: Service, measured: Measured, stop: CancellationToken) {
    let since = service.now();
    loop {
        // What was known stays known: neither becomes less true while the database is away.
        if let Err(error) = look(&service, &measured, since).await {
            tracing::debug!(%error, "what the fleet has done could not be looked up");
        }
        if timeout(EVERY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Looks once. A job that was never done is missed from `since` on.
async fn look(service: &Service, measured: &Measured, since: Timestamp) -> Result<()> {
    let jobs = service.jobs().await?.into_iter().map(|done| JobReport {
        name: done.job.name.to_owned(),
        last_run: done.at,
        known_since: done.at.is_none().then_some(since),
        every: done.job.every,
    });
    let jobs = jobs.collect();
    let restore = service
        .last_proof()
        .await?
        .map(|(proof, installed_at)| RestoreReport { proved_at: proof.map(|proof| proof.proved_at), installed_at });
    let (size, oldest) = service.deliveries_waiting().await?;
    let outbox = Some(OutboxReport { size, oldest });
    let mail = mail(service).await?;
    measured.note(|facts| (facts.jobs, facts.restore, facts.outbox, facts.mail) = (jobs, restore, outbox, mail));
    Ok(())
}

/// What waits to be mailed, also for `/metrics`; `None` where no mail leaves.
async fn mail(service: &Service) -> Result<Option<MailReport>> {
    if service.settings().mail.is_none() {
        return Ok(None);
    }
    let (size, oldest, sent) = service.mails_waiting().await?;
    let age = oldest.map_or(0, |oldest| service.now().since(oldest).0.max(0));
    metrics::gauge!("holdfast_mails_waiting").set(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
    metrics::gauge!("holdfast_mail_oldest_seconds").set(f64::from(u32::try_from(age).unwrap_or(u32::MAX)));
    Ok(Some(MailReport { size, oldest, sent }))
}
