//! Plans: the SKUs of a product.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{Code, Name, PlanId, ProductId, Terms, Timestamp, VendorId};
use std::collections::BTreeSet;

record! {
    /// A plan.
    pub struct PlanRow in "plans" {
        /// Its id.
        pub id: PlanId,
        /// Who sells it.
        pub vendor: VendorId,
        /// Of which product.
        pub product: ProductId,
        /// Its short name, unique among the product's plans.
        pub code: Code,
        /// Its name.
        pub name: Name,
        /// What a license issued under it copies.
        pub terms: Terms,
        /// When it was created.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
        /// Since when it is no longer sold.
        pub archived_at: Option<Timestamp>,
    }
}

/// Creates a plan of the scope's vendor; `plan.vendor` is ignored in its favour. A product of another vendor is refused
/// with [`crate::Constraint::Reference`].
pub async fn insert(tx: &mut Tx, scope: Scope, plan: &PlanRow) -> Result<(), StoreError> {
    let sql =
        format!("INSERT INTO plans ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", bare(PlanRow::COLUMNS, "plans"));
    let p = plan;
    let args =
        args![p.id, scope.vendor(), p.product, p.code, p.name, p.terms, p.created_at, p.updated_at, p.archived_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// A plan of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: PlanId) -> Result<Option<PlanRow>, StoreError> {
    let sql = format!("SELECT {} FROM plans WHERE vendor = $1 AND id = $2", PlanRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, scope: Scope, id: PlanId) -> Result<Option<PlanRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM plans WHERE vendor = $1 AND id = $2{lock}", PlanRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// A plan of the scope's vendor by its product and code.
pub async fn by_code(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    code: &Code,
) -> Result<Option<PlanRow>, StoreError> {
    let sql = format!("SELECT {} FROM plans WHERE vendor = $1 AND product = $2 AND code = $3", PlanRow::COLUMNS);
    first(q, sql, args![scope.vendor(), product, code]).await
}

/// Saves code, name, terms and archival of a plan; its licenses keep their own terms. False where there is no such plan.
pub async fn update(tx: &mut Tx, scope: Scope, plan: &PlanRow) -> Result<bool, StoreError> {
    let sql = "UPDATE plans SET code = $3, name = $4, terms = $5, archived_at = $6, updated_at = $7
        WHERE vendor = $1 AND id = $2 RETURNING id";
    let p = plan;
    let args = args![scope.vendor(), p.id, p.code, p.name, p.terms, p.archived_at, p.updated_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// What a list of plans is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct PlanFilter {
    /// Of one product.
    pub product: Option<ProductId>,
    /// Only archived ones, or only others.
    pub archived: Option<bool>,
    /// Only those with this in their name or short name.
    pub q: Option<String>,
}

/// How a list of plans is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlanSort {
    /// By time of creation.
    #[default]
    Created,
    /// By code.
    Code,
}

/// The codes of all plans of a product of the scope's vendor.
pub async fn codes(q: &mut dyn Querier, scope: Scope, product: ProductId) -> Result<BTreeSet<Code>, StoreError> {
    let sql = "SELECT code FROM plans WHERE vendor = $1 AND product = $2";
    q.rows(sql.into(), args![scope.vendor(), product]).await?.iter().map(|row| row.get(0)).collect()
}

/// The vendor's plans.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &PlanFilter,
    page: &PageRequest<PlanSort>,
) -> Result<Page<PlanRow>, ListError> {
    let mut conditions = Filter::default();
    conditions.and("plans.vendor = ?", args![scope.vendor()]).maybe("plans.product = ?", filter.product.as_ref());
    match filter.archived {
        Some(true) => conditions.and("plans.archived_at IS NOT NULL", vec![]),
        Some(false) => conditions.and("plans.archived_at IS NULL", vec![]),
        None => &mut conditions,
    };
    having(&mut conditions, &["plans.name", "plans.code"], filter.q.as_deref());
    let key = match page.sort {
        PlanSort::Created => SortKey { name: "created", expression: "plans.id", kind: KeyType::Id },
        PlanSort::Code => SortKey { name: "code", expression: "plans.code", kind: KeyType::Text },
    };
    let window = Window::new(&conditions, page, &key, "plans.id")?;
    let total = crate::page::count(q, "plans", &conditions).await?;
    let rows = window.rows::<PlanRow>(q, "plans").await?;
    Ok(window.page(rows, total, |row| {
        let value = match page.sort {
            PlanSort::Created => SortValue::Id,
            PlanSort::Code => SortValue::Text(row.code.to_string()),
        };
        (value, row.id.to_bytes())
    }))
}
