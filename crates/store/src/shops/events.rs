//! What shops have told us: noted when it comes, worked off afterwards.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    shops::ShopRow,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{ShopEventId, ShopId, Timestamp, VendorId};

stored_enum! {
    /// How far a message is.
    pub enum ShopEventState {
        /// It is to be worked off, for the first time or again.
        Waiting = "waiting",
        /// Its sale was brought up to date.
        Applied = "applied",
        /// A person has to look.
        Parked = "parked",
        /// It is about no sale, or about one that was not paid.
        PassedOver = "passed_over",
    }
}

record! {
    /// A message of a shop.
    pub struct ShopEventRow in "shop_events" {
        /// Its id.
        pub id: ShopEventId,
        /// Whose.
        pub vendor: VendorId,
        /// Of which shop.
        pub shop: ShopId,
        /// What the provider calls it; unique among the shop's.
        pub event: String,
        /// What happened, in the provider's words.
        pub topic: String,
        /// What was sent, byte for byte.
        pub body: String,
        /// When it came.
        pub received_at: Timestamp,
        /// When it was first to be worked off, or was to be once more.
        pub asked_at: Timestamp,
        /// How far it is.
        pub state: ShopEventState,
        /// How often it was tried to work it off.
        pub attempts: i64,
        /// When it is to be tried next.
        pub next_at: Timestamp,
        /// What came of it, in a few words.
        pub outcome: Option<String>,
        /// The sale that it was about.
        pub sale: Option<String>,
        /// When it was done with.
        pub ended_at: Option<Timestamp>,
    }
}

impl ShopEventRow {
    /// The data of the message's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Notes a message of the scope's vendor; `event.vendor` is ignored in its favour. False where the shop has one of that name:
/// the same message again changes nothing.
pub async fn note_event(tx: &mut Tx, scope: Scope, event: &ShopEventRow) -> Result<bool, StoreError> {
    let e = event;
    let row = args![
        e.id,
        scope.vendor(),
        e.shop,
        e.event,
        e.topic,
        e.body,
        e.received_at,
        e.asked_at,
        e.state,
        e.attempts,
        e.next_at,
        e.outcome,
        e.sale,
        e.ended_at
    ];
    let columns = bare(ShopEventRow::COLUMNS, "shop_events");
    Ok(tx.insert("shop_events", &columns, &[row], "ON CONFLICT (shop, event) DO NOTHING").await? == 1)
}

/// The shops, of every vendor, of which something is to be worked off now.
pub async fn due_shops(q: &mut dyn Querier, now: Timestamp) -> Result<Vec<ShopRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM shops WHERE (quiet_until IS NULL OR quiet_until <= $1) AND EXISTS (
            SELECT 1 FROM shop_events WHERE shop_events.shop = shops.id AND state = 'waiting' AND next_at <= $1)
         ORDER BY id",
        ShopRow::COLUMNS
    );
    all(q, sql, args![now]).await
}

/// What of a shop is to be worked off now, what waits longest first; at most `limit`.
pub async fn due_events(
    q: &mut dyn Querier,
    shop: ShopId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ShopEventRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM shop_events WHERE shop = $1 AND state = 'waiting' AND next_at <= $2
         ORDER BY next_at, id LIMIT {limit}",
        ShopEventRow::COLUMNS
    );
    all(q, sql, args![shop, now]).await
}

/// Whether a message still waits, and nobody has tried it since `attempts` attempts. Locks it until the commit.
pub async fn is_waiting(tx: &mut Tx, id: ShopEventId, attempts: i64) -> Result<bool, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT id FROM shop_events WHERE id = $1 AND state = 'waiting' AND attempts = $2{lock}");
    Ok(!tx.rows(sql.into(), args![id, attempts]).await?.is_empty())
}

/// Notes what came of a message: it is done with.
pub async fn end_event(
    tx: &mut Tx,
    scope: Scope,
    id: ShopEventId,
    (state, outcome, sale): (ShopEventState, &str, Option<&str>),
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE shop_events SET state = $3, outcome = $4, sale = $5, attempts = attempts + 1, ended_at = $6
        WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, state, outcome, sale, now]).await.map(|_| ())
}

/// Notes that a message could not be worked off now, and when it is tried again.
pub async fn postpone(
    tx: &mut Tx,
    scope: Scope,
    id: ShopEventId,
    (outcome, next_at): (&str, Timestamp),
) -> Result<(), StoreError> {
    let sql =
        "UPDATE shop_events SET outcome = $3, next_at = $4, attempts = attempts + 1 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, outcome, next_at]).await.map(|_| ())
}

/// Has a message worked off once more. False where it is not there any more.
pub async fn again(tx: &mut Tx, scope: Scope, id: ShopEventId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE shop_events SET state = 'waiting', asked_at = $3, next_at = $3, ended_at = NULL
        WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, now]).await?.is_empty())
}

/// Has everything of a shop that waits tried now.
pub async fn hurry(tx: &mut Tx, scope: Scope, shop: ShopId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE shop_events SET next_at = $3
        WHERE vendor = $1 AND shop = $2 AND state = 'waiting' AND next_at > $3";
    tx.rows(sql.into(), args![scope.vendor(), shop, now]).await.map(|_| ())
}

/// What a shop has told, the newest first unless asked otherwise.
pub async fn events(
    q: &mut dyn Querier,
    scope: Scope,
    shop: ShopId,
    page: &PageRequest<()>,
) -> Result<Page<ShopEventRow>, ListError> {
    let mut filter = Filter::default();
    filter.and("shop_events.vendor = ? AND shop_events.shop = ?", args![scope.vendor(), shop]);
    let key = SortKey { name: "received", expression: "shop_events.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "shop_events.id")?;
    let total = crate::page::count(q, "shop_events", &filter).await?;
    let rows = window.rows::<ShopEventRow>(q, "shop_events").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// A message of the scope's vendor.
pub async fn event(q: &mut dyn Querier, scope: Scope, id: ShopEventId) -> Result<Option<ShopEventRow>, StoreError> {
    let sql = format!("SELECT {} FROM shop_events WHERE vendor = $1 AND id = $2", ShopEventRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Forgets messages from before `before`, a thousand at most; what somebody still has to look at stays. True where there may
/// be more.
pub async fn prune_events(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let sql = "DELETE FROM shop_events WHERE id IN (
            SELECT id FROM shop_events WHERE received_at < $1 AND state <> 'waiting' AND NOT EXISTS (
                SELECT 1 FROM inbox WHERE inbox.event = shop_events.id AND inbox.resolution = 'open')
            ORDER BY received_at LIMIT 1000)
        RETURNING id";
    Ok(tx.rows(sql.into(), args![before]).await?.len() >= 1_000)
}
