//! Messages on their way to webhooks, and the log of what came of it.

use super::WebhookRow;
use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, through, value},
    tx::Tx,
};
use holdfast_domain::{DeliveryId, MessageId, Timestamp, VendorId, WebhookId};
use serde::{Deserialize, Serialize};

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

through! {
    DeliveryState: String, |state| state.as_str().to_owned(), |stored| DeliveryState::from_name(&stored);
}

/// What is told: the same bytes to every webhook and with every attempt.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose webhooks are told.
    pub vendor: VendorId,
    /// What happened.
    pub topic: String,
    /// What is sent.
    pub body: String,
    /// When it happened.
    pub at: Timestamp,
}

/// A message for a webhook.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// What.
    pub message: MessageId,
    /// Whose.
    pub vendor: VendorId,
    /// What happened.
    pub topic: String,
    /// What it happened to: it waits for those before it about the same.
    pub subject: String,
}

record! {
    /// A message on its way to a webhook, or arrived there.
    pub struct DeliveryRow in "webhook_deliveries" {
        /// Its place in the line.
        pub number: i64,
        /// Its id.
        pub id: DeliveryId,
        /// Whose.
        pub vendor: VendorId,
        /// To whom.
        pub webhook: WebhookId,
        /// What.
        pub message: MessageId,
        /// What happened.
        pub topic: String,
        /// What it happened to.
        pub subject: String,
        /// How far it is.
        pub state: DeliveryState,
        /// How often it was tried.
        pub attempts: i64,
        /// What came of the last attempt, in a few words.
        pub outcome: Option<String>,
        /// Since when it is tried.
        pub tried_since: Option<Timestamp>,
        /// When it is to be tried next.
        pub next_at: Timestamp,
        /// When it was put in line.
        pub created_at: Timestamp,
        /// When it arrived or was given up.
        pub ended_at: Option<Timestamp>,
    }
}

record! {
    /// An attempt to deliver.
    pub struct AttemptRow in "webhook_attempts" {
        /// Of what.
        pub delivery: DeliveryId,
        /// Which one, from 1.
        pub number: i64,
        /// When it began.
        pub at: Timestamp,
        /// How long it took, in milliseconds.
        pub took: i64,
        /// What status was answered, where anything was.
        pub status: Option<i64>,
        /// What went wrong, where nothing was answered.
        pub error: Option<String>,
        /// The first bytes of the answer, as far as they are text.
        pub answer: String,
    }
}

/// Puts messages in line: each with who is told of it.
pub async fn send(
    tx: &mut Tx,
    messages: &[Message],
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = messages.iter().map(|m| args![m.id, m.vendor, m.topic, m.body, m.at]).collect();
    tx.insert("webhook_messages", "id, vendor, topic, body, at", &rows, "").await?;
    let pending = DeliveryState::Pending;
    let rows: Vec<_> = deliveries
        .iter()
        .map(|d| args![d.id, d.vendor, d.webhook, d.message, d.topic, d.subject, pending, 0i64, now, now])
        .collect();
    let columns = "id, vendor, webhook, message, topic, subject, state, attempts, next_at, created_at";
    tx.insert("webhook_deliveries", columns, &rows, "").await.map(|_| ())
}

/// What is to be sent to a webhook now, with its bytes, at most `limit`: of those about one subject the first that has not
/// arrived, and it alone. However much waits, as much is read as is returned, and what is tried again later before it: by the
/// index that has them in this order, which PostgreSQL would pass over for the numbers alone, and SQLite for `next_at`.
pub async fn due(
    q: &mut dyn Querier,
    webhook: WebhookId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(DeliveryRow, String)>, StoreError> {
    let sql = format!(
        "SELECT {}, webhook_messages.body FROM webhook_deliveries
         JOIN webhook_messages ON webhook_messages.id = webhook_deliveries.message
         WHERE webhook_deliveries.webhook = $1 AND webhook_deliveries.state = 'pending'
            AND +webhook_deliveries.next_at <= $2 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries before
                WHERE before.webhook = webhook_deliveries.webhook AND before.subject = webhook_deliveries.subject
                    AND before.state = 'pending' AND before.number < webhook_deliveries.number)
         ORDER BY webhook_deliveries.created_at, webhook_deliveries.number LIMIT {limit}",
        DeliveryRow::COLUMNS
    );
    let rows = q.rows(sql.into(), args![webhook, now]).await?;
    rows.iter().map(|row| Ok((DeliveryRow::read_at(row, 0)?, row.get(DeliveryRow::WIDTH)?))).collect()
}

/// Whether a delivery is still to be made, and nobody has tried it since `attempts` attempts. Locks it until the commit.
pub async fn is_pending(tx: &mut Tx, id: DeliveryId, attempts: i64) -> Result<bool, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql =
        format!("SELECT number FROM webhook_deliveries WHERE id = $1 AND state = 'pending' AND attempts = $2{lock}");
    Ok(!tx.rows(sql.into(), args![id, attempts]).await?.is_empty())
}

/// Writes an attempt down, and what follows from it for its delivery and its webhook.
pub async fn record(
    tx: &mut Tx,
    webhook: &WebhookRow,
    delivery: &DeliveryRow,
    attempt: &AttemptRow,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO webhook_attempts ({}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        bare(AttemptRow::COLUMNS, "webhook_attempts")
    );
    let a = attempt;
    tx.rows(sql.into(), args![a.delivery, a.number, a.at, a.took, a.status, a.error, a.answer]).await?;
    let sql = "UPDATE webhook_deliveries SET state = $2, attempts = $3, outcome = $4, tried_since = $5, next_at = $6,
            ended_at = $7 WHERE id = $1";
    let d = delivery;
    tx.rows(sql.into(), args![d.id, d.state, d.attempts, d.outcome, d.tried_since, d.next_at, d.ended_at]).await?;
    super::update(tx, Scope::of(webhook.vendor), webhook).await
}

/// Has everything that is on its way to a webhook tried at once, and its three days begin anew. What was never tried is due
/// already: however much waits, few rows are written.
pub async fn try_anew(tx: &mut Tx, scope: Scope, webhook: WebhookId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE webhook_deliveries SET tried_since = NULL, next_at = $3
        WHERE vendor = $1 AND webhook = $2 AND state = 'pending' AND attempts > 0";
    tx.rows(sql.into(), args![scope.vendor(), webhook, now]).await.map(|_| ())
}

/// What a list of deliveries is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Those that are so far.
    pub state: Option<DeliveryState>,
    /// Those of one topic.
    pub topic: Option<String>,
}

/// What went, goes or was to go to a webhook, the newest first unless asked otherwise.
pub async fn deliveries(
    q: &mut dyn Querier,
    scope: Scope,
    webhook: WebhookId,
    filter: &DeliveryFilter,
    page: &PageRequest<()>,
) -> Result<Page<DeliveryRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("webhook_deliveries.webhook = ?", args![webhook])
        .and("webhook_deliveries.vendor = ?", args![scope.vendor()])
        .maybe("webhook_deliveries.state = ?", filter.state.as_ref())
        .maybe("webhook_deliveries.topic = ?", filter.topic.as_ref());
    let key = SortKey { name: "number", expression: "webhook_deliveries.number", kind: KeyType::Int };
    let window = Window::new(&conditions, page, &key, "webhook_deliveries.id")?;
    let total = crate::page::count(q, "webhook_deliveries", &conditions).await?;
    let rows = window.rows::<DeliveryRow>(q, "webhook_deliveries").await?;
    Ok(window.page(rows, total, |row| (SortValue::Int(row.number), row.id.to_bytes())))
}

/// A delivery of the scope's vendor to that webhook.
pub async fn delivery(
    q: &mut dyn Querier,
    scope: Scope,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<DeliveryRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM webhook_deliveries WHERE vendor = $1 AND webhook = $2 AND id = $3
            AND EXISTS (SELECT 1 FROM webhooks WHERE vendor = $1 AND id = $2)",
        DeliveryRow::COLUMNS
    );
    first(q, sql, args![scope.vendor(), webhook, id]).await
}

/// The attempts of a delivery of the scope's vendor, the first one first; at most a hundred, of which there are never as many.
pub async fn attempts(q: &mut dyn Querier, scope: Scope, id: DeliveryId) -> Result<Vec<AttemptRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM webhook_attempts WHERE delivery = $2
            AND EXISTS (SELECT 1 FROM webhook_deliveries WHERE vendor = $1 AND id = $2)
         ORDER BY number LIMIT 100",
        AttemptRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), id]).await
}

/// The bytes of a message of the scope's vendor.
pub async fn body(q: &mut dyn Querier, scope: Scope, message: MessageId) -> Result<Option<String>, StoreError> {
    value(q, "SELECT body FROM webhook_messages WHERE vendor = $1 AND id = $2", args![scope.vendor(), message]).await
}

/// How much waits to be delivered, and since when the oldest does. What waits because its webhook is paused does not count.
pub async fn waiting(q: &mut dyn Querier) -> Result<(i64, Option<Timestamp>), StoreError> {
    let sql = format!(
        "SELECT count(*), min(since) FROM (
            SELECT at AS since FROM outbox WHERE {} UNION ALL
            SELECT webhook_deliveries.created_at FROM webhooks JOIN webhook_deliveries
                ON webhook_deliveries.webhook = webhooks.id AND webhook_deliveries.state = 'pending'
            WHERE webhooks.paused_at IS NULL) AS waiting",
        crate::outbox::for_webhooks()
    );
    let rows = q.rows(sql.into(), Vec::new()).await?;
    rows.first().map_or(Ok((0, None)), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Forgets what was on its way to webhooks that were removed, a thousand at most. True where there may be more.
pub async fn prune_removed(tx: &mut Tx) -> Result<bool, StoreError> {
    // From one webhook to the next by the index, however much there is of each.
    let sql = "WITH RECURSIVE line (webhook) AS (
            SELECT (SELECT webhook FROM webhook_deliveries ORDER BY webhook LIMIT 1) UNION ALL
            SELECT (SELECT webhook FROM webhook_deliveries WHERE webhook > line.webhook ORDER BY webhook LIMIT 1)
            FROM line WHERE line.webhook IS NOT NULL)
        SELECT webhook FROM line
        WHERE webhook IS NOT NULL AND NOT EXISTS (SELECT 1 FROM webhooks WHERE id = line.webhook) LIMIT 1";
    let Some(gone) = value::<WebhookId>(tx, sql, Vec::new()).await? else { return Ok(false) };
    let some = "FROM webhook_deliveries WHERE webhook = $1 ORDER BY number LIMIT 1000";
    let sql = format!("DELETE FROM webhook_attempts WHERE delivery IN (SELECT id {some})");
    tx.rows(sql.into(), args![gone]).await?;
    let sql = format!("DELETE FROM webhook_deliveries WHERE number IN (SELECT number {some})");
    tx.rows(sql.into(), args![gone]).await?;
    Ok(true)
}

/// Forgets messages from before `before`, a thousand at most, with whatever has become of them. True where there may be more.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let old = "SELECT id FROM webhook_messages WHERE at < $1 ORDER BY at, id LIMIT 1000";
    let deliveries = format!("SELECT id FROM webhook_deliveries WHERE message IN ({old})");
    tx.rows(format!("DELETE FROM webhook_attempts WHERE delivery IN ({deliveries})").into(), args![before]).await?;
    tx.rows(format!("DELETE FROM webhook_deliveries WHERE message IN ({old})").into(), args![before]).await?;
    let sql = format!("DELETE FROM webhook_messages WHERE id IN ({old}) RETURNING id");
    Ok(tx.rows(sql.into(), args![before]).await?.len() >= 1_000)
}
