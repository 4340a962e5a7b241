//! The group-commit writer: all writes of a node, many to a commit.
//!
//! Jobs that arrive while a commit is running share the next one. A job that fails takes nobody with it. Each is answered
//! only after the commit, so an answer always means that the write is on disk. A job is a closure that can be run again:
//! when one of a batch failed, or the database gave the batch up (a deadlock, a failover), the writer repeats it, first
//! together, then one by one.
//!
//! What was asked for before the process stood still ([`crate::awake`]) is not carried out.
//!
//! Jobs say in advance which license they lock ([`Order`]), so that a batch locks all of them with one statement, in the
//! order of their ids; the claims among them are decided in memory and written together ([`crate::seats::claim`]).

use crate::{
    awake::Awake,
    db::{Conn, Db, Reader},
    dialect::{Dialect, classify, commit_certainly_failed},
    error::{Detail, StoreError},
    gather::Gather,
    licenses::{self, LicenseRow},
    seats::{self, SeatRow, ledger::Need},
    tx::{Mark, Tx},
};
use futures::future::BoxFuture;
use holdfast_domain::{DeviceHash, LicenseId, ProductId, SeatId};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// In which order the jobs of a batch run, so that batches of several nodes take row locks in one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Before those that lock a license; takes no lock that those take.
    #[default]
    Free,
    /// Claims a seat of that license for that device, and changes nothing else: [`crate::seats::lock`] finds both read.
    Claim(LicenseId, DeviceHash),
    /// Locks that license.
    License(LicenseId),
    /// After all others; waits for no lock.
    Last,
    /// In a batch of its own: locks several licenses, in the order of their ids.
    Alone,
}

impl Order {
    /// What a job of this order needs to be locked and read.
    const fn need(self) -> Option<Need> {
        match self {
            Self::Claim(license, device) => Some((license, Some(device))),
            Self::License(license) => Some((license, None)),
            Self::Free | Self::Last | Self::Alone => None,
        }
    }
}

/// How a job is to be run.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Its place in a batch.
    pub order: Order,
    /// Whether running it once more after it was committed leads to the same state and answer, so that it may be repeated
    /// when the outcome of a commit is unknown.
    pub idempotent: bool,
}

impl WriteOptions {
    /// A job that locks one license.
    pub const fn license(id: LicenseId) -> Self {
        Self { order: Order::License(id), idempotent: false }
    }

    /// A job that claims a seat of a license for a device. It may be repeated: a claim leads to the same seat again.
    pub const fn claim(id: LicenseId, device: DeviceHash) -> Self {
        Self { order: Order::Claim(id, device), idempotent: true }
    }

    /// The same, marked as one that may be repeated after an unknown outcome.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// A job with a batch of its own.
    pub const fn alone() -> Self {
        Self { order: Order::Alone, idempotent: false }
    }

    /// A job that runs after all others of its batch.
    pub const fn last() -> Self {
        Self { order: Order::Last, idempotent: false }
    }
}

/// Sizes and times of the writer.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// How many jobs share a commit at most.
    pub max_batch: usize,
    /// How many jobs may wait; more are refused with [`StoreError::Busy`].
    pub queue: usize,
    /// How long a job is tried for, waiting included, before it is given up with [`StoreError::Unavailable`].
    pub budget: Duration,
    /// How long a commit may take before its outcome counts as unknown.
    pub commit_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_batch: 128, queue: 8_192, budget: Duration::from_secs(8), commit_timeout: Duration::from_secs(8) }
    }
}

/// The store: reads on many connections, writes through one group-commit writer.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    keys: Gather<(ProductId, [u8; 32]), LicenseId>,
    seats: Gather<(ProductId, SeatId), (LicenseRow, SeatRow)>,
    queue: mpsc::Sender<Waiting>,
    done: Arc<tokio::sync::Semaphore>,
    awake: Arc<Awake>,
    patience: Duration,
}

impl Store {
    /// Starts the writer of `db`, on the current tokio runtime. It ends when the last clone of the store is gone.
    pub fn start(db: Db, options: StoreOptions) -> Self {
        let (queue, waiting) = mpsc::channel(options.queue.max(1));
        let done = Arc::new(tokio::sync::Semaphore::new(0));
        let (awake, patience) = (Awake::watch(), options.budget);
        let writer = Writer { db: db.clone(), options, awake: awake.clone(), kept: None, careful: 0 };
        let end = done.clone();
        tokio::spawn(async move {
            writer.run(waiting).await;
            end.close();
        });
        // An activation has nothing else to go on with; a renewal has its lease.
        let keys = Gather::new(db.reader().patient(patience), |q, keys| Box::pin(licenses::ids_by_key_hash(q, keys)));
        let seats = Gather::new(db.reader(), |q, ids| Box::pin(seats::with_licenses(q, ids)));
        Self { db, keys, seats, queue, done, awake, patience }
    }

    /// The database.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// A handle for reading outside of transactions.
    pub fn reader(&self) -> Reader {
        self.db.reader()
    }

    /// The same for whoever has nothing else to go on with: where the database cannot be reached, it waits for as long as a
    /// write would.
    pub fn patient_reader(&self) -> Reader {
        self.db.reader().patient(self.patience)
    }

    /// The license of a product with that key hash: the hot look-up of activations.
    pub async fn license_of_key(
        &self,
        product: ProductId,
        key_hash: [u8; 32],
    ) -> Result<Option<LicenseId>, StoreError> {
        self.keys.get((product, key_hash)).await
    }

    /// A seat of a product with its license: the hot look-up of renewals.
    pub async fn seat_with_license(
        &self,
        product: ProductId,
        seat: SeatId,
    ) -> Result<Option<(LicenseRow, SeatRow)>, StoreError> {
        self.seats.get((product, seat)).await
    }

    /// Runs `job` in a transaction and returns its answer once it is committed. An error of the job rolls its own writes
    /// back and nobody else's. The job may be run several times and must therefore have no effects but those on the
    /// database. Dropping the returned future does not stop the job.
    pub async fn write<T, E, F>(&self, options: WriteOptions, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { run: job, result: None, reply });
        let waiting = Waiting { job, options, since: Instant::now() };
        self.queue.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => E::from(StoreError::Busy),
            mpsc::error::TrySendError::Closed(_) => E::from(StoreError::unavailable("the writer has ended")),
        })?;
        match answer.await {
            Ok(result) => result,
            // The writer's task was dropped with the runtime, in the middle of something.
            Err(_) => Err(E::from(StoreError::OutcomeUnknown(Detail::new("writer", "ended before it answered")))),
        }
    }

    /// Runs a long `job`, such as the insertion of a whole customer base, in a transaction of its own. On PostgreSQL it has
    /// a connection to itself and others go on writing meanwhile; on SQLite they wait for it, because there is one writer.
    pub async fn write_apart<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        if self.db.dialect() == Dialect::Sqlite {
            return self.write(WriteOptions::alone(), job).await;
        }
        let options = StoreOptions { commit_timeout: Duration::from_mins(1), ..StoreOptions::default() };
        let mut writer = Writer { db: self.db.clone(), options, awake: self.awake.clone(), kept: None, careful: 0 };
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job { run: job, result: None, reply });
        let waiting = Waiting { job, options: WriteOptions::alone(), since: Instant::now() };
        // A task of its own: dropping the returned future must not cancel a commit.
        tokio::spawn(async move { writer.settle(vec![waiting]).await });
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(E::from(StoreError::OutcomeUnknown(Detail::new("writer", "ended before it answered")))),
        }
    }

    /// How many more jobs may wait before the store answers [`StoreError::Busy`].
    pub fn free_places(&self) -> usize {
        self.queue.capacity()
    }

    /// Whether this process has just stood still, so that what it is asked now may have been waiting in a socket: it is
    /// refused with [`StoreError::Unavailable`].
    pub fn has_just_stood_still(&self) -> bool {
        Some(Instant::now()) < self.awake.stale_before()
    }

    /// Waits until every write that was accepted is answered, then closes the database. For a graceful stop; other clones
    /// must be gone or no longer write.
    pub async fn close(self) {
        let Self { db, queue, done, .. } = self;
        drop(queue);
        let _ = tokio::time::timeout(Duration::from_secs(10), done.acquire()).await;
        db.close().await;
    }
}

struct Waiting {
    job: Box<dyn AnyJob>,
    options: WriteOptions,
    since: Instant,
}

/// A job whose types are forgotten.
trait AnyJob: Send {
    /// Runs the job, keeps its answer, and tells whether its writes are to stay.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Keeps an error instead of the answer: what the job wrote could not stay.
    fn refuse(&mut self, error: StoreError);
    /// Sends the kept answer.
    fn answer(self: Box<Self>);
    /// Sends an error instead.
    fn fail(self: Box<Self>, error: StoreError);
}

struct Job<T, E, F> {
    run: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> AnyJob for Job<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        // Made before the async block, so that `F` need not be `Sync`.
        let future = (self.run)(tx);
        let result = &mut self.result;
        Box::pin(async move {
            let answer = future.await;
            let ok = answer.is_ok();
            *result = Some(answer);
            ok
        })
    }

    fn refuse(&mut self, error: StoreError) {
        self.result = Some(Err(E::from(error)));
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // Nobody listens any more where the caller went away: the write stands all the same.
            let _ = self.reply.send(result);
        }
    }

    fn fail(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(E::from(error)));
    }
}

struct Writer {
    db: Db,
    options: StoreOptions,
    awake: Arc<Awake>,
    /// The connection of the last batch and since when it has been used.
    kept: Option<(Conn, Instant)>,
    /// For how many more batches each job gets a savepoint of its own from the start.
    careful: u32,
}

/// How many batches are careful after a job has failed.
const CAREFUL_BATCHES: u32 = 16;

/// How a batch ended.
enum Ended {
    /// Committed: everybody has an answer.
    Committed,
    /// Certainly rolled back, for this reason.
    RolledBack(StoreError),
    /// The commit was sent and its result is not known.
    Unknown(StoreError),
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut taken = Vec::with_capacity(self.options.max_batch);
        loop {
            taken.clear();
            if queue.recv_many(&mut taken, self.options.max_batch.max(1)).await == 0 {
                return;
            }
            let mut together = Vec::with_capacity(taken.len());
            let mut alone = Vec::new();
            for waiting in taken.drain(..) {
                if waiting.options.order == Order::Alone { alone.push(waiting) } else { together.push(waiting) }
            }
            self.settle(together).await;
            for waiting in alone {
                self.settle(vec![waiting]).await;
            }
        }
    }

    /// Runs `jobs` until each has its answer.
    async fn settle(&mut self, mut jobs: Vec<Waiting>) {
        jobs.sort_by_key(|job| job.options.order);
        let mut batches = VecDeque::from([(jobs, 0u32)]);
        while let Some((jobs, attempt)) = batches.pop_front() {
            let now = Instant::now();
            let (jobs, late): (Vec<_>, Vec<_>) =
                jobs.into_iter().partition(|job| now.duration_since(job.since) < self.options.budget);
            for job in late {
                job.job.fail(StoreError::unavailable("gave up after waiting for too long"));
            }
            let stale_before = self.awake.stale_before();
            let (stale, mut jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| Some(job.since) < stale_before);
            for job in stale {
                job.job.fail(stood_still());
            }
            if jobs.is_empty() {
                continue;
            }
            match self.attempt(&mut jobs).await {
                Ended::Committed => jobs.into_iter().for_each(|job| job.job.answer()),
                Ended::RolledBack(error) => {
                    tracing::warn!(?error, attempt, jobs = jobs.len(), "a batch of writes was rolled back");
                    repeat(&mut batches, jobs, attempt, &error).await;
                }
                Ended::Unknown(error) => {
                    tracing::error!(?error, attempt, jobs = jobs.len(), "the outcome of a commit is not known");
                    let (again, lost): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.options.idempotent);
                    for job in lost {
                        job.job.fail(error.clone());
                    }
                    let reason = StoreError::unavailable("the connection was lost while committing");
                    repeat(&mut batches, again, attempt, &reason).await;
                }
            }
        }
    }

    async fn attempt(&mut self, jobs: &mut [Waiting]) -> Ended {
        let (conn, since) = match self.connection().await {
            Ok(kept) => kept,
            Err(error) => return Ended::RolledBack(error),
        };
        let mut tx = Tx::new(&self.db, conn);
        let mut careful = self.careful > 0;
        let ended = run_batch(&mut tx, jobs, &mut careful, self.options.commit_timeout, &self.awake).await;
        // Failures come in swarms: after one, the next batches are careful from the start.
        self.careful = if careful && self.careful == 0 { CAREFUL_BATCHES } else { self.careful.saturating_sub(1) };
        match ended {
            Ended::Committed => self.kept = Some((tx.conn, since)),
            Ended::RolledBack(_) | Ended::Unknown(_) => tx.conn.discard(),
        }
        ended
    }

    /// The kept connection, unless it is old, or another.
    async fn connection(&mut self) -> Result<(Conn, Instant), StoreError> {
        if let Some((conn, since)) = self.kept.take() {
            if conn.dialect() == Dialect::Sqlite || since.elapsed() < self.db.options.max_lifetime {
                return Ok((conn, since));
            }
            conn.discard();
        }
        Ok((self.db.writing().await?, Instant::now()))
    }
}

/// Puts `jobs` up for another attempt, or fails them: together once more, then one by one, so that one bad job cannot
/// fail its neighbours for ever; with a pause that grows.
async fn repeat(batches: &mut VecDeque<(Vec<Waiting>, u32)>, jobs: Vec<Waiting>, attempt: u32, error: &StoreError) {
    let worth_it = matches!(error, StoreError::Unavailable(_) | StoreError::ReadOnly);
    let single = jobs.len() == 1;
    // A lost connection is tried again until the jobs' budget ends; what a job itself causes, a few times only.
    if !worth_it && single || attempt >= 60 {
        for job in jobs {
            job.job.fail(error.clone());
        }
        return;
    }
    let pause = Duration::from_millis(5 << attempt.min(6));
    tokio::time::sleep(pause).await;
    if attempt == 1 || !worth_it {
        batches.extend(jobs.into_iter().map(|job| (vec![job], attempt + 1)));
    } else {
        batches.push_back((jobs, attempt + 1));
    }
}

/// Runs `jobs` and commits. Unless `careful`, they run together, without savepoints, and write together, until one of them
/// fails or what they wrote is refused: then everything is undone, `careful` is set, and each runs in a savepoint of its
/// own and writes before the next.
async fn run_batch(
    tx: &mut Tx,
    jobs: &mut [Waiting],
    careful: &mut bool,
    commit_timeout: Duration,
    awake: &Awake,
) -> Ended {
    // A single job has nobody to take with it.
    let first = if *careful || jobs.len() == 1 { one_by_one(tx, jobs).await } else { together(tx, jobs).await };
    let done = match first {
        Ok(Ran::AllKept) => Ok(()),
        Ok(Ran::NoneKept) => {
            *careful = true;
            tx.back_to(Mark::default());
            match control(tx, "ROLLBACK").await {
                Ok(()) => one_by_one(tx, jobs).await.map(|_| ()),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        return Ended::RolledBack(error);
    }
    // While it stood still in the middle of the batch, whoever waits for one of these was served elsewhere.
    let stale_before = awake.stale_before();
    if jobs.iter().any(|job| Some(job.since) < stale_before) {
        return Ended::RolledBack(stood_still());
    }
    match tokio::time::timeout(commit_timeout, tx.conn.batch("COMMIT")).await {
        Ok(Ok(())) => Ended::Committed,
        Ok(Err(error)) if commit_certainly_failed(&error) => Ended::RolledBack(classify(&error)),
        Ok(Err(error)) => Ended::Unknown(StoreError::OutcomeUnknown(Detail::new("commit", error.to_string()))),
        Err(_) => Ended::Unknown(StoreError::OutcomeUnknown(Detail::new("commit", "no answer in time"))),
    }
}

fn stood_still() -> StoreError {
    StoreError::unavailable("this process stood still, and whoever waited may have asked elsewhere")
}

/// What is left of a run of jobs.
enum Ran {
    /// Every job has an answer, and what belongs to it is written.
    AllKept,
    /// One failed and the others have to run again.
    NoneKept,
}

const fn begin(tx: &Tx) -> &'static str {
    match tx.conn.dialect() {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Postgres => "BEGIN",
    }
}

fn needs(jobs: &[Waiting]) -> Vec<Need> {
    jobs.iter().filter_map(|waiting| waiting.options.order.need()).collect()
}

async fn together(tx: &mut Tx, jobs: &mut [Waiting]) -> Result<Ran, StoreError> {
    let needs = needs(jobs);
    let mut loaded = false;
    control(tx, begin(tx)).await?;
    for waiting in jobs {
        if !loaded && waiting.options.order.need().is_some() {
            loaded = true;
            tx.load(&needs).await?;
        }
        if !run_job(tx, waiting).await? {
            return Ok(Ran::NoneKept);
        }
    }
    match tx.flush().await {
        Ok(()) => Ok(Ran::AllKept),
        Err(_) if tx.fault.is_none() => Ok(Ran::NoneKept),
        Err(error) => Err(error),
    }
}

async fn one_by_one(tx: &mut Tx, jobs: &mut [Waiting]) -> Result<Ran, StoreError> {
    let needs = needs(jobs);
    let several = jobs.len() > 1;
    let (mut loaded, mut inside) = (false, false);
    control(tx, begin(tx)).await?;
    for waiting in jobs {
        if !loaded && waiting.options.order.need().is_some() {
            loaded = true;
            if std::mem::take(&mut inside) {
                control(tx, "RELEASE SAVEPOINT job").await?;
            }
            // Outside of any savepoint, so that no failing job gives the locks up.
            tx.load(&needs).await?;
        }
        control(tx, if inside { "RELEASE SAVEPOINT job; SAVEPOINT job" } else { "SAVEPOINT job" }).await?;
        inside = true;
        let mark = tx.mark();
        let mut kept = run_job(tx, waiting).await?;
        // What a single job leaves is written with its events.
        if kept
            && several
            && let Err(error) = tx.settle().await
        {
            if let Some(fault) = tx.fault.take() {
                return Err(fault);
            }
            waiting.job.refuse(error);
            kept = false;
        }
        if !kept {
            tx.back_to(mark);
            control(tx, "ROLLBACK TO SAVEPOINT job").await?;
        }
    }
    tx.flush().await?;
    Ok(Ran::AllKept)
}

/// Runs a job and tells whether its writes are to stay. An error is one of the whole transaction.
async fn run_job(tx: &mut Tx, waiting: &mut Waiting) -> Result<bool, StoreError> {
    tx.failed = false;
    let ok = waiting.job.run(tx).await;
    if let Some(fault) = tx.fault.take() {
        return Err(fault);
    }
    if ok && tx.failed {
        // It went on after a failed statement and would report what was not written.
        return Err(StoreError::internal("a job hid the failure of a statement"));
    }
    Ok(ok)
}

async fn control(tx: &mut Tx, sql: &'static str) -> Result<(), StoreError> {
    match tokio::time::timeout(Duration::from_secs(5), tx.conn.batch(sql)).await {
        Ok(result) => result.map_err(|error| classify(&error)),
        Err(_) => Err(StoreError::unavailable("no answer in time")),
    }
}
