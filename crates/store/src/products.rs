//! Products of a vendor.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{Code, Name, ProductId, Timestamp, VendorId};

record! {
    /// A product.
    pub struct ProductRow in "products" {
        /// Its id.
        pub id: ProductId,
        /// Who sells it.
        pub vendor: VendorId,
        /// Its short name, unique among the vendor's products.
        pub code: Code,
        /// Its name.
        pub name: Name,
        /// The number of its newest revocation list; 0 before the first.
        pub revocation_seq: i64,
        /// When it was created.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
        /// Since when it is no longer sold.
        pub archived_at: Option<Timestamp>,
    }
}

impl ProductRow {
    /// The data of the product's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Creates a product of the scope's vendor; `product.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, product: &ProductRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO products ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        bare(ProductRow::COLUMNS, "products")
    );
    let p = product;
    let args = args![p.id, scope.vendor(), p.code, p.name, p.revocation_seq, p.created_at, p.updated_at, p.archived_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The product of that public id, of whichever vendor: for calls that applications make. What it leads to is narrowed by
/// [`ProductRow::scope`].
pub async fn by_public_id(q: &mut dyn Querier, id: ProductId) -> Result<Option<ProductRow>, StoreError> {
    first(q, format!("SELECT {} FROM products WHERE id = $1", ProductRow::COLUMNS), args![id]).await
}

/// A product of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: ProductId) -> Result<Option<ProductRow>, StoreError> {
    let sql = format!("SELECT {} FROM products WHERE vendor = $1 AND id = $2", ProductRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// A product of the scope's vendor by its code.
pub async fn by_code(q: &mut dyn Querier, scope: Scope, code: &Code) -> Result<Option<ProductRow>, StoreError> {
    let sql = format!("SELECT {} FROM products WHERE vendor = $1 AND code = $2", ProductRow::COLUMNS);
    first(q, sql, args![scope.vendor(), code]).await
}

/// Every product of every vendor. For start-up and jobs.
pub async fn all_products(q: &mut dyn Querier) -> Result<Vec<ProductRow>, StoreError> {
    all(q, format!("SELECT {} FROM products ORDER BY id", ProductRow::COLUMNS), Vec::new()).await
}

/// Saves code, name and archival of a product. False where there is no such product.
pub async fn update(tx: &mut Tx, scope: Scope, product: &ProductRow) -> Result<bool, StoreError> {
    let sql = "UPDATE products SET code = $3, name = $4, archived_at = $5, updated_at = $6
        WHERE vendor = $1 AND id = $2 RETURNING id";
    let p = product;
    let args = args![scope.vendor(), p.id, p.code, p.name, p.archived_at, p.updated_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Takes the next number for a revocation list of the product. `None` where there is no such product.
pub async fn next_revocation_seq(tx: &mut Tx, scope: Scope, id: ProductId) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE products SET revocation_seq = revocation_seq + 1 WHERE vendor = $1 AND id = $2
        RETURNING revocation_seq";
    let rows = tx.rows(sql.into(), args![scope.vendor(), id]).await?;
    rows.first().map(|row| row.get(0)).transpose()
}

/// What a list of products is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct ProductFilter {
    /// Only archived ones, or only others.
    pub archived: Option<bool>,
    /// Only those with this in their name or short name.
    pub q: Option<String>,
}

/// How a list of products is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductSort {
    /// By time of creation.
    #[default]
    Created,
    /// By code.
    Code,
}

/// The vendor's products.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &ProductFilter,
    page: &PageRequest<ProductSort>,
) -> Result<Page<ProductRow>, ListError> {
    let mut conditions = Filter::default();
    conditions.and("products.vendor = ?", args![scope.vendor()]);
    match filter.archived {
        Some(true) => conditions.and("products.archived_at IS NOT NULL", vec![]),
        Some(false) => conditions.and("products.archived_at IS NULL", vec![]),
        None => &mut conditions,
    };
    having(&mut conditions, &["products.name", "products.code"], filter.q.as_deref());
    let key = match page.sort {
        ProductSort::Created => SortKey { name: "created", expression: "products.id", kind: KeyType::Id },
        ProductSort::Code => SortKey { name: "code", expression: "products.code", kind: KeyType::Text },
    };
    let window = Window::new(&conditions, page, &key, "products.id")?;
    let total = crate::page::count(q, "products", &conditions).await?;
    let rows = window.rows::<ProductRow>(q, "products").await?;
    Ok(window.page(rows, total, |row| {
        let value = match page.sort {
            ProductSort::Created => SortValue::Id,
            ProductSort::Code => SortValue::Text(row.code.to_string()),
        };
        (value, row.id.to_bytes())
    }))
}
