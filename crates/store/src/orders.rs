//! Orders: what a payment provider told us.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    sql::{Arg, Querier, Record as _, args, bare, first, record, stored_enum},
    tx::{Counted, Tx},
};
use holdfast_domain::{CustomerId, OrderId, Timestamp, VendorId};
use std::collections::HashMap;

stored_enum! {
    /// How an order stands.
    pub enum OrderStatus {
        /// Paid.
        Paid = "paid",
        /// Paid back in part: a person decides what follows.
        PartiallyRefunded = "partially_refunded",
        /// Paid back.
        Refunded = "refunded",
    }
}

record! {
    /// An order.
    pub struct OrderRow in "orders" {
        /// Its id.
        pub id: OrderId,
        /// Whose.
        pub vendor: VendorId,
        /// Who bought.
        pub customer: Option<CustomerId>,
        /// The number it has at the provider; unique among the vendor's orders.
        pub external_id: String,
        /// How it stands.
        pub status: OrderStatus,
        /// When it was created.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
        /// When it was paid back, wholly or in part.
        pub refunded_at: Option<Timestamp>,
    }
}

/// Creates an order of the scope's vendor; `order.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, order: &OrderRow) -> Result<(), StoreError> {
    insert_many(tx, scope, std::slice::from_ref(order)).await
}

/// Creates many orders of the scope's vendor with few statements.
pub async fn insert_many(tx: &mut Tx, scope: Scope, orders: &[OrderRow]) -> Result<(), StoreError> {
    let vendor = scope.vendor();
    let rows: Vec<Vec<Arg>> = orders
        .iter()
        .map(|o| args![o.id, vendor, o.customer, o.external_id, o.status, o.created_at, o.updated_at, o.refunded_at])
        .collect();
    tx.insert("orders", &bare(OrderRow::COLUMNS, "orders"), &rows, "").await?;
    tx.counted(vendor, Counted::Orders, i64::try_from(rows.len()).unwrap_or(0));
    Ok(())
}

/// An order of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: OrderId) -> Result<Option<OrderRow>, StoreError> {
    let sql = format!("SELECT {} FROM orders WHERE vendor = $1 AND id = $2", OrderRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// An order of the scope's vendor by the provider's number.
pub async fn by_external_id(
    q: &mut dyn Querier,
    scope: Scope,
    external_id: &str,
) -> Result<Option<OrderRow>, StoreError> {
    let sql = format!("SELECT {} FROM orders WHERE vendor = $1 AND external_id = $2", OrderRow::COLUMNS);
    first(q, sql, args![scope.vendor(), external_id]).await
}

/// The orders of the scope's vendor with those numbers, by number.
pub async fn by_external_ids(
    q: &mut dyn Querier,
    scope: Scope,
    external_ids: &[String],
) -> Result<HashMap<String, OrderId>, StoreError> {
    let mut found = HashMap::new();
    for chunk in external_ids.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("external_id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT external_id, id FROM orders WHERE vendor = $1 AND {among}");
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// Changes how an order stands. Returns the order as it was before, locked until the commit; `None` where there is none.
pub async fn set_status(
    tx: &mut Tx,
    scope: Scope,
    id: OrderId,
    status: OrderStatus,
    now: Timestamp,
) -> Result<Option<OrderRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM orders WHERE vendor = $1 AND id = $2{lock}", OrderRow::COLUMNS);
    let Some(before) = first::<OrderRow>(tx, sql, args![scope.vendor(), id]).await? else { return Ok(None) };
    let refunded_at = (status != OrderStatus::Paid).then_some(now);
    let sql = "UPDATE orders SET status = $3, refunded_at = $4, updated_at = $5 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, status, refunded_at, now]).await?;
    Ok(Some(before))
}

/// What a list of orders is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// In one status.
    pub status: Option<OrderStatus>,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// The beginning of the provider's number.
    pub q: Option<String>,
}

/// The vendor's orders by time of creation.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &OrderFilter,
    page: &PageRequest<()>,
) -> Result<Page<OrderRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("orders.vendor = ?", args![scope.vendor()])
        .maybe("orders.status = ?", filter.status.as_ref())
        .maybe("orders.customer = ?", filter.customer.as_ref());
    let search = filter.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = search {
        let end = crate::customers::prefix_end(text);
        let found = "orders.id IN (SELECT id FROM orders WHERE vendor = ? AND external_id >= ? AND external_id < ?)";
        conditions.and(found, args![scope.vendor(), text, end]);
    }
    let key = SortKey { name: "created", expression: "orders.id", kind: KeyType::Id };
    let window = Window::new(&conditions, page, &key, "orders.id")?;
    let total = if search.is_none() && filter.status.is_none() && filter.customer.is_none() {
        Total::of(crate::vendors::counted(q, scope, Counted::Orders).await?)
    } else {
        crate::page::count(q, "orders", &conditions).await?
    };
    let rows = window.rows::<OrderRow>(q, "orders").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
