//! A transaction as a job sees it, and what it leaves to be written once per batch: audit events and changes.

use crate::{
    db::{Conn, Db},
    dialect::{Dialect, FEED_CHANNEL, FEED_LOCK, classify},
    error::StoreError,
    outbox,
    seats::ledger::{Ledger, Need, queries},
    sql::{Arg, Querier, Row, ToArg, args},
    together::Together,
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
    /// What claims know and leave to be written. Every other statement has it written first, and then forgotten, so that
    /// nobody ever sees a state in between.
    pub(crate) ledger: Ledger,
    /// A statement of the current job failed.
    pub(crate) failed: bool,
    /// What broke the whole transaction.
    pub(crate) fault: Option<StoreError>,
}

/// A place to go back to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark(usize, usize, usize);

impl Tx {
    pub(crate) fn new(db: &Db, conn: Conn) -> Self {
        Self {
            conn,
            statement_limit: db.options.statement_timeout + Duration::from_secs(1),
            events: Vec::new(),
            changes: Vec::new(),
            counts: Vec::new(),
            ledger: Ledger::default(),
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
        self.ledger.clear();
    }

    /// Locks licenses in the order of their ids, and reads them and the seats of their devices, for claims to come.
    pub(crate) async fn load(&mut self, needs: &[Need]) -> Result<(), StoreError> {
        self.settle().await?;
        let [licenses, seats] = queries(self.dialect(), needs);
        let rows = match self.dialect() {
            Dialect::Sqlite if !seats.0.is_empty() => {
                let args = [licenses.1, seats.1].concat();
                self.run(format!("{}; {}", licenses.0, seats.0).into(), args).await?
            }
            Dialect::Postgres if !seats.0.is_empty() => {
                let mut rows = self.run(licenses.0.into(), licenses.1).await?;
                rows.extend(self.run(seats.0.into(), seats.1).await?);
                rows
            }
            _ => self.run(licenses.0.into(), licenses.1).await?,
        };
        rows.iter().try_for_each(|row| self.ledger.read(row))?;
        self.ledger.looked_for(needs);
        Ok(())
    }

    /// Writes what claims have left to be written.
    pub(crate) async fn settle(&mut self) -> Result<(), StoreError> {
        if self.ledger.is_written() {
            return Ok(());
        }
        let mut together = Together::new(self.dialect());
        self.ledger.write(&mut together);
        if together.is_empty() {
            return Ok(());
        }
        let (sql, args) = together.text(None);
        self.run(sql.into(), args).await.map(|_| ())
    }

    /// For statements that change nothing of what claims know, so that it need not be read again.
    pub(crate) const fn beside(&mut self) -> Beside<'_> {
        Beside(self)
    }

    /// Runs a statement. Whatever claims have left to be written is written after it.
    async fn run(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
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
            let (source, args) = dialect.constants(now, 0);
            let returning = if suffix.contains("DO NOTHING") { " RETURNING 1" } else { "" };
            let sql = format!("INSERT INTO {table} ({columns}) {source} {suffix}{returning}");
            let returned = self.rows(sql.into(), args).await?.len();
            inserted += if returning.is_empty() { now.len() } else { returned } as u64;
        }
        Ok(inserted)
    }

    /// Writes what claims have left and the buffered events, changes and counts. Called once per batch, before its commit.
    /// Locks are taken in one order by everybody: heads of vendors by id, then counts by vendor and name, then the feed.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        let events = std::mem::take(&mut self.events);
        let changes = std::mem::take(&mut self.changes);
        let counts = sums(&std::mem::take(&mut self.counts));
        let mut vendors: BTreeMap<VendorId, Vec<NewEvent>> = BTreeMap::new();
        for event in events {
            vendors.entry(event.vendor).or_default().push(event);
        }
        let mut together = Together::new(self.dialect());
        self.ledger.write(&mut together);
        if !counts.is_empty() {
            let source = together.constants(&counts);
            together.write(format!(
                "INSERT INTO vendor_counts (vendor, kind, rows) {source}
                 ON CONFLICT (vendor, kind) DO UPDATE SET rows = vendor_counts.rows + excluded.rows"
            ));
        }
        let heads = (!vendors.is_empty()).then(|| {
            let among = together.one_of("vendor", vendors.keys().map(ToArg::arg).collect());
            let lock = self.conn.dialect().lock_rows();
            format!("SELECT vendor, number, hash, webhooks FROM event_heads WHERE {among} ORDER BY vendor{lock}")
        });
        if heads.is_some() || !together.is_empty() {
            let (sql, args) = together.text(heads.as_deref());
            let rows = self.run(sql.into(), args).await?;
            if heads.is_some() {
                self.flush_events(&vendors, &rows).await?;
            }
        }
        self.flush_changes(&changes).await
    }

    /// Appends events to their vendors' chains, which end with `heads`, and puts them into the outbox of those that have
    /// webhooks.
    async fn flush_events(
        &mut self,
        vendors: &BTreeMap<VendorId, Vec<NewEvent>>,
        heads: &[Row],
    ) -> Result<(), StoreError> {
        let mut ends = BTreeMap::new();
        for head in heads {
            let end = (head.get::<i64>(1)?, head.get::<EventHash>(2)?, head.get::<i64>(3)? > 0);
            ends.insert(head.get::<VendorId>(0)?, end);
        }
        let (mut rows, mut told, mut heads) = (Vec::new(), Vec::new(), Vec::with_capacity(vendors.len()));
        for (vendor, events) in vendors {
            let end = ends.get(vendor);
            let (mut number, mut hash, is_told) =
                *end.ok_or_else(|| StoreError::internal("a vendor without a head of its event chain"))?;
            for event in events {
                number += 1;
                let (row, next) = event_row(event, number, hash)?;
                hash = next;
                rows.push(row);
                told.extend(is_told.then(|| outbox::of_event(event, number)).flatten());
            }
            heads.push(args![vendor, number, hash]);
        }
        let columns = "vendor, number, id, at, actor, action, subject, data, origin, request, hash";
        let most = self.dialect().chunk(usize::MAX, 11);
        // Almost always, all of them go with the heads.
        while rows.len() > most {
            let later = rows.split_off(most);
            self.insert("events", columns, &rows, "").await?;
            rows = later;
        }
        if told.len() > most {
            self.insert("outbox", outbox::COLUMNS, &std::mem::take(&mut told), "").await?;
        }
        let mut together = Together::new(self.dialect());
        let source = together.constants(&rows);
        together.write(format!("INSERT INTO events ({columns}) {source}"));
        let source = together.constants(&heads);
        together.write(format!(
            "WITH said (vendor, number, hash) AS ({source}) UPDATE event_heads SET number = said.number, hash = said.hash
             FROM said WHERE event_heads.vendor = said.vendor"
        ));
        if !told.is_empty() {
            let source = together.constants(&told);
            together.write(format!("INSERT INTO outbox ({}) {source}", outbox::COLUMNS));
        }
        let (sql, args) = together.text(None);
        self.run(sql.into(), args).await.map(|_| ())
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

/// What `counts` come to, as rows of the table.
fn sums(counts: &[(VendorId, Counted, i64)]) -> Vec<Vec<Arg>> {
    let mut sums: BTreeMap<(VendorId, &'static str), i64> = BTreeMap::new();
    for (vendor, what, more) in counts {
        *sums.entry((*vendor, what.as_str())).or_default() += more;
    }
    sums.into_iter().filter(|(_, n)| *n != 0).map(|((vendor, what), n)| args![vendor, what, n]).collect()
}

impl Querier for Tx {
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            self.settle().await?;
            self.ledger.forget();
            self.run(sql, args).await
        })
    }

    fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }
}

/// A transaction as [`Tx::beside`] gives it.
pub(crate) struct Beside<'a>(&'a mut Tx);

impl Querier for Beside<'_> {
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            self.0.settle().await?;
            self.0.run(sql, args).await
        })
    }

    fn dialect(&self) -> Dialect {
        self.0.conn.dialect()
    }
}
