//! When the licenses of each product end: counts read off one index, for a look at many of them at a time.

use crate::{
    error::StoreError,
    sql::{Querier, args},
};
use holdfast_domain::{ProductId, Timestamp};

/// How many licenses of each product are in force; products with none are left out.
pub async fn in_force(q: &mut dyn Querier, now: Timestamp) -> Result<Vec<(ProductId, u64)>, StoreError> {
    let sql = "SELECT product, count(*) FROM licenses WHERE status = 'active' AND ends_at > $1 GROUP BY product";
    let rows = q.rows(sql.into(), args![now]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, count(row.get(1)?)))).collect()
}

/// How many licenses in force of a product end in each hour from `now` until `until`, each with its begin; hours with none
/// are left out.
pub async fn by_hour(
    q: &mut dyn Querier,
    product: ProductId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let sql = "SELECT ends_at / 3600000000 * 3600000000 AS hour, count(*) FROM licenses
        WHERE status = 'active' AND product = $1 AND ends_at > $2 AND ends_at <= $3 GROUP BY hour ORDER BY hour";
    let rows = q.rows(sql.into(), args![product, now, until]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, count(row.get(1)?)))).collect()
}

/// The minutes from `now` until `until` in which the most licenses in force of a product end, each with its begin: the
/// fullest first, at most 20, and none with fewer than 10.
pub async fn by_minute(
    q: &mut dyn Querier,
    product: ProductId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let sql = "SELECT ends_at / 60000000 * 60000000 AS minute, count(*) FROM licenses
        WHERE status = 'active' AND product = $1 AND ends_at > $2 AND ends_at <= $3
        GROUP BY minute HAVING count(*) >= 10 ORDER BY count(*) DESC, minute LIMIT 20";
    let rows = q.rows(sql.into(), args![product, now, until]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, count(row.get(1)?)))).collect()
}

fn count(rows: i64) -> u64 {
    u64::try_from(rows).unwrap_or(0)
}
