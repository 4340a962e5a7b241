//! Customers of a vendor.

use crate::{
    error::StoreError,
    narrow::SCANNED,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    search::{Kind, MANY, Piece, Search},
    sql::{Arg, Querier, Record as _, all, args, first, record},
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
    /// A part of the name, the address or the external id; of one or two characters, the beginning.
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
    let (dialect, vendor) = (q.dialect(), scope.vendor());
    let search = Search::of(dialect, scope, filter.q.as_deref());
    let mut conditions = Filter::default();
    conditions.and("customers.vendor = ?", args![vendor]);
    let mut broad = false;
    if let Some(search) = &search {
        let found = search.find(q, &[Kind::Customer]).await?;
        broad = found.is_broad;
        // Most of what a walk along the sort order meets will do.
        let Piece(condition, args) = if broad {
            search.matches(Kind::Customer, "customers.id")
        } else if let Some((_, Piece(subjects, args))) = found.subjects().pop() {
            Piece(format!("customers.id IN ({subjects})"), args)
        } else {
            Piece("1 = 0".to_owned(), Vec::new())
        };
        conditions.and(&condition, args);
    }
    let (name, expression, kind, index) = match page.sort {
        CustomerSort::Created => ("created", "customers.id", KeyType::Id, "customers_vendor_key"),
        CustomerSort::Name => ("name", "customers.name_folded", KeyType::Text, "customers_name_idx"),
    };
    let key = SortKey { name, expression, kind };
    let mut window = Window::new(&conditions, page, &key, "customers.id")?;
    let from = format!("customers{}", dialect.by_index((search.is_none() || broad).then_some(index)));
    if broad {
        let mut all = Filter::default();
        all.and("customers.vendor = ?", args![vendor]);
        window.bound(q, &Window::new(&all, page, &key, "customers.id")?, &from, SCANNED).await?;
    }
    let total = if !page.counted {
        None
    } else if broad {
        Some(Total { rows: MANY as u64, exact: false })
    } else if search.is_some() {
        Some(crate::page::count(q, "customers", &conditions).await?)
    } else {
        Some(Total::of(crate::vendors::counted(q, scope, Counted::Customers).await?))
    };
    let rows = window.rows::<CustomerRow>(q, &from).await?;
    Ok(window.page_of(rows, total, |row| {
        let value = match page.sort {
            CustomerSort::Created => SortValue::Id,
            CustomerSort::Name => SortValue::Text(folded(row.name.as_str())),
        };
        (value, row.id.to_bytes())
    }))
}
