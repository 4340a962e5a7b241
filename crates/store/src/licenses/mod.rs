//! Licenses: rows, look-up by key, changes, bulk insertion.

mod known;
mod list;
mod staged;

pub use known::{KnownLicense, known};
pub use list::{LicenseFilter, LicenseListRow, LicenseSort, SeatsTaken, list, of_orders, open_of_orders};
pub use staged::{insert_staged, stage, unstage};

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Arg, Querier, Record, Row, ToArg as _, all, args, first},
    tx::{Counted, Tx},
};
use holdfast_domain::{CustomerId, License, LicenseId, LicenseModel, LicenseState, OrderId, ProductId, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// A license as it is stored.
#[derive(Clone, Debug)]
pub struct LicenseRow {
    /// What decisions need of it.
    pub license: License,
    /// The keyed hash of its key's normal form.
    pub key_hash: [u8; 32],
    /// The key itself, sealed.
    pub key_sealed: Vec<u8>,
    /// The key's last four significant characters.
    pub key_hint: String,
    /// How many seats are taken (named-user: by how many users).
    pub seats_used: u32,
    /// Grows with every change of the row other than of `seats_used`.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl LicenseRow {
    /// The data of the license's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.license.vendor)
    }
}

/// What is stored as the end of a license without one, so that sorting and comparing need no null.
pub(crate) const NO_END: i64 = i64::MAX;

fn end_arg(end: Option<Timestamp>) -> Arg {
    end.map_or(NO_END, Timestamp::micros).arg()
}

const BARE: &str = "id, vendor, product, plan, plan_code, customer, order_id, status, status_reason, \
    status_effective_at, terms, overrides, ends_at, created_at, key_hash, key_sealed, key_hint, seats_used, version, \
    updated_at";

impl Record for LicenseRow {
    const COLUMNS: &'static str = "licenses.id, licenses.vendor, licenses.product, licenses.plan, licenses.plan_code, \
        licenses.customer, licenses.order_id, licenses.status, licenses.status_reason, licenses.status_effective_at, \
        licenses.terms, licenses.overrides, licenses.ends_at, licenses.created_at, licenses.key_hash, \
        licenses.key_sealed, licenses.key_hint, licenses.seats_used, licenses.version, licenses.updated_at";
    const WIDTH: usize = 20;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        let ends_at: i64 = row.get(at + 12)?;
        Ok(Self {
            license: License {
                id: row.get(at)?,
                vendor: row.get(at + 1)?,
                product: row.get(at + 2)?,
                plan: row.get(at + 3)?,
                plan_code: row.get(at + 4)?,
                customer: row.get(at + 5)?,
                order: row.get(at + 6)?,
                status: row.get(at + 7)?,
                status_reason: row.get(at + 8)?,
                status_effective_at: row.get(at + 9)?,
                terms: row.get(at + 10)?,
                overrides: row.get(at + 11)?,
                expires_at: (ends_at != NO_END).then(|| Timestamp::from_micros(ends_at)),
                created_at: row.get(at + 13)?,
            },
            key_hash: row.get(at + 14)?,
            key_sealed: row.get(at + 15)?,
            key_hint: row.get(at + 16)?,
            seats_used: row.get(at + 17)?,
            version: row.get(at + 18)?,
            updated_at: row.get(at + 19)?,
        })
    }
}

/// A license to be stored.
#[derive(Clone, Debug)]
pub struct NewLicense {
    /// The license; its vendor is ignored in favour of the scope's.
    pub license: License,
    /// The keyed hash of its key's normal form.
    pub key_hash: [u8; 32],
    /// The key itself, sealed.
    pub key_sealed: Vec<u8>,
    /// The key's last four significant characters ([`holdfast_domain::LicenseKey::hint`]).
    pub key_hint: String,
}

fn values(scope: Scope, new: &NewLicense) -> Vec<Arg> {
    let l = &new.license;
    args![
        l.id,
        scope.vendor(),
        l.product,
        l.plan,
        l.plan_code,
        l.customer,
        l.order,
        l.status,
        l.status_reason,
        l.status_effective_at,
        l.terms,
        l.overrides,
        end_arg(l.expires_at),
        l.created_at,
        new.key_hash,
        new.key_sealed,
        new.key_hint,
        0i64,
        1i64,
        l.created_at,
    ]
}

/// Stores a license of the scope's vendor. [`crate::Constraint::LicenseKey`] where the product has that key already,
/// [`crate::Constraint::Reference`] where plan, product, customer or order are not the vendor's.
pub async fn insert(tx: &mut Tx, scope: Scope, new: &NewLicense) -> Result<(), StoreError> {
    tx.insert("licenses", BARE, &[values(scope, new)], "").await?;
    tx.counted(scope.vendor(), Counted::Licenses, 1);
    Ok(())
}

/// Stores many licenses with few statements and leaves out those whose key the product has already. Returns the ids of
/// those left out.
pub async fn insert_many(tx: &mut Tx, scope: Scope, new: &[NewLicense]) -> Result<Vec<LicenseId>, StoreError> {
    let dialect = tx.dialect();
    let mut left_out: Vec<LicenseId> = new.iter().map(|new| new.license.id).collect();
    let mut rest = new;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(dialect.chunk(rest.len(), 20));
        rest = later;
        let rows: Vec<Vec<Arg>> = now.iter().map(|new| values(scope, new)).collect();
        let (source, args) = dialect.constants(&rows, 0);
        let sql =
            format!("INSERT INTO licenses ({BARE}) {source} ON CONFLICT (product, key_hash) DO NOTHING RETURNING id");
        let mut stored = std::collections::HashSet::new();
        for row in tx.rows(sql.into(), args).await? {
            stored.insert(row.get::<LicenseId>(0)?);
        }
        left_out.retain(|id| !stored.contains(id));
    }
    let stored = new.len() - left_out.len();
    tx.counted(scope.vendor(), Counted::Licenses, i64::try_from(stored).unwrap_or(0));
    Ok(left_out)
}

/// The licenses of a product that have one of these key hashes, by hash.
pub async fn existing_hashes(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    hashes: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], LicenseId>, StoreError> {
    let mut found = HashMap::new();
    for chunk in hashes.chunks(500) {
        let mut args = args![scope.vendor(), product];
        let licenses = q.dialect().licenses_of_hashes(chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT licenses.key_hash, licenses.id FROM {licenses} WHERE licenses.vendor = $1");
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// The license of a product with that key hash: the hot look-up of applications.
pub async fn by_key_hash(
    q: &mut dyn Querier,
    product: ProductId,
    key_hash: [u8; 32],
) -> Result<Option<LicenseRow>, StoreError> {
    let sql = format!("SELECT {} FROM licenses WHERE product = $1 AND key_hash = $2", LicenseRow::COLUMNS);
    first(q, sql, args![product, key_hash]).await
}

/// The ids alone of the licenses of products with these key hashes. What [`crate::Store::license_of_key`] reads.
pub(crate) async fn ids_by_key_hash(
    q: &mut dyn Querier,
    keys: &[(ProductId, [u8; 32])],
) -> Result<HashMap<(ProductId, [u8; 32]), LicenseId>, StoreError> {
    let wanted: Vec<Vec<Arg>> = keys.iter().map(|(product, hash)| args![product, hash]).collect();
    let (source, args) = q.dialect().constants(&wanted, 0);
    let sql = format!(
        "WITH said (product, hash) AS ({source}) SELECT licenses.product, licenses.key_hash, licenses.id
         FROM said CROSS JOIN {}",
        q.dialect().each_by("licenses", "licenses.product = said.product AND licenses.key_hash = said.hash")
    );
    let rows = q.rows(sql.into(), args).await?;
    rows.iter().map(|row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).collect()
}

/// The licenses of the vendor, of any product, with one of these key hashes (each product hashes with the same key): for
/// the search box.
pub async fn by_key_hash_anywhere(
    q: &mut dyn Querier,
    scope: Scope,
    key_hash: [u8; 32],
) -> Result<Vec<LicenseRow>, StoreError> {
    // By the index of the keys: SQLite without statistics would walk all of the vendor's licenses.
    let sql = format!(
        "SELECT {} FROM licenses{} WHERE vendor = $1 AND product IN (SELECT id FROM products WHERE vendor = $1)
         AND key_hash = $2 LIMIT 200",
        LicenseRow::COLUMNS,
        q.dialect().by_index(Some("licenses_key_key"))
    );
    all(q, sql, args![scope.vendor(), key_hash]).await
}

/// A license of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: LicenseId) -> Result<Option<LicenseRow>, StoreError> {
    let sql = format!("SELECT {} FROM licenses WHERE vendor = $1 AND id = $2", LicenseRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// A customer's licenses, the newest first; at most `limit`. No more than their ids.
pub async fn ids_of_customer(
    q: &mut dyn Querier,
    scope: Scope,
    customer: CustomerId,
    limit: usize,
) -> Result<Vec<LicenseId>, StoreError> {
    let sql = format!(
        "SELECT id FROM licenses{} WHERE vendor = $1 AND customer = $2 ORDER BY id DESC LIMIT {limit}",
        q.dialect().by_index(Some("licenses_customer_idx"))
    );
    q.rows(sql.into(), args![scope.vendor(), customer]).await?.iter().map(|row| row.get(0)).collect()
}

/// The last characters of the keys of those of `ids` that are licenses of the scope's vendor.
pub async fn hints(
    q: &mut dyn Querier,
    scope: Scope,
    ids: &[LicenseId],
) -> Result<BTreeMap<LicenseId, String>, StoreError> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT id, key_hint FROM licenses WHERE vendor = $1 AND {among}");
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(found)
}

/// A license of the scope's vendor, locked until the commit: read this before changing it. Give the job
/// [`crate::WriteOptions::license`] with the same id.
pub async fn lock(tx: &mut Tx, scope: Scope, id: LicenseId) -> Result<Option<LicenseRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM licenses WHERE vendor = $1 AND id = $2{lock}", LicenseRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// The licenses of an order, in the order of their ids and locked until the commit. Give the job
/// [`crate::WriteOptions::alone`].
pub async fn lock_of_order(tx: &mut Tx, scope: Scope, order: OrderId) -> Result<Vec<LicenseRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!(
        "SELECT {} FROM licenses WHERE vendor = $1 AND order_id = $2 ORDER BY licenses.id{lock}",
        LicenseRow::COLUMNS
    );
    all(tx, sql, args![scope.vendor(), order]).await
}

/// The licenses of an order, in the order of their ids.
pub async fn of_order(q: &mut dyn Querier, scope: Scope, order: OrderId) -> Result<Vec<LicenseRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM licenses WHERE vendor = $1 AND order_id = $2 ORDER BY licenses.id",
        LicenseRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), order]).await
}

/// Saves everything of a license that can change but its key and its seats, and counts its version up. Read it with
/// [`lock`] in the same job, or a change made meanwhile is lost. False where there is no such license.
pub async fn update(tx: &mut Tx, scope: Scope, license: &License, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE licenses SET plan = $3, plan_code = $4, customer = $5, order_id = $6, status = $7,
        status_reason = $8, status_effective_at = $9, terms = $10, overrides = $11, ends_at = $12, updated_at = $13,
        version = version + 1 WHERE vendor = $1 AND id = $2 RETURNING id";
    let l = license;
    if matches!(l.terms.model, LicenseModel::Trial { .. }) {
        crate::trials::set_end(tx, scope, l.id, l.expires_at).await?;
    }
    let args = args![
        scope.vendor(),
        l.id,
        l.plan,
        l.plan_code,
        l.customer,
        l.order,
        l.status,
        l.status_reason,
        l.status_effective_at,
        l.terms,
        l.overrides,
        end_arg(l.expires_at),
        now,
    ];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Gives a license another key. False where there is no such license.
pub async fn rekey(
    tx: &mut Tx,
    scope: Scope,
    id: LicenseId,
    key: (&[u8; 32], &Vec<u8>, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE licenses SET key_hash = $3, key_sealed = $4, key_hint = $5, updated_at = $6,
        version = version + 1 WHERE vendor = $1 AND id = $2 RETURNING id";
    let (hash, sealed, hint) = key;
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, hash, sealed, hint, now]).await?.is_empty())
}

/// The ids of a product's licenses that are suspended or revoked: what its revocation list names.
pub async fn denied(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    state: LicenseState,
) -> Result<Vec<LicenseId>, StoreError> {
    let status = match state {
        LicenseState::Suspended => "suspended",
        LicenseState::Revoked => "revoked",
        LicenseState::Active | LicenseState::Expired => return Ok(Vec::new()),
    };
    let sql = "SELECT id FROM licenses WHERE vendor = $1 AND status = $2 AND product = $3 ORDER BY id";
    q.rows(sql.into(), args![scope.vendor(), status, product]).await?.iter().map(|row| row.get(0)).collect()
}
