//! When the leases out there stop: counted in buckets, so that a million of them are a few thousand rows.

use crate::{
    dialect::Dialect,
    error::StoreError,
    scope::Scope,
    sql::{Arg, Querier, Record, Row, ToArg, all, args},
};
use holdfast_domain::{CustomerId, Name, PlanId, ProductId, Seconds, UnixSeconds};
use std::fmt::Write as _;

/// Whose leases are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All of the vendor's.
    Vendor,
    /// Those on licenses of a plan.
    Plan(PlanId),
    /// Those on licenses of a customer.
    Customer(CustomerId),
}

/// Leases that stop in the same bucket and are alike otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopCount {
    /// Of which product.
    pub product: ProductId,
    /// The region whose node signed them, where it is known.
    pub region: Option<String>,
    /// Whether they stop because their licenses end.
    pub with_license: bool,
    /// The first second of the bucket.
    pub bucket: UnixSeconds,
    /// How many they are.
    pub leases: u64,
    /// The second in which the first of them stops.
    pub first: UnixSeconds,
}

impl Record for StopCount {
    const COLUMNS: &'static str = "product, region, with_license, bucket, count(*), min(stop)";
    const WIDTH: usize = 6;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            product: row.get(at)?,
            region: row.get(at + 1)?,
            with_license: row.get::<i64>(at + 2)? != 0,
            bucket: UnixSeconds(row.get(at + 3)?),
            leases: u64::try_from(row.get::<i64>(at + 4)?).unwrap_or(0),
            first: UnixSeconds(row.get(at + 5)?),
        })
    }
}

/// A customer whose first device stops early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstCustomer {
    /// Who; absent for licenses that belong to nobody in particular.
    pub customer: Option<(CustomerId, Name)>,
    /// When the first device stops.
    pub first: UnixSeconds,
}

impl Record for FirstCustomer {
    const COLUMNS: &'static str = "customers.id, customers.name, min(soonest.stop) AS first";
    const WIDTH: usize = 3;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        let (id, name): (Option<CustomerId>, Option<Name>) = (row.get(at)?, row.get(at + 1)?);
        Ok(Self { customer: id.zip(name), first: UnixSeconds(row.get(at + 2)?) })
    }
}

/// Which leases are counted, and as of when.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Whose.
    pub of: Of,
    /// Those that run at this moment.
    pub as_of: UnixSeconds,
    /// Each span of time from its first second on, with the width of the buckets in it, the nearest first. The first
    /// begins at `as_of`.
    pub spans: &'a [(UnixSeconds, i64)],
}

/// How the leases would have been signed under other terms: with this lease and this grace.
pub type OtherTerms = (Seconds, Seconds);

impl Running<'_> {
    /// The arguments that every query begins with.
    fn args(&self, scope: Scope) -> Vec<Arg> {
        args![scope.vendor(), self.as_of.0]
    }

    /// A common table expression `leases (license, product, region, exp, issued, ends, fixed)`, times in seconds. A license
    /// that had ended when the lease was signed does not bound it: it is a limited one.
    fn leases(&self, dialect: Dialect, args: &mut Vec<Arg>) -> String {
        // Seats in the order in which they were stored, and of licenses what an index holds: reading every license costs
        // more than all else. A customer has few.
        let all = |more: &str| {
            format!(
                "seats{} CROSS JOIN licenses AS bounds{} WHERE bounds.id = seats.license{more}",
                dialect.by_index(Some("seats_vendor_key")),
                dialect.by_index(Some("licenses_bounds_idx"))
            )
        };
        let from = match self.of {
            Of::Vendor => all(""),
            Of::Plan(plan) => {
                args.push(plan.arg());
                all(&format!(" AND bounds.plan = ${}", args.len()))
            }
            Of::Customer(customer) => {
                args.push(customer.arg());
                format!(
                    "licenses AS bounds CROSS JOIN seats
                     WHERE bounds.vendor = $1 AND bounds.customer = ${} AND seats.license = bounds.id",
                    args.len()
                )
            }
        };
        format!(
            "leases AS (SELECT seats.license, seats.product, seats.region, seats.offline_until / 1000000 AS exp,
                seats.last_seen_at / 1000000 AS issued,
                CASE WHEN bounds.ends_at > seats.last_seen_at THEN bounds.ends_at / 1000000 END AS ends,
                seats.borrowed_until >= seats.lease_ends_at AS fixed
             FROM {from} AND seats.vendor = $1 AND seats.state = 'active' AND seats.offline_until >= $2 * 1000000)"
        )
    }

    /// The bucket of `stop` as an expression.
    fn bucket(&self, args: &mut Vec<Arg>) -> String {
        let mut text = String::from("CASE");
        for (from, width) in self.spans.iter().skip(1).rev() {
            args.push(from.0.arg());
            let _ = write!(text, " WHEN stop >= ${} THEN stop - stop % {width}", args.len());
        }
        text.push_str(" ELSE stop END");
        text
    }
}

/// How many leases stop when, by product, region and whether their licenses end; with `other` terms, when they would.
pub async fn stops(
    q: &mut dyn Querier,
    scope: Scope,
    running: &Running<'_>,
    other: Option<OtherTerms>,
) -> Result<Vec<StopCount>, StoreError> {
    let mut args = running.args(scope);
    let leases = running.leases(q.dialect(), &mut args);
    let stop = match other {
        None => "exp".to_owned(),
        Some((lease, grace)) => {
            args.push(lease.0.saturating_add(grace.0).arg());
            let moved = format!("issued + ${}", args.len());
            // What would have stopped already stops now.
            format!(
                "CASE WHEN fixed THEN exp WHEN ends < {moved} THEN CASE WHEN ends < $2 THEN $2 ELSE ends END
                 WHEN {moved} < $2 THEN $2 ELSE {moved} END"
            )
        }
    };
    let bucket = running.bucket(&mut args);
    let (yes, no) = (q.dialect().number(1), q.dialect().number(0));
    let sql = format!(
        "WITH {leases}, moved AS (SELECT product, region, ends, {stop} AS stop FROM leases)
         SELECT {} FROM (SELECT product, region, CASE WHEN ends <= stop THEN {yes} ELSE {no} END AS with_license, stop,
            {bucket} AS bucket FROM moved) AS counted
         GROUP BY bucket, with_license, product, region",
        StopCount::COLUMNS
    );
    all(q, sql, args).await
}

/// How many devices are looked at for the customers to whom the first of them belong.
const SOONEST: u32 = 1_000;

/// The customers whose devices stop first for want of a server, at most `limit`, from among the thousand first devices;
/// of one product or region only, where that is said.
pub async fn first_customers(
    q: &mut dyn Querier,
    scope: Scope,
    running: &Running<'_>,
    (product, region): (Option<ProductId>, Option<&str>),
    limit: u32,
) -> Result<Vec<FirstCustomer>, StoreError> {
    let mut args = running.args(scope);
    let leases = running.leases(q.dialect(), &mut args);
    let mut only = String::new();
    for (column, value) in [("product", product.as_ref().map(ToArg::arg)), ("region", region.map(|name| name.arg()))] {
        if let Some(value) = value {
            args.push(value);
            let _ = write!(only, " AND {column} = ${}", args.len());
        }
    }
    let sql = format!(
        "WITH {leases}, soonest AS (SELECT license, exp AS stop FROM leases WHERE (ends IS NULL OR ends > exp){only}
            ORDER BY exp LIMIT {SOONEST})
         SELECT {} FROM soonest JOIN licenses ON licenses.vendor = $1 AND licenses.id = soonest.license
         LEFT JOIN customers ON customers.vendor = $1 AND customers.id = licenses.customer
         GROUP BY customers.id, customers.name ORDER BY first, customers.id LIMIT {limit}",
        FirstCustomer::COLUMNS
    );
    all(q, sql, args).await
}
