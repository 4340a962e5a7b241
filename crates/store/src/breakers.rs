//! Denial breakers: products of which nothing is denied until a person has looked.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{ProductId, Timestamp, VendorId};

record! {
    /// The breaker of a product, once it has tripped.
    pub struct BreakerRow in "breakers" {
        /// The product.
        pub product: ProductId,
        /// Whose it is.
        pub vendor: VendorId,
        /// When it tripped.
        pub tripped_at: Timestamp,
        /// How many were denied within ten minutes before.
        pub denials: i64,
        /// How many were allowed.
        pub allowed: i64,
        /// Until when a person lets all denials pass; absent where nobody has looked yet.
        pub passes_until: Option<Timestamp>,
    }
}

impl BreakerRow {
    /// Whether nothing of the product is denied.
    pub const fn is_tripped(&self) -> bool {
        self.passes_until.is_none()
    }
}

/// Trips the breaker of a product of the scope's vendor. False where it is tripped already, or a person lets denials pass
/// at that moment.
pub async fn trip(tx: &mut Tx, scope: Scope, breaker: &BreakerRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO breakers ({}) VALUES ($1, $2, $3, $4, $5, NULL)
         ON CONFLICT (product) DO UPDATE SET tripped_at = excluded.tripped_at, denials = excluded.denials,
            allowed = excluded.allowed, passes_until = NULL
         WHERE breakers.passes_until <= excluded.tripped_at
         RETURNING product",
        bare(BreakerRow::COLUMNS, "breakers")
    );
    let b = breaker;
    let args = args![b.product, scope.vendor(), b.tripped_at, b.denials, b.allowed];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Lets all denials of a product pass until `until`. False where its breaker has never tripped.
pub async fn pass(tx: &mut Tx, scope: Scope, product: ProductId, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE breakers SET passes_until = $3 WHERE vendor = $1 AND product = $2 RETURNING product";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), product, until]).await?.is_empty())
}

/// The breaker of a product of the scope's vendor, where it has ever tripped.
pub async fn get(q: &mut dyn Querier, scope: Scope, product: ProductId) -> Result<Option<BreakerRow>, StoreError> {
    let sql = format!("SELECT {} FROM breakers WHERE vendor = $1 AND product = $2", BreakerRow::COLUMNS);
    first(q, sql, args![scope.vendor(), product]).await
}

/// The tripped breakers of every vendor, at most a thousand. For whoever announces alerts.
pub async fn tripped(q: &mut dyn Querier) -> Result<Vec<BreakerRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM breakers WHERE passes_until IS NULL ORDER BY product LIMIT 1000", BreakerRow::COLUMNS);
    all(q, sql, Vec::new()).await
}

/// How many seats of a product are taken, counted up to `most`.
pub async fn seats_taken(q: &mut dyn Querier, scope: Scope, product: ProductId, most: u32) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM
            (SELECT 1 AS one FROM seats WHERE vendor = $1 AND product = $2 AND state = 'active' LIMIT {most}) AS taken"
    );
    let rows = crate::sql::value::<i64>(q, sql, args![scope.vendor(), product]).await?;
    Ok(rows.unwrap_or(0).unsigned_abs())
}
