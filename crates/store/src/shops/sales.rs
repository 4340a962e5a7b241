//! Sales as they stood when they were last applied, and which license each of their lines has become.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, first, record, through},
    tx::Tx,
};
use holdfast_domain::{CustomerId, LicenseId, OrderId, Sale, ShopId, Timestamp};
use std::collections::HashSet;

through! {
    Sale: String, |sale| serde_json::to_string(sale).unwrap_or_default(), |stored| serde_json::from_str(&stored).ok();
}

record! {
    /// A sale as it was last applied.
    pub struct SaleRow in "shop_sales" {
        /// Of which shop.
        pub shop: ShopId,
        /// What the provider calls it.
        pub sale: String,
        /// The order that it has become.
        pub order_id: Option<OrderId>,
        /// The customer that somebody has chosen for it.
        pub customer: Option<CustomerId>,
        /// The number of its state, where the shop gives numbers to states; otherwise 0.
        pub sequence: i64,
        /// As it stood.
        pub state: Sale,
        /// When it was applied.
        pub applied_at: Timestamp,
    }
}

record! {
    /// What a line of a sale has become.
    pub struct LineRow in "shop_lines" {
        /// Of which shop.
        pub shop: ShopId,
        /// Of which sale.
        pub sale: String,
        /// Which line.
        pub line: String,
        /// The price that it had when it was last applied.
        pub price: String,
        /// The number of pieces.
        pub quantity: u32,
        /// The license.
        pub license: LicenseId,
        /// The end that the sale gave it last.
        pub said_end: Option<Timestamp>,
    }
}

/// A sale of a shop of the scope's vendor, locked until the commit.
pub async fn lock_sale(tx: &mut Tx, scope: Scope, shop: ShopId, sale: &str) -> Result<Option<SaleRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql =
        format!("SELECT {} FROM shop_sales WHERE vendor = $1 AND shop = $2 AND sale = $3{lock}", SaleRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), shop, sale]).await
}

/// Stores a sale, in place of what was known of it.
pub async fn put_sale(tx: &mut Tx, scope: Scope, sale: &SaleRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO shop_sales (vendor, shop, sale, order_id, customer, sequence, state, applied_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (shop, sale) DO UPDATE SET order_id = excluded.order_id, customer = excluded.customer,
            sequence = excluded.sequence, state = excluded.state, applied_at = excluded.applied_at
        WHERE shop_sales.vendor = excluded.vendor";
    let s = sale;
    let args = args![scope.vendor(), s.shop, s.sale, s.order_id, s.customer, s.sequence, s.state, s.applied_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The sale that an order of the scope's vendor was made of, where it was.
pub async fn sale_of_order(q: &mut dyn Querier, scope: Scope, order: OrderId) -> Result<Option<SaleRow>, StoreError> {
    let sql = format!("SELECT {} FROM shop_sales WHERE vendor = $1 AND order_id = $2", SaleRow::COLUMNS);
    first(q, sql, args![scope.vendor(), order]).await
}

/// What the lines of a sale have become.
pub async fn lines(q: &mut dyn Querier, scope: Scope, shop: ShopId, sale: &str) -> Result<Vec<LineRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM shop_lines WHERE vendor = $1 AND shop = $2 AND sale = $3 ORDER BY line",
        LineRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), shop, sale]).await
}

/// Those of `licenses` of the scope's vendor that a line of a sale has become.
pub async fn bought(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
) -> Result<HashSet<LicenseId>, StoreError> {
    let mut args = args![scope.vendor()];
    let among = q.dialect().any_of("license", licenses.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!("SELECT DISTINCT license FROM shop_lines WHERE vendor = $1 AND {among}");
    let rows = q.rows(sql.into(), args).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Those of `licenses` of the scope's vendor that renew themselves: bought with a subscription that goes on, in a shop that is
/// listened to.
pub async fn renewing(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
) -> Result<HashSet<LicenseId>, StoreError> {
    let mut args = args![scope.vendor()];
    let among = q.dialect().any_of("shop_lines.license", licenses.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!(
        "SELECT shop_lines.license, shop_lines.line, shop_sales.state FROM shop_lines
         JOIN shop_sales ON shop_sales.shop = shop_lines.shop AND shop_sales.sale = shop_lines.sale
         JOIN shops ON shops.id = shop_lines.shop AND shops.closed_at IS NULL
         WHERE shop_lines.vendor = $1 AND {among}"
    );
    let mut found = HashSet::new();
    for row in q.rows(sql.into(), args).await? {
        let (license, line, sale) = (row.get(0)?, row.get::<String>(1)?, row.get::<Sale>(2)?);
        if sale.renews(&line) {
            found.insert(license);
        }
    }
    Ok(found)
}

/// Stores what a line has become, in place of what was known of the line that was called `before`.
pub async fn put_line(tx: &mut Tx, scope: Scope, before: Option<&str>, line: &LineRow) -> Result<(), StoreError> {
    let l = line;
    if let Some(before) = before.filter(|before| *before != l.line) {
        let sql = "DELETE FROM shop_lines WHERE vendor = $1 AND shop = $2 AND sale = $3 AND line = $4";
        tx.rows(sql.into(), args![scope.vendor(), l.shop, l.sale, before]).await?;
    }
    let sql = "INSERT INTO shop_lines (vendor, shop, sale, line, price, quantity, license, said_end)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (shop, sale, line) DO UPDATE SET price = excluded.price, quantity = excluded.quantity,
            license = excluded.license, said_end = excluded.said_end
        WHERE shop_lines.vendor = excluded.vendor";
    let args = args![scope.vendor(), l.shop, l.sale, l.line, l.price, l.quantity, l.license, l.said_end];
    tx.rows(sql.into(), args).await.map(|_| ())
}
