//! What customers are told of their licenses without asking for it, and of what they were told, so that nobody is told twice.

use crate::{
    error::StoreError,
    licenses::LicenseRow,
    scope::Scope,
    sql::{Querier, Record, Row, all, args},
    tx::Tx,
};
use holdfast_domain::{Email, LicenseId, Name, Timestamp};

/// A license that ends at some time to come, or has not long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The license.
    pub license: LicenseId,
    /// When it ends.
    pub at: Timestamp,
    /// Whether there is somebody to tell who was not told of this end.
    pub is_open: bool,
}

impl Ending {
    /// Before every license that ends after `at`, and after every other.
    pub const fn after(at: Timestamp) -> Self {
        Self { license: LicenseId::from_bytes([u8::MAX; 16]), at, is_open: false }
    }
}

/// The licenses of the scope's vendor in force that come after `after` by their ends and end until `until`; at most `limit`.
pub async fn ending(
    q: &mut dyn Querier,
    scope: Scope,
    after: Ending,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Ending>, StoreError> {
    // As many are read as are returned, however many of them are of no interest.
    let sql = format!(
        "SELECT licenses.id, licenses.ends_at, (customers.email IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM renewal_notices WHERE renewal_notices.license = licenses.id
            AND renewal_notices.ends_at = licenses.ends_at))
         FROM (SELECT id, vendor, customer, ends_at FROM licenses{} WHERE vendor = $1 AND status = 'active'
            AND (ends_at, id) > ($2, $3) AND ends_at <= $4 ORDER BY ends_at, id LIMIT {limit}) AS licenses
         LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
         ORDER BY licenses.ends_at, licenses.id",
        q.dialect().by_index(Some("licenses_status_idx"))
    );
    let rows = q.rows(sql.into(), args![scope.vendor(), after.at, after.license, until]).await?;
    rows.iter().map(|row| Ok(Ending { license: row.get(0)?, at: row.get(1)?, is_open: row.get(2)? })).collect()
}

/// A license whose customer can be told something by mail, with what is said of it.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// The license.
    pub row: LicenseRow,
    /// To whom.
    pub to: Email,
    /// What its product is called.
    pub product: Name,
    /// What its plan is called.
    pub plan: Name,
    /// Where the plan is renewed.
    pub renew: Option<String>,
}

impl Record for Addressed {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = LicenseRow::WIDTH + 4;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        let at = at + LicenseRow::WIDTH;
        Ok(Self {
            row: LicenseRow::read_at(row, at - LicenseRow::WIDTH)?,
            to: row.get(at)?,
            product: row.get(at + 1)?,
            plan: row.get(at + 2)?,
            renew: row.get(at + 3)?,
        })
    }
}

/// Those of `licenses` of the scope's vendor whose customers have an address.
pub async fn addressed(
    q: &mut dyn Querier,
    scope: Scope,
    licenses: &[LicenseId],
) -> Result<Vec<Addressed>, StoreError> {
    let mut args = args![scope.vendor()];
    let among = q.dialect().any_of("licenses.id", licenses.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!(
        "SELECT {}, customers.email, products.name, plans.name, plan_links.renew FROM licenses
         JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
            AND customers.email IS NOT NULL
         JOIN products ON products.vendor = licenses.vendor AND products.id = licenses.product
         JOIN plans ON plans.vendor = licenses.vendor AND plans.id = licenses.plan
         LEFT JOIN plan_links ON plan_links.vendor = licenses.vendor AND plan_links.plan = licenses.plan
         WHERE licenses.vendor = $1 AND {among}",
        LicenseRow::COLUMNS
    );
    all(q, sql, args).await
}

/// Notes that the customers of the scope's vendor are told of these ends of their licenses, in the transaction that puts the
/// mails in line. Returns those of whose end they were not told before.
pub async fn note_ends(
    tx: &mut Tx,
    scope: Scope,
    ends: &[(LicenseId, Timestamp)],
) -> Result<Vec<LicenseId>, StoreError> {
    let (dialect, mut new, mut rest) = (tx.dialect(), Vec::new(), ends);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(dialect.chunk(rest.len(), 3));
        rest = later;
        let rows: Vec<_> = now.iter().map(|(license, at)| args![license, at, scope.vendor()]).collect();
        let (source, args) = dialect.constants(&rows, 0);
        let sql = format!(
            "INSERT INTO renewal_notices (license, ends_at, vendor) {source}
             ON CONFLICT (license, ends_at) DO NOTHING RETURNING license"
        );
        for row in tx.rows(sql.into(), args).await? {
            new.push(row.get(0)?);
        }
    }
    Ok(new)
}

/// Forgets ends from before `before`, a thousand at most. True where there may be more.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let sql = "DELETE FROM renewal_notices WHERE (license, ends_at) IN (
        SELECT license, ends_at FROM renewal_notices WHERE ends_at < $1 ORDER BY ends_at LIMIT 1000) RETURNING 1";
    Ok(tx.rows(sql.into(), args![before]).await?.len() >= 1_000)
}

/// Those of `licenses` whose customers were told after `since` that all seats are taken.
pub async fn told_of_seats(
    q: &mut dyn Querier,
    licenses: &[LicenseId],
    since: Timestamp,
) -> Result<Vec<LicenseId>, StoreError> {
    let mut args = args![since];
    let among = q.dialect().any_of("license", licenses.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!("SELECT license FROM seat_limit_notices WHERE told_at > $1 AND {among}");
    q.rows(sql.into(), args).await?.iter().map(|row| row.get(0)).collect()
}

/// Notes that the customer of a license of the scope's vendor is told at `now` that all its seats are taken, in the transaction
/// that puts the mail in line. False where they were told after `since` already.
pub async fn note_seats(
    tx: &mut Tx,
    scope: Scope,
    license: LicenseId,
    now: Timestamp,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO seat_limit_notices (license, vendor, told_at) VALUES ($1, $2, $3)
        ON CONFLICT (license) DO UPDATE SET told_at = excluded.told_at WHERE seat_limit_notices.told_at <= $4
        RETURNING license";
    Ok(!tx.rows(sql.into(), args![license, scope.vendor(), now, since]).await?.is_empty())
}
