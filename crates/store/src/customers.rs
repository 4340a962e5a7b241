//! Customers of a vendor.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    sql::{Arg, Querier, Record as _, ToArg, all, args, first, record},
    tx::{Counted, Tx},
};
use holdfast_domain::{CustomerId, Email, Name, Timestamp, VendorId};
use std::collections::HashMap;

record! {
    /// A customer.
    pub struct CustomerRow in "customers" {
        /// Their id.
        pub id: CustomerId,
        /// Whose customer.
        pub vendor: VendorId,
        /// Their name.
        pub name: Name,
        /// Their address; unique among the vendor's customers.
        pub email: Option<Email>,
        /// What the vendor's own system calls them; unique among the vendor's customers.
        pub external_id: Option<String>,
        /// When they were created.
        pub created_at: Timestamp,
        /// When they were last changed.
        pub updated_at: Timestamp,
    }
}

/// The form of a text that searches compare: lower case.
pub(crate) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The greatest text that begins with `prefix`, for a range over an index.
pub(crate) fn prefix_end(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

const COLUMNS: &str = "id, vendor, name, name_folded, email, external_id, created_at, updated_at";

fn values(scope: Scope, c: &CustomerRow) -> Vec<Arg> {
    let name_folded = folded(c.name.as_str());
    args![c.id, scope.vendor(), c.name, name_folded, c.email, c.external_id, c.created_at, c.updated_at]
}

/// Creates a customer of the scope's vendor; `customer.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, customer: &CustomerRow) -> Result<(), StoreError> {
    insert_many(tx, scope, std::slice::from_ref(customer)).await
}

/// Creates many customers of the scope's vendor with few statements.
pub async fn insert_many(tx: &mut Tx, scope: Scope, customers: &[CustomerRow]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Arg>> = customers.iter().map(|customer| values(scope, customer)).collect();
    tx.insert("customers", COLUMNS, &rows, "").await?;
    tx.counted(scope.vendor(), Counted::Customers, i64::try_from(rows.len()).unwrap_or(0));
    Ok(())
}

/// A customer of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: CustomerId) -> Result<Option<CustomerRow>, StoreError> {
    let sql = format!("SELECT {} FROM customers WHERE vendor = $1 AND id = $2", CustomerRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Those of `ids` that are customers of the scope's vendor.
pub async fn get_many(
    q: &mut dyn Querier,
    scope: Scope,
    ids: &[CustomerId],
) -> Result<HashMap<CustomerId, CustomerRow>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT {} FROM customers WHERE vendor = $1 AND {among}", CustomerRow::COLUMNS);
        found.extend(all::<CustomerRow>(q, sql, args).await?.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

/// The customer of the scope's vendor with that address.
pub async fn by_email(q: &mut dyn Querier, scope: Scope, email: &Email) -> Result<Option<CustomerRow>, StoreError> {
    let sql = format!("SELECT {} FROM customers WHERE vendor = $1 AND email = $2", CustomerRow::COLUMNS);
    first(q, sql, args![scope.vendor(), email]).await
}

/// The customers of the scope's vendor with those addresses, by address.
pub async fn by_emails(
    q: &mut dyn Querier,
    scope: Scope,
    emails: &[Email],
) -> Result<HashMap<Email, CustomerId>, StoreError> {
    let mut found = HashMap::new();
    for chunk in emails.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("email", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT email, id FROM customers WHERE vendor = $1 AND {among}");
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// The customers of the scope's vendor with those external ids, by external id.
pub async fn by_external_ids(
    q: &mut dyn Querier,
    scope: Scope,
    external_ids: &[String],
) -> Result<HashMap<String, CustomerId>, StoreError> {
    let mut found = HashMap::new();
    for chunk in external_ids.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("external_id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT external_id, id FROM customers WHERE vendor = $1 AND {among}");
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// Saves name, address and external id. False where there is no such customer.
pub async fn update(tx: &mut Tx, scope: Scope, customer: &CustomerRow) -> Result<bool, StoreError> {
    let sql = "UPDATE customers SET name = $3, name_folded = $4, email = $5, external_id = $6, updated_at = $7
        WHERE vendor = $1 AND id = $2 RETURNING id";
    let c = customer;
    let name_folded = folded(c.name.as_str());
    let args = args![scope.vendor(), c.id, c.name, name_folded, c.email, c.external_id, c.updated_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// What a list of customers is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct CustomerFilter {
    /// The beginning of the address or of the name, or the external id.
    pub q: Option<String>,
}

/// How a list of customers is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CustomerSort {
    /// By time of creation.
    #[default]
    Created,
    /// By name, whatever its case.
    Name,
}

/// The vendor's customers.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &CustomerFilter,
    page: &PageRequest<CustomerSort>,
) -> Result<Page<CustomerRow>, ListError> {
    let mut conditions = Filter::default();
    conditions.and("customers.vendor = ?", args![scope.vendor()]);
    let search = filter.q.as_deref().map(folded).filter(|text| !text.is_empty());
    let mut broad = false;
    if let Some(text) = &search {
        let typed = filter.q.as_deref().unwrap_or(text).trim();
        let found = matching(q, scope, text, typed, MANY + 1).await?;
        broad = found.len() > MANY;
        if broad {
            // Most of what a walk along the sort order meets will do.
            let end = prefix_end(text);
            let condition = "((customers.email >= ? AND customers.email < ?) OR (customers.name_folded >= ?
                AND customers.name_folded < ?) OR customers.external_id = ?)";
            conditions.and(condition, args![text, end, text, end, typed]);
        } else {
            let mut args = Vec::new();
            let among =
                q.dialect().any_of_next("customers.id", found.iter().map(ToArg::arg), &mut args, scope.vendor().arg());
            conditions.and(&format!("customers.vendor = ? AND {among}"), args);
        }
    }
    let (name, expression, kind) = match page.sort {
        CustomerSort::Created => ("created", "customers.id", KeyType::Id),
        CustomerSort::Name => ("name", "customers.name_folded", KeyType::Text),
    };
    let window = Window::new(&conditions, page, &SortKey { name, expression, kind }, "customers.id")?;
    let total = if broad {
        Total { rows: MANY as u64, exact: false }
    } else if search.is_some() {
        crate::page::count(q, "customers", &conditions).await?
    } else {
        Total::of(crate::vendors::counted(q, scope, Counted::Customers).await?)
    };
    let index = broad.then_some(match page.sort {
        CustomerSort::Created => "customers_vendor_key",
        CustomerSort::Name => "customers_name_idx",
    });
    let from = format!("customers{}", q.dialect().by_index(index));
    let rows = window.rows::<CustomerRow>(q, &from).await?;
    Ok(window.page(rows, total, |row| {
        let value = match page.sort {
            CustomerSort::Created => SortValue::Id,
            CustomerSort::Name => SortValue::Text(folded(row.name.as_str())),
        };
        (value, row.id.to_bytes())
    }))
}

/// How many customers a search may find before they are met on a walk instead of looked up.
const MANY: usize = 2_000;

/// The ids of the customers whose address or name begins with the folded `text`, or whose external id is `typed`; at
/// most `limit` of them.
pub(crate) async fn matching(
    q: &mut dyn Querier,
    scope: Scope,
    text: &str,
    typed: &str,
    limit: usize,
) -> Result<Vec<CustomerId>, StoreError> {
    let (vendor, end) = (scope.vendor(), prefix_end(text));
    let sql = format!(
        "SELECT id FROM (SELECT id FROM customers WHERE vendor = $1 AND email >= $2 AND email < $3 LIMIT {limit}) AS a
         UNION
         SELECT id FROM (SELECT id FROM customers WHERE vendor = $1 AND name_folded >= $2 AND name_folded < $3
            LIMIT {limit}) AS b
         UNION SELECT id FROM customers WHERE vendor = $1 AND external_id = $4 LIMIT {limit}"
    );
    q.rows(sql.into(), args![vendor, text, end, typed]).await?.iter().map(|row| row.get(0)).collect()
}
