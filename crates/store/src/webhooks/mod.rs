//! Webhooks: where a vendor is told what has happened, and what is on its way there.

mod deliveries;

pub use deliveries::{
    AttemptRow, DeliveryFilter, DeliveryRow, DeliveryState, Message, NewDelivery, attempts, body, deliveries, delivery,
    due, is_pending, prune, prune_removed, record, send, try_anew, waiting,
};

use crate::{
    error::StoreError,
    page::{KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, all, args, bare, first, record, through},
    tx::Tx,
};
use holdfast_domain::{MemberId, Timestamp, VendorId, WebhookId, webhook::EventFilter};
use serde::{Deserialize, Serialize};

through! {
    EventFilter: String, |filter| filter.to_string(), |stored| Some(EventFilter::stored(&stored));
}

/// Why nothing is sent to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody asked for it.
    Asked,
    /// The receiver has said that it is gone for good.
    Gone,
    /// The receiver has taken nothing for three days.
    Failing,
}

impl PauseReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Asked, Self::Gone, Self::Failing].into_iter().find(|reason| reason.as_str() == name)
    }
}

through! {
    PauseReason: String, |reason| reason.as_str().to_owned(), |stored| PauseReason::from_name(&stored);
}

record! {
    /// A webhook.
    pub struct WebhookRow in "webhooks" {
        /// Its id.
        pub id: WebhookId,
        /// Whose.
        pub vendor: VendorId,
        /// Where to.
        pub url: String,
        /// What it is for.
        pub description: String,
        /// What it wants to be told.
        pub events: EventFilter,
        /// The HMAC secret and the Ed25519 seed, sealed together.
        pub secrets: Vec<u8>,
        /// Those before.
        pub previous_secrets: Option<Vec<u8>>,
        /// Until when those before sign as well.
        pub previous_until: Option<Timestamp>,
        /// Who made it, by hand or by a token of theirs; absent for the command line.
        pub created_by: Option<MemberId>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When a person last changed it.
        pub updated_at: Timestamp,
        /// Since when nothing is sent.
        pub paused_at: Option<Timestamp>,
        /// Why.
        pub paused_reason: Option<PauseReason>,
        /// Since when every attempt has failed.
        pub failing_since: Option<Timestamp>,
        /// How many attempts in a row have failed.
        pub failures: i64,
        /// Until when the receiver is left alone.
        pub quiet_until: Option<Timestamp>,
        /// When something last arrived.
        pub delivered_at: Option<Timestamp>,
    }
}

impl WebhookRow {
    /// Whether its receiver is left alone at `now`.
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        self.quiet_until.is_some_and(|until| until > now)
    }
}

/// Stores a webhook of the scope's vendor. To be written in a batch of its own: it locks the end of the vendor's log, which
/// others do last.
pub async fn insert(tx: &mut Tx, scope: Scope, webhook: &WebhookRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO webhooks ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        bare(WebhookRow::COLUMNS, "webhooks")
    );
    let w = webhook;
    let args = args![
        w.id,
        scope.vendor(),
        w.url,
        w.description,
        w.events,
        w.secrets,
        w.previous_secrets,
        w.previous_until,
        w.created_by,
        w.created_at,
        w.updated_at,
        w.paused_at,
        w.paused_reason,
        w.failing_since,
        w.failures,
        w.quiet_until,
        w.delivered_at
    ];
    tx.rows(sql.into(), args).await?;
    count_one(tx, scope, 1).await
}

/// Changes what can be changed of a webhook.
pub async fn update(tx: &mut Tx, scope: Scope, webhook: &WebhookRow) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET url = $3, description = $4, events = $5, secrets = $6, previous_secrets = $7,
            previous_until = $8, updated_at = $9, paused_at = $10, paused_reason = $11, failing_since = $12,
            failures = $13, quiet_until = $14, delivered_at = $15
        WHERE vendor = $1 AND id = $2";
    let w = webhook;
    let args = args![
        scope.vendor(),
        w.id,
        w.url,
        w.description,
        w.events,
        w.secrets,
        w.previous_secrets,
        w.previous_until,
        w.updated_at,
        w.paused_at,
        w.paused_reason,
        w.failing_since,
        w.failures,
        w.quiet_until,
        w.delivered_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// Removes a webhook. What is on its way to it goes nowhere from then on, and is cleared away afterwards
/// ([`prune_removed`]): it may be very much. To be written in a batch of its own, as [`insert`]. False where there is none.
pub async fn remove(tx: &mut Tx, scope: Scope, id: WebhookId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM webhooks WHERE vendor = $1 AND id = $2 RETURNING id";
    let removed = !tx.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty();
    if removed {
        count_one(tx, scope, -1).await?;
    }
    Ok(removed)
}

async fn count_one(tx: &mut Tx, scope: Scope, more: i64) -> Result<(), StoreError> {
    let sql = "UPDATE event_heads SET webhooks = webhooks + $2 WHERE vendor = $1 RETURNING vendor";
    let heads = tx.rows(sql.into(), args![scope.vendor(), more]).await?;
    if heads.is_empty() { Err(StoreError::internal("a vendor without a head of its event chain")) } else { Ok(()) }
}

/// A webhook of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: WebhookId) -> Result<Option<WebhookRow>, StoreError> {
    let sql = format!("SELECT {} FROM webhooks WHERE vendor = $1 AND id = $2", WebhookRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the commit.
pub async fn lock(tx: &mut Tx, scope: Scope, id: WebhookId) -> Result<Option<WebhookRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM webhooks WHERE vendor = $1 AND id = $2{lock}", WebhookRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// The webhooks that a member made and that are not paused.
pub async fn of_maker(q: &mut dyn Querier, scope: Scope, maker: MemberId) -> Result<Vec<WebhookId>, StoreError> {
    let sql = "SELECT id FROM webhooks WHERE vendor = $1 AND created_by = $2 AND paused_at IS NULL ORDER BY id";
    let rows = q.rows(sql.into(), args![scope.vendor(), maker]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The vendor's webhooks by time of creation; with `search` those with it in their address or description.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    search: Option<&str>,
    page: &PageRequest<()>,
) -> Result<Page<WebhookRow>, ListError> {
    let mut filter = crate::page::Filter::default();
    filter.and("webhooks.vendor = ?", args![scope.vendor()]);
    having(&mut filter, &["webhooks.url", "webhooks.description"], search);
    let key = SortKey { name: "created", expression: "webhooks.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "webhooks.id")?;
    let total = crate::page::count(q, "webhooks", &filter).await?;
    let rows = window.rows::<WebhookRow>(q, "webhooks").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// How many webhooks a vendor has. Locks the end of its log, so that two at once do not both find room for one more.
pub async fn number_of(tx: &mut Tx, scope: Scope) -> Result<i64, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT webhooks FROM event_heads WHERE vendor = $1{lock}");
    Ok(crate::sql::value(tx, sql, args![scope.vendor()]).await?.unwrap_or(0))
}

/// Who listens, of every vendor: for whoever hands messages out. Paused ones too, which get them later.
pub async fn listeners(q: &mut dyn Querier) -> Result<Vec<(WebhookId, VendorId, EventFilter)>, StoreError> {
    let rows = q.rows("SELECT id, vendor, events FROM webhooks ORDER BY id".into(), Vec::new()).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// The webhooks, of every vendor, to which something is to be sent now.
pub async fn due_webhooks(q: &mut dyn Querier, now: Timestamp) -> Result<Vec<WebhookRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM webhooks WHERE paused_at IS NULL AND (quiet_until IS NULL OR quiet_until <= $1) AND EXISTS (
            SELECT 1 FROM webhook_deliveries WHERE webhook = webhooks.id AND state = 'pending' AND next_at <= $1)
         ORDER BY id",
        WebhookRow::COLUMNS
    );
    all(q, sql, args![now]).await
}
