//! Shops: a vendor's accounts at payment providers, which of their prices is which plan, what they told us, the sales that
//! this led to, and what of it waits for a person.

mod events;
mod inbox;
mod sales;

pub use events::{
    ShopEventRow, ShopEventState, again, due_events, due_shops, end_event, event, events, hurry, is_waiting,
    note_event, postpone, prune_events,
};
pub use inbox::{
    InboxFilter, InboxKind, InboxRow, Resolution, answers, entry, forget_answers, inbox, is_decided, lock_entry,
    open_of_order, open_of_sale, park, placed, resolve, waiting,
};
pub use sales::{LineRow, SaleRow, bought, lines, lock_sale, put_line, put_sale, renewing, sale_of_order};

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum, through},
    tx::Tx,
};
use holdfast_domain::{Name, PlanId, ShopId, ShopKind, Timestamp, VendorId, sale::Consequence};

through! {
    ShopKind: String, |kind| kind.as_str().to_owned(), |stored| ShopKind::from_name(&stored);
    Consequence: String, |consequence| consequence.to_string(), |stored| stored.parse().ok();
}

record! {
    /// A shop.
    pub struct ShopRow in "shops" {
        /// Its id.
        pub id: ShopId,
        /// Whose.
        pub vendor: VendorId,
        /// With whom it is.
        pub kind: ShopKind,
        /// What it is called.
        pub name: Name,
        /// Where its API is; empty where it is not asked.
        pub api_url: String,
        /// What it is asked with, sealed.
        pub api_key: Option<Vec<u8>>,
        /// What its messages are signed with, sealed.
        pub secret: Option<Vec<u8>>,
        /// What they were signed with before.
        pub previous_secret: Option<Vec<u8>>,
        /// Until when that counts as well.
        pub previous_until: Option<Timestamp>,
        /// What follows when all was paid back.
        pub on_refund: Consequence,
        /// What follows when a dispute was lost.
        pub on_dispute: Consequence,
        /// For how many days licenses go on after a paid period while a subscription renews itself.
        pub grace_days: u32,
        /// When it was connected.
        pub created_at: Timestamp,
        /// When a person last changed it.
        pub updated_at: Timestamp,
        /// Since when its messages are refused.
        pub closed_at: Option<Timestamp>,
        /// Since when its provider has not answered.
        pub failing_since: Option<Timestamp>,
        /// How often that was, in a row.
        pub failures: i64,
        /// Until when it is left alone.
        pub quiet_until: Option<Timestamp>,
        /// What was in the way the last time.
        pub failure: Option<String>,
    }
}

impl ShopRow {
    /// The data of the shop's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Stores a shop of the scope's vendor; `shop.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, shop: &ShopRow) -> Result<(), StoreError> {
    let s = shop;
    let row = args![
        s.id,
        scope.vendor(),
        s.kind,
        s.name,
        s.api_url,
        s.api_key,
        s.secret,
        s.previous_secret,
        s.previous_until,
        s.on_refund,
        s.on_dispute,
        s.grace_days,
        s.created_at,
        s.updated_at,
        s.closed_at,
        s.failing_since,
        s.failures,
        s.quiet_until,
        s.failure
    ];
    tx.insert("shops", &bare(ShopRow::COLUMNS, "shops"), &[row], "").await.map(|_| ())
}

/// Changes what can be changed of a shop.
pub async fn update(tx: &mut Tx, scope: Scope, shop: &ShopRow) -> Result<(), StoreError> {
    let sql = "UPDATE shops SET name = $3, api_url = $4, api_key = $5, secret = $6, previous_secret = $7,
            previous_until = $8, on_refund = $9, on_dispute = $10, grace_days = $11, updated_at = $12, closed_at = $13,
            failing_since = $14, failures = $15, quiet_until = $16, failure = $17
        WHERE vendor = $1 AND id = $2";
    let s = shop;
    let args = args![
        scope.vendor(),
        s.id,
        s.name,
        s.api_url,
        s.api_key,
        s.secret,
        s.previous_secret,
        s.previous_until,
        s.on_refund,
        s.on_dispute,
        s.grace_days,
        s.updated_at,
        s.closed_at,
        s.failing_since,
        s.failures,
        s.quiet_until,
        s.failure
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// A shop of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: ShopId) -> Result<Option<ShopRow>, StoreError> {
    let sql = format!("SELECT {} FROM shops WHERE vendor = $1 AND id = $2", ShopRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the commit.
pub async fn lock(tx: &mut Tx, scope: Scope, id: ShopId) -> Result<Option<ShopRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM shops WHERE vendor = $1 AND id = $2{lock}", ShopRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// A shop of any vendor: for a message, whose signature then says whether it is one of that shop's.
pub async fn of_anybody(q: &mut dyn Querier, id: ShopId) -> Result<Option<ShopRow>, StoreError> {
    first(q, format!("SELECT {} FROM shops WHERE id = $1", ShopRow::COLUMNS), args![id]).await
}

/// The vendor's shops by the time at which they were connected.
pub async fn list(q: &mut dyn Querier, scope: Scope, page: &PageRequest<()>) -> Result<Page<ShopRow>, ListError> {
    let mut filter = Filter::default();
    filter.and("shops.vendor = ?", args![scope.vendor()]);
    let key = SortKey { name: "created", expression: "shops.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "shops.id")?;
    let total = crate::page::count(q, "shops", &filter).await?;
    let rows = window.rows::<ShopRow>(q, "shops").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

stored_enum! {
    /// What the number of pieces of a line means.
    pub enum Quantity {
        /// The number of seats.
        Seats = "seats",
        /// Nothing: there is one, with the plan's seats.
        One = "one",
    }
}

record! {
    /// Which plan a price is.
    pub struct PriceRow in "shop_prices" {
        /// Of which shop.
        pub shop: ShopId,
        /// What the provider calls the price.
        pub price: String,
        /// The plan; absent for what needs no license.
        pub plan: Option<PlanId>,
        /// What the number of pieces means.
        pub quantity: Quantity,
        /// When somebody said so.
        pub updated_at: Timestamp,
    }
}

/// Says which plan a price of a shop of the scope's vendor is, in place of what was said before.
/// [`crate::Constraint::Reference`] where the shop or the plan is not the vendor's.
pub async fn set_price(tx: &mut Tx, scope: Scope, price: &PriceRow) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO shop_prices (vendor, shop, price, plan, quantity, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (shop, price) DO UPDATE SET plan = excluded.plan, quantity = excluded.quantity,
            updated_at = excluded.updated_at WHERE shop_prices.vendor = excluded.vendor";
    let p = price;
    tx.rows(sql.into(), args![scope.vendor(), p.shop, p.price, p.plan, p.quantity, p.updated_at]).await.map(|_| ())
}

/// Takes back what was said of a price. What it was; `None` where nothing was.
pub async fn remove_price(
    tx: &mut Tx,
    scope: Scope,
    shop: ShopId,
    price: &str,
) -> Result<Option<PriceRow>, StoreError> {
    let before = self::price(tx, scope, shop, price).await?;
    let sql = "DELETE FROM shop_prices WHERE vendor = $1 AND shop = $2 AND price = $3";
    tx.rows(sql.into(), args![scope.vendor(), shop, price]).await?;
    Ok(before)
}

/// What was said of a price.
pub async fn price(
    q: &mut dyn Querier,
    scope: Scope,
    shop: ShopId,
    price: &str,
) -> Result<Option<PriceRow>, StoreError> {
    let sql = format!("SELECT {} FROM shop_prices WHERE vendor = $1 AND shop = $2 AND price = $3", PriceRow::COLUMNS);
    first(q, sql, args![scope.vendor(), shop, price]).await
}

/// What was said of the prices of a shop, by price; at most a thousand.
pub async fn prices(q: &mut dyn Querier, scope: Scope, shop: ShopId) -> Result<Vec<PriceRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM shop_prices WHERE vendor = $1 AND shop = $2 ORDER BY price LIMIT 1000",
        PriceRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), shop]).await
}
