//! Orders: what a payment provider told us.

use crate::{
    error::StoreError,
    narrow::{Parts, SCANNED, SEARCHED_IN_ALL},
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    search::{Kind, MANY, Piece, Search},
    sql::{Arg, Querier, Record as _, ToArg as _, all, args, bare, first, record, stored_enum},
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

/// The same, locked until the commit.
pub async fn lock(tx: &mut Tx, scope: Scope, id: OrderId) -> Result<Option<OrderRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM orders WHERE vendor = $1 AND id = $2{lock}", OrderRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
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

/// Orders of the scope's vendor, by id.
pub async fn get_many(
    q: &mut dyn Querier,
    scope: Scope,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, OrderRow>, StoreError> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("orders.id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT {} FROM orders WHERE orders.vendor = $1 AND {among}", OrderRow::COLUMNS);
        found.extend(all::<OrderRow>(q, sql, args).await?.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

/// Makes an order stand as it stood before it was paid back. False where there is no such order.
pub async fn put_back(
    tx: &mut Tx,
    scope: Scope,
    id: OrderId,
    (status, refunded_at): (OrderStatus, Option<Timestamp>),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql =
        "UPDATE orders SET status = $3, refunded_at = $4, updated_at = $5 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, status, refunded_at, now]).await?.is_empty())
}

/// A customer's orders, the newest first; at most `limit`. No more than their ids.
pub async fn ids_of_customer(
    q: &mut dyn Querier,
    scope: Scope,
    customer: CustomerId,
    limit: usize,
) -> Result<Vec<OrderId>, StoreError> {
    let sql = format!(
        "SELECT id FROM orders{} WHERE vendor = $1 AND customer = $2 ORDER BY id DESC LIMIT {limit}",
        q.dialect().by_index(Some("orders_customer_idx"))
    );
    q.rows(sql.into(), args![scope.vendor(), customer]).await?.iter().map(|row| row.get(0)).collect()
}

/// Changes how an order stands. Returns the order as it was before, locked until the commit; `None` where there is none.
pub async fn set_status(
    tx: &mut Tx,
    scope: Scope,
    id: OrderId,
    status: OrderStatus,
    now: Timestamp,
) -> Result<Option<OrderRow>, StoreError> {
    let Some(before) = lock(tx, scope, id).await? else { return Ok(None) };
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
    /// A part of the provider's number, or of the customer's name, address or external id.
    pub q: Option<String>,
}

/// The vendor's orders by time of creation.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &OrderFilter,
    page: &PageRequest<()>,
) -> Result<Page<OrderRow>, ListError> {
    let (dialect, vendor) = (q.dialect(), scope.vendor());
    let by = |index| dialect.by_index(Some(index));
    let mut parts = Parts::default();
    if let Some(status) = filter.status {
        let condition = "orders.vendor = ? AND orders.status = ?";
        let part = parts.indexed("orders", &by("orders_status_idx"), "orders.id", condition, args![vendor, status]);
        part.walks = Some("orders_status_idx");
    }
    if let Some(customer) = filter.customer {
        let condition = "orders.vendor = ? AND orders.customer = ?";
        let part = parts.indexed("orders", &by("orders_customer_idx"), "orders.id", condition, args![vendor, customer]);
        part.walks = Some("orders_customer_idx");
    }
    let mut broad = false;
    if let Some(text) = Search::of(dialect, scope, filter.q.as_deref()) {
        broad = search(q, &mut parts, scope, &text).await?;
    }
    let plan = parts.plan(q, true, page.counted).await?;
    let mut conditions = Filter::default();
    let with = plan.few().map(|Piece(sql, args)| {
        let few = conditions.place(sql, args.clone());
        format!("WITH few AS MATERIALIZED ({few}) ")
    });
    conditions.and("orders.vendor = ?", args![vendor]);
    plan.apply(&mut conditions);
    let key = SortKey { name: "created", expression: "orders.id", kind: KeyType::Id };
    let mut window = Window::new(&conditions, page, &key, "orders.id")?;
    let from = match with {
        Some(_) => format!("few CROSS JOIN {}", dialect.each_by("orders", "orders.id = few.few_id")),
        None => format!("orders{}", by(plan.walk("orders_vendor_key"))),
    };
    if plan.is_bounded() {
        let mut met = Filter::default();
        met.and("orders.vendor = ?", args![vendor]);
        plan.apply_walked(&mut met);
        window.bound(q, &Window::new(&met, page, &key, "orders.id")?, &from, SCANNED).await?;
    }
    let with = with.unwrap_or_default();
    let total = if !page.counted {
        None
    } else if parts.is_empty() {
        Some(Total::of(crate::vendors::counted(q, scope, Counted::Orders).await?))
    } else if broad {
        Some(Total { rows: MANY as u64, exact: false }).filter(|_| parts.0.len() == 1)
    } else if let Some(total) = plan.total() {
        Some(total)
    } else if plan.few().is_some() {
        let sql = format!("{with}SELECT count(*) FROM {from} WHERE {}", conditions.text());
        let rows: Option<i64> = crate::sql::value(q, sql, conditions.args.clone()).await?;
        Some(Total::of(u64::try_from(rows.unwrap_or(0)).unwrap_or(0)))
    } else {
        None
    };
    let sql = format!(
        "{with}SELECT {} FROM {from} WHERE {} ORDER BY {} LIMIT {}",
        OrderRow::COLUMNS,
        window.filter.text(),
        window.order,
        window.fetch()
    );
    let rows = all::<OrderRow>(q, sql, window.filter.args.clone()).await?;
    let key = |row: &OrderRow| (SortValue::Id, row.id.to_bytes());
    Ok(window.page_of(rows, total, key))
}

/// Adds the condition that a search finds the order. True where so much matches that it is met on a walk.
async fn search(q: &mut dyn Querier, parts: &mut Parts, scope: Scope, search: &Search) -> Result<bool, StoreError> {
    let vendor = scope.vendor();
    let found = search.find(q, &[Kind::Order, Kind::Customer]).await?;
    // Short texts are the beginning of a number.
    let (text, end) = (&search.typed, crate::customers::prefix_end(&search.typed));
    let mut ways =
        vec!["SELECT id AS few_id FROM orders WHERE vendor = ? AND external_id >= ? AND external_id < ?".to_owned()];
    let mut args = args![vendor, text, end];
    let mut conditions = vec!["orders.external_id >= ? AND orders.external_id < ?".to_owned()];
    let mut values = args![text, end];
    for (kind, Piece(subjects, more)) in found.subjects() {
        let column = if kind == Kind::Order { "orders.id" } else { "orders.customer" };
        ways.push(format!(
            "SELECT orders.id FROM ({subjects}) AS found CROSS JOIN orders
             WHERE orders.vendor = ? AND {column} = found.subject"
        ));
        args.extend(more);
        args.push(vendor.arg());
        let Piece(condition, more) = search.matches(kind, column);
        conditions.push(condition);
        values.extend(more);
    }
    let ways = format!("SELECT DISTINCT few_id FROM ({} LIMIT {}) AS found", ways.join(" UNION ALL "), SEARCHED_IN_ALL);
    let looked_up = (!found.is_broad).then_some(Piece(ways, args));
    parts.searched(looked_up, &format!("({})", conditions.join(" OR ")), values);
    Ok(found.is_broad)
}
