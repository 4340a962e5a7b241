//! A transaction as a job sees it, and what it leaves to be written once per batch: audit events and changes.

use crate::{
    db::{Conn, Db},
    dialect::{Dialect, FEED_CHANNEL, FEED_LOCK, classify},
    error::StoreError,
    sql::{Arg, Querier, Row, ToArg, args},
};
use futures::future::BoxFuture;
use holdfast_domain::{Actor, EventHash, EventId, ProductId, Timestamp, VendorId, event::EventFields};
use std::{borrow::Cow, collections::BTreeMap, time::Duration};

/// An audit event to be appended to its vendor's hash chain (vocabulary, "Audit").
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Whose log.
    pub vendor: VendorId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What happened: `license.revoked`, `seat.claimed`, ….
    pub action: &'static str,
    /// What it happened to: the id's text form.
    pub subject: String,
    /// Before and after, as JSON.
    pub data: serde_json::Value,
    /// From where: an address, or empty.
    pub origin: String,
    /// The request it came with, or empty.
    pub request: String,
}

/// Something that other nodes' caches must learn of, for the change feed.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// Whose.
    pub vendor: VendorId,
    /// Of which product, where it is of one.
    pub product: Option<ProductId>,
    /// What kind of thing changed.
    pub kind: crate::changes::ChangeKind,
    /// Its 16-byte id.
    pub subject: [u8; 16],
    /// When.
    pub at: Timestamp,
}

/// Which rows of a vendor are counted, so that a list's total is known without counting them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Customers.
    Customers,
    /// Licenses.
    Licenses,
    /// Orders.
    Orders,
    /// Seats, released ones included.
    Seats,
}

impl Counted {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Licenses => "licenses",
            Self::Orders => "orders",
            Self::Seats => "seats",
        }
    }
}

/// The transaction of a batch, as one of its jobs uses it. After a statement has failed, the job must end with an error:
/// what it wrote is rolled back.
pub struct Tx {
    pub(crate) conn: Conn,
    statement_limit: Duration,
    events: Vec<NewEvent>,
    changes: Vec<NewChange>,
    counts: Vec<(VendorId, Counted, i64)>,
    /// A statement of the current job failed.
    pub(crate) failed: bool,
    /// What broke the whole transaction.
    pub(crate) fault: Option<StoreError>,
}

/// A place to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize, usize, usize);

impl Tx {
    pub(crate) fn new(db: &Db, conn: Conn) -> Self {
        Self {
            conn,
            statement_limit: db.options.statement_timeout + Duration::from_secs(1),
            events: Vec::new(),
            changes: Vec::new(),
            counts: Vec::new(),
            failed: false,
            fault: None,
        }
    }

    /// Appends `event` to the audit log when the batch commits.
    pub fn event(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Appends `change` to the change feed when the batch commits.
    pub fn change(&mut self, change: NewChange) {
        self.changes.push(change);
    }

    pub(crate) fn counted(&mut self, vendor: VendorId, what: Counted, more: i64) {
        self.counts.push((vendor, what, more));
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.events.len(), self.changes.len(), self.counts.len())
    }

    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.events.truncate(mark.0);
        self.changes.truncate(mark.1);
        self.counts.truncate(mark.2);
    }

    /// Inserts `rows` into `table`, in as few statements as possible; `suffix` may hold a conflict clause. Returns how many
    /// were inserted.
    pub(crate) async fn insert(
        &mut self,
        table: &str,
        columns: &str,
        rows: &[Vec<Arg>],
        suffix: &str,
    ) -> Result<u64, StoreError> {
        let dialect = self.dialect();
        let mut inserted = 0;
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let (now, later) = rest.split_at(dialect.chunk(rest.len(), first.len()));
            rest = later;
            let (source, args) = dialect.constants(now);
            let returning = if suffix.contains("DO NOTHING") { " RETURNING 1" } else { "" };
            let sql = format!("INSERT INTO {table} ({columns}) {source} {suffix}{returning}");
            let returned = self.rows(sql.into(), args).await?.len();
            inserted += if returning.is_empty() { now.len() } else { returned } as u64;
        }
        Ok(inserted)
    }

    /// Writes the buffered events, changes and counts. Called once per batch, before its commit. Locks are taken in one
    /// order by everybody: heads of vendors by id, then counts by vendor and name, then the feed.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        let events = std::mem::take(&mut self.events);
        let changes = std::mem::take(&mut self.changes);
        let counts = std::mem::take(&mut self.counts);
        self.flush_events(events).await?;
        self.flush_counts(&counts).await?;
        self.flush_changes(&changes).await
    }

    async fn flush_events(&mut self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let mut vendors: BTreeMap<VendorId, Vec<NewEvent>> = BTreeMap::new();
        for event in events {
            vendors.entry(event.vendor).or_default().push(event);
        }
        let lock = self.dialect().lock_rows();
        let mut rows = Vec::new();
        let mut heads = Vec::with_capacity(vendors.len());
        for (vendor, events) in vendors {
            let sql = format!("SELECT number, hash FROM event_heads WHERE vendor = $1{lock}");
            let head = self.rows(sql.into(), args![vendor]).await?;
            let head =
                head.first().ok_or_else(|| StoreError::internal("a vendor without a head of its event chain"))?;
            let (mut number, mut hash): (i64, EventHash) = (head.get(0)?, head.get(1)?);
            for event in events {
                number += 1;
                let (row, next) = event_row(&event, number, hash)?;
                hash = next;
                rows.push(row);
            }
            heads.push((vendor, number, hash));
        }
        let columns = "vendor, number, id, at, actor, action, subject, data, origin, request, hash";
        self.insert("events", columns, &rows, "").await?;
        for (vendor, number, hash) in heads {
            let sql = "UPDATE event_heads SET number = $2, hash = $3 WHERE vendor = $1";
            self.rows(sql.into(), args![vendor, number, hash]).await?;
        }
        Ok(())
    }

    async fn flush_counts(&mut self, counts: &[(VendorId, Counted, i64)]) -> Result<(), StoreError> {
        let mut sums: BTreeMap<(VendorId, &'static str), i64> = BTreeMap::new();
        for (vendor, what, more) in counts {
            *sums.entry((*vendor, what.as_str())).or_default() += more;
        }
        let rows: Vec<Vec<Arg>> =
            sums.into_iter().filter(|(_, n)| *n != 0).map(|((vendor, what), n)| args![vendor, what, n]).collect();
        let suffix = "ON CONFLICT (vendor, kind) DO UPDATE SET rows = vendor_counts.rows + excluded.rows";
        self.insert("vendor_counts", "vendor, kind, rows", &rows, suffix).await.map(|_| ())
    }

    async fn flush_changes(&mut self, changes: &[NewChange]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        if self.dialect() == Dialect::Postgres {
            // Numbers are handed out and committed under one lock, so nobody sees a number before all smaller ones.
            let sql = format!("SELECT pg_advisory_xact_lock({FEED_LOCK}), pg_notify('{FEED_CHANNEL}', '')");
            self.conn.batch(sql).await.map_err(|e| self.note(&e))?;
        }
        let rows: Vec<Vec<Arg>> = changes
            .iter()
            .map(|change| {
                let subject = uuid::Uuid::from_bytes(change.subject);
                args![change.vendor, change.product, change.kind, subject, change.at]
            })
            .collect();
        self.insert("changes", "vendor, product, kind, subject, at", &rows, "").await.map(|_| ())
    }

    /// Remembers what a failed statement means for the transaction.
    fn note(&mut self, error: &sqlx::Error) -> StoreError {
        let error = classify(error);
        self.failed = true;
        if matches!(
            error,
            StoreError::Unavailable(_) | StoreError::ReadOnly | StoreError::DiskFull | StoreError::Corrupt(_)
        ) {
            self.fault = Some(error.clone());
        }
        error
    }
}

fn event_row(event: &NewEvent, number: i64, previous: EventHash) -> Result<(Vec<Arg>, EventHash), StoreError> {
    let json = |e: serde_json::Error| StoreError::internal(e.to_string());
    let actor = serde_json::to_string(&event.actor).map_err(json)?;
    let data = serde_json::to_string(&event.data).map_err(json)?;
    let hash = EventFields {
        id: event.id,
        vendor: event.vendor,
        number,
        at: event.at,
        actor: &actor,
        action: event.action,
        subject: &event.subject,
        data: &data,
        origin: &event.origin,
        request: &event.request,
    }
    .hash(previous);
    let row = vec![
        event.vendor.arg(),
        number.arg(),
        event.id.arg(),
        event.at.arg(),
        actor.arg(),
        event.action.arg(),
        event.subject.arg(),
        data.arg(),
        event.origin.arg(),
        event.request.arg(),
        hash.arg(),
    ];
    Ok((row, hash))
}

impl Querier for Tx {
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            if let Some(fault) = &self.fault {
                return Err(fault.clone());
            }
            match tokio::time::timeout(self.statement_limit, self.conn.rows(sql, args)).await {
                Ok(Ok(rows)) => Ok(rows),
                Ok(Err(error)) => Err(self.note(&error)),
                Err(_) => {
                    let error = StoreError::unavailable("no answer in time");
                    self.failed = true;
                    self.fault = Some(error.clone());
                    Err(error)
                }
            }
        })
    }

    fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }
}
