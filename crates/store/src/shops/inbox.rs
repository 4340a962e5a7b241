//! What of the sales waits for a person, and what became of it.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum, value},
    tx::Tx,
};
use holdfast_domain::{InboxId, OrderId, ReasonText, Sale, ShopEventId, ShopId, Timestamp, VendorId};

stored_enum! {
    /// Why a person has to look.
    pub enum InboxKind {
        /// Nobody has said which plan a price is.
        Price = "price",
        /// Several pieces were bought, and nobody has said what that means.
        Quantity = "quantity",
        /// Nobody knows who bought.
        Buyer = "buyer",
        /// A payment of which nobody says what was bought.
        Charge = "charge",
        /// Whoever bought has a license of the same product that no shop renews.
        Held = "held",
        /// Some of the money was paid back.
        Part = "part",
        /// All of it was paid back.
        Refund = "refund",
        /// A dispute was lost.
        Dispute = "dispute",
        /// Something that a license was issued for is not part of the sale any more.
        Line = "line",
        /// It was paid once more, and its license is revoked.
        Revoked = "revoked",
        /// Money that was gone is there again, and its licenses are revoked.
        Regained = "regained",
        /// What came is not what is known of this provider.
        Unreadable = "unreadable",
    }
}

stored_enum! {
    /// What became of it.
    pub enum Resolution {
        /// Nothing: it waits.
        Open = "open",
        /// Somebody has said which plan the price is.
        Mapped = "mapped",
        /// Somebody has issued a license.
        Issued = "issued",
        /// Somebody has said which license or customer it belongs to.
        Linked = "linked",
        /// Somebody has revoked its licenses.
        Revoked = "revoked",
        /// Somebody has reinstated its licenses.
        Reinstated = "reinstated",
        /// It was looked at once more, by somebody or because the shop told something else.
        Again = "again",
        /// Somebody has decided that nothing follows.
        Dismissed = "dismissed",
        /// A rule of the shop has decided.
        Ruled = "ruled",
    }
}

record! {
    /// Something that waits for a person, or waited.
    pub struct InboxRow in "inbox" {
        /// Its id.
        pub id: InboxId,
        /// Whose.
        pub vendor: VendorId,
        /// Of which shop.
        pub shop: ShopId,
        /// What the provider calls the sale; empty where none could be read.
        pub sale: String,
        /// What it is about, so that the same is asked once.
        pub matter: String,
        /// Why.
        pub kind: InboxKind,
        /// The same for people.
        pub detail: String,
        /// Which line of the sale.
        pub line: Option<String>,
        /// The order that the sale has become.
        pub order_id: Option<OrderId>,
        /// The message that brought it.
        pub event: ShopEventId,
        /// The sale, where it could be read.
        pub state: Option<Sale>,
        /// Since when it waits.
        pub opened_at: Timestamp,
        /// What became of it.
        pub resolution: Resolution,
        /// Who has resolved it, as JSON.
        pub resolved_by: Option<String>,
        /// When.
        pub resolved_at: Option<Timestamp>,
        /// Why.
        pub reason: Option<ReasonText>,
    }
}

/// Has something wait, once for each matter of a sale: what was decided stays decided, unless it was to be looked at once
/// more, and what waits is about the sale as it stands now; `raw` is what the provider answered, as JSON. True where it waits
/// now and has not before.
pub async fn park(tx: &mut Tx, scope: Scope, entry: &InboxRow, raw: &str) -> Result<bool, StoreError> {
    let e = entry;
    let sql = "UPDATE inbox SET detail = $5, line = $6, order_id = $7, event = $8, state = $9, raw = $10
        WHERE vendor = $1 AND shop = $2 AND sale = $3 AND matter = $4 AND resolution = 'open' RETURNING id";
    let args = args![scope.vendor(), e.shop, e.sale, e.matter, e.detail, e.line, e.order_id, e.event, e.state, raw];
    if !tx.rows(sql.into(), args).await?.is_empty() {
        return Ok(false);
    }
    let sql = format!(
        "INSERT INTO inbox ({}, raw) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (shop, sale, matter) DO UPDATE SET detail = excluded.detail, line = excluded.line,
            order_id = excluded.order_id, event = excluded.event, state = excluded.state, raw = excluded.raw,
            opened_at = excluded.opened_at, resolution = excluded.resolution, resolved_by = excluded.resolved_by,
            resolved_at = excluded.resolved_at, reason = excluded.reason
         WHERE inbox.vendor = excluded.vendor AND inbox.resolution IN ('again', 'mapped') RETURNING id",
        bare(InboxRow::COLUMNS, "inbox")
    );
    let args = args![
        e.id,
        scope.vendor(),
        e.shop,
        e.sale,
        e.matter,
        e.kind,
        e.detail,
        e.line,
        e.order_id,
        e.event,
        e.state,
        e.opened_at,
        e.resolution,
        e.resolved_by,
        e.resolved_at,
        e.reason,
        raw
    ];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Something of the scope's vendor that waits or waited.
pub async fn entry(q: &mut dyn Querier, scope: Scope, id: InboxId) -> Result<Option<InboxRow>, StoreError> {
    let sql = format!("SELECT {} FROM inbox WHERE vendor = $1 AND id = $2", InboxRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// What the provider answered about it, as JSON; nothing once that is forgotten.
pub async fn answers(q: &mut dyn Querier, scope: Scope, id: InboxId) -> Result<String, StoreError> {
    let sql = "SELECT raw FROM inbox WHERE vendor = $1 AND id = $2";
    Ok(value(q, sql, args![scope.vendor(), id]).await?.unwrap_or_else(|| "[]".to_owned()))
}

/// Forgets what providers answered about what was resolved before `before`, of a thousand entries at most. True where there may
/// be more.
pub async fn forget_answers(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE inbox SET raw = '[]' WHERE id IN (
            SELECT id FROM inbox WHERE resolved_at < $1 AND raw <> '[]' ORDER BY resolved_at LIMIT 1000)
        RETURNING id";
    Ok(tx.rows(sql.into(), args![before]).await?.len() >= 1_000)
}

/// The same, locked until the commit.
pub async fn lock_entry(tx: &mut Tx, scope: Scope, id: InboxId) -> Result<Option<InboxRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM inbox WHERE vendor = $1 AND id = $2{lock}", InboxRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// Notes what became of something that waits: `by` is who, as JSON. False where it does not wait any more.
pub async fn resolve(
    tx: &mut Tx,
    scope: Scope,
    id: InboxId,
    resolution: Resolution,
    (by, at, reason): (&str, Timestamp, Option<&ReasonText>),
) -> Result<bool, StoreError> {
    let sql = "UPDATE inbox SET resolution = $3, resolved_by = $4, resolved_at = $5, reason = $6
        WHERE vendor = $1 AND id = $2 AND resolution = 'open' RETURNING id";
    let args = args![scope.vendor(), id, resolution, by, at, reason.cloned()];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Has everything worked off once more that waits because nobody had said which plan this price of a shop is, or what its
/// number of pieces means: `by` has, as JSON. How much that is.
pub async fn placed(
    tx: &mut Tx,
    scope: Scope,
    (shop, price): (ShopId, &str),
    (by, at, reason): (&str, Timestamp, Option<&ReasonText>),
) -> Result<usize, StoreError> {
    const ABOUT: &str = "vendor = $1 AND shop = $2 AND resolution = 'open'
        AND (substr(matter, 1, length($3)) = $3 OR substr(matter, 1, length($4)) = $4)";
    let matters = || (format!("price:{price}:"), format!("quantity:{price}:"));
    let (one, other) = matters();
    let sql = format!(
        "UPDATE shop_events SET state = 'waiting', asked_at = $5, next_at = $5, ended_at = NULL
         WHERE vendor = $1 AND id IN (SELECT event FROM inbox WHERE {ABOUT})"
    );
    tx.rows(sql.into(), args![scope.vendor(), shop, one, other, at]).await?;
    let (one, other) = matters();
    let sql = format!(
        "UPDATE inbox SET resolution = 'mapped', resolved_by = $5, resolved_at = $6, reason = $7
         WHERE {ABOUT} RETURNING id"
    );
    let args = args![scope.vendor(), shop, one, other, by, at, reason.cloned()];
    Ok(tx.rows(sql.into(), args).await?.len())
}

/// Whether a matter of a sale was decided, once and for all.
pub async fn is_decided(
    q: &mut dyn Querier,
    scope: Scope,
    (shop, sale): (ShopId, &str),
    matter: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM inbox WHERE vendor = $1 AND shop = $2 AND sale = $3 AND matter = $4
        AND resolution NOT IN ('open', 'again', 'mapped')";
    Ok(value::<i64>(q, sql, args![scope.vendor(), shop, sale, matter]).await? > Some(0))
}

/// What waits of a sale.
pub async fn open_of_sale(
    q: &mut dyn Querier,
    scope: Scope,
    shop: ShopId,
    sale: &str,
) -> Result<Vec<InboxRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM inbox WHERE vendor = $1 AND shop = $2 AND sale = $3 AND resolution = 'open' ORDER BY id",
        InboxRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), shop, sale]).await
}

/// What waits about an order.
pub async fn open_of_order(q: &mut dyn Querier, scope: Scope, order: OrderId) -> Result<Vec<InboxRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM inbox WHERE vendor = $1 AND order_id = $2 AND resolution = 'open' ORDER BY id",
        InboxRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), order]).await
}

/// What the inbox is narrowed to.
#[derive(Clone, Copy, Debug, Default)]
pub struct InboxFilter {
    /// What waits, or what does not any more.
    pub open: Option<bool>,
    /// Of one shop.
    pub shop: Option<ShopId>,
    /// About one order.
    pub order: Option<OrderId>,
}

/// What waits, or waited, for a person; the newest first unless asked otherwise.
pub async fn inbox(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &InboxFilter,
    page: &PageRequest<()>,
) -> Result<Page<InboxRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("inbox.vendor = ?", args![scope.vendor()])
        .maybe("inbox.shop = ?", filter.shop.as_ref())
        .maybe("inbox.order_id = ?", filter.order.as_ref());
    match filter.open {
        Some(true) => conditions.and("inbox.resolution = 'open'", Vec::new()),
        Some(false) => conditions.and("inbox.resolution <> 'open'", Vec::new()),
        None => &mut conditions,
    };
    let key = SortKey { name: "opened", expression: "inbox.id", kind: KeyType::Id };
    let window = Window::new(&conditions, page, &key, "inbox.id")?;
    let total = crate::page::count(q, "inbox", &conditions).await?;
    let rows = window.rows::<InboxRow>(q, "inbox").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// How much waits for a person of the scope's vendor; at most a thousand.
pub async fn waiting(q: &mut dyn Querier, scope: Scope) -> Result<i64, StoreError> {
    let sql =
        "SELECT count(*) FROM (SELECT 1 AS one FROM inbox WHERE vendor = $1 AND resolution = 'open' LIMIT 1000) AS few";
    Ok(value(q, sql, args![scope.vendor()]).await?.unwrap_or(0))
}
