//! Alerts: what someone must act on, as it was announced.
//!
//! Codes, subjects and severities are words of the fleet's rules, which this crate does not know: an older program keeps a
//! newer one's alerts as they are.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{AlertId, ProductId, ReasonText, Timestamp, VendorId};

record! {
    /// An alert.
    pub struct AlertRow in "alerts" {
        /// Its id.
        pub id: AlertId,
        /// Whose product or key it is about; absent for one about the installation.
        pub vendor: Option<VendorId>,
        /// The product, where it is about one.
        pub product: Option<ProductId>,
        /// The rule.
        pub code: String,
        /// What it is about, as `kind:name`.
        pub subject: String,
        /// How much it matters.
        pub severity: String,
        /// What was measured.
        pub detail: String,
        /// Since when it stands.
        pub raised_at: Timestamp,
        /// When it was last brought up to date.
        pub updated_at: Timestamp,
        /// When it becomes a failure, by the estimate of `updated_at`.
        pub fails_at: Option<Timestamp>,
        /// When the node drains itself.
        pub drains_at: Option<Timestamp>,
        /// When it was over.
        pub cleared_at: Option<Timestamp>,
        /// When somebody took it on.
        pub acknowledged_at: Option<Timestamp>,
        /// Who, as in the audit log.
        pub acknowledged_by: Option<String>,
        /// What they wrote.
        pub note: Option<ReasonText>,
    }
}

/// How many alerts may stand at once: far more than a person can read.
const MOST: usize = 5_000;

/// Every alert that stands, of every vendor, by code and subject. For whoever announces them.
pub async fn standing(q: &mut dyn Querier) -> Result<Vec<AlertRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM alerts WHERE cleared_at IS NULL ORDER BY code, subject LIMIT {MOST}",
        AlertRow::COLUMNS
    );
    all(q, sql, Vec::new()).await
}

/// The alert of that code and subject that stands.
pub async fn standing_about(q: &mut dyn Querier, code: &str, subject: &str) -> Result<Option<AlertRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM alerts WHERE code = $1 AND subject = $2 AND cleared_at IS NULL", AlertRow::COLUMNS);
    first(q, sql, args![code, subject]).await
}

/// Raises an alert. Fails with a conflict where one of that code and subject stands.
pub async fn insert(tx: &mut Tx, alert: &AlertRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO alerts ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        bare(AlertRow::COLUMNS, "alerts")
    );
    let a = alert;
    let args = args![
        a.id,
        a.vendor,
        a.product,
        a.code,
        a.subject,
        a.severity,
        a.detail,
        a.raised_at,
        a.updated_at,
        a.fails_at,
        a.drains_at,
        a.cleared_at,
        a.acknowledged_at,
        a.acknowledged_by,
        a.note
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// Brings what was measured up to date, and with it whether somebody has taken it on.
pub async fn update(tx: &mut Tx, alert: &AlertRow) -> Result<(), StoreError> {
    let sql = "UPDATE alerts SET severity = $2, detail = $3, updated_at = $4, fails_at = $5, drains_at = $6,
            cleared_at = $7, acknowledged_at = $8, acknowledged_by = $9, note = $10
        WHERE id = $1";
    let a = alert;
    let args = args![
        a.id,
        a.severity,
        a.detail,
        a.updated_at,
        a.fails_at,
        a.drains_at,
        a.cleared_at,
        a.acknowledged_at,
        a.acknowledged_by,
        a.note
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// An alert that the scope's people may see: their vendor's, or one about the installation.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: AlertId) -> Result<Option<AlertRow>, StoreError> {
    let sql = format!("SELECT {} FROM alerts WHERE id = $2 AND (vendor = $1 OR vendor IS NULL)", AlertRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// What a list of alerts is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Those that stand, or those that are over.
    pub standing: Option<bool>,
    /// Of one severity.
    pub severity: Option<String>,
    /// Of one rule.
    pub code: Option<String>,
    /// About one thing.
    pub subject: Option<String>,
}

/// The alerts that the scope's people may see, by the time at which they were raised.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &AlertFilter,
    page: &PageRequest<()>,
) -> Result<Page<AlertRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("(alerts.vendor = ? OR alerts.vendor IS NULL)", args![scope.vendor()])
        .maybe("alerts.severity = ?", filter.severity.as_ref())
        .maybe("alerts.code = ?", filter.code.as_ref())
        .maybe("alerts.subject = ?", filter.subject.as_ref());
    match filter.standing {
        Some(true) => conditions.and("alerts.cleared_at IS NULL", Vec::new()),
        Some(false) => conditions.and("alerts.cleared_at IS NOT NULL", Vec::new()),
        None => &mut conditions,
    };
    let key = SortKey { name: "raised", expression: "alerts.id", kind: KeyType::Id };
    let window = Window::new(&conditions, page, &key, "alerts.id")?;
    let total = crate::page::count(q, "alerts", &conditions).await?;
    let rows = window.rows::<AlertRow>(q, "alerts").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// Whose key has this `kid`, and of which product it is.
pub async fn owner_of_key(q: &mut dyn Querier, kid: &str) -> Result<Option<(VendorId, Option<ProductId>)>, StoreError> {
    let rows = q.rows("SELECT vendor, product FROM signing_keys WHERE kid = $1 LIMIT 1".into(), args![kid]).await?;
    rows.first().map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Forgets alerts that were over before `before`. Returns how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM alerts WHERE cleared_at < $1 RETURNING id";
    Ok(tx.rows(sql.into(), args![before]).await?.len() as u64)
}
