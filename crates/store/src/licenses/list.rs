//! Lists of licenses for screens and the API: filters, search, sorting, pages.

use super::LicenseRow;
use crate::{
    dialect::Dialect,
    error::StoreError,
    narrow::{Parts, Plan, SCANNED, SEARCHED_IN_ALL},
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    search::{Kind, MANY, Piece, Search},
    sql::{Querier, Record, Row, ToArg as _, all, args},
    tx::Counted,
};
use holdfast_domain::{
    CustomerId, Email, ImportId, LicenseId, LicenseState, Name, OrderId, PlanId, ProductId, Timestamp, VendorId,
};
use std::collections::HashMap;

/// What a list of licenses is narrowed to. All conditions hold at once.
#[derive(Clone, Debug, Default)]
pub struct LicenseFilter {
    /// Standing so at the moment given beside it.
    pub state: Option<LicenseState>,
    /// Of one product.
    pub product: Option<ProductId>,
    /// Of one plan.
    pub plan: Option<PlanId>,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// Of one order.
    pub order: Option<OrderId>,
    /// Ending then or later.
    pub ends_after: Option<Timestamp>,
    /// Ending before then, and, without the other bound, not ended yet.
    pub ends_before: Option<Timestamp>,
    /// Issued then or later.
    pub issued_after: Option<Timestamp>,
    /// Issued before then.
    pub issued_before: Option<Timestamp>,
    /// Made by one import.
    pub import: Option<ImportId>,
    /// Whether a device was ever activated.
    pub activated: Option<bool>,
    /// Activated once, and no device of it was heard of since then, to the hour.
    pub not_seen_since: Option<Timestamp>,
    /// How many of its seats are taken.
    pub seats: Option<SeatsTaken>,
    /// One of these.
    pub ids: Option<Vec<LicenseId>>,
    /// The last four characters of the key, or a part of the customer's name, address or external id, of the order's
    /// number, or of the name or user of a device. Of a kind of which more than two thousand match, those are met on a walk
    /// along the list, and the total is an estimate.
    pub q: Option<String>,
}

crate::sql::stored_enum! {
    /// How many seats of a license are taken.
    pub enum SeatsTaken {
        /// All that were sold, or more.
        Full = "full",
        /// More than were sold: with the overdraft, or since the number was lowered.
        Over = "over",
    }
}

/// How a list of licenses is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LicenseSort {
    /// By time of issue.
    #[default]
    Created,
    /// By end; those without an end come last.
    Ends,
    /// By the customer's name, whatever its case; those without one come first.
    Customer,
    /// By when a device was last heard of, to the hour; those never activated come first.
    LastSeen,
    /// By the number of seats taken.
    Taken,
}

/// A license in a list, with whose it is.
#[derive(Clone, Debug)]
pub struct LicenseListRow {
    /// The license.
    pub row: LicenseRow,
    /// The customer's name.
    pub customer_name: Option<Name>,
    /// The customer's address.
    pub customer_email: Option<Email>,
    /// When a device was last heard of, to the hour.
    pub last_seen: Option<Timestamp>,
    holder: String,
    taken: i64,
    seen_at: i64,
}

impl Record for LicenseListRow {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = LicenseRow::WIDTH + 5;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        let beside = at + LicenseRow::WIDTH;
        let seen_at: i64 = row.get(beside + 4)?;
        Ok(Self {
            row: LicenseRow::read_at(row, at)?,
            customer_name: row.get(beside)?,
            customer_email: row.get(beside + 1)?,
            last_seen: (seen_at > 0).then(|| Timestamp::from_micros(seen_at)),
            holder: row.get(beside + 2)?,
            taken: row.get(beside + 3)?,
            seen_at,
        })
    }
}

const BESIDE: &str = "customers.name, customers.email, license_use.holder, license_use.taken, license_use.seen_at";

/// Adds the conditions on when licenses end, when they were issued, and which they are.
fn ranges(
    parts: &mut Parts,
    vendor: VendorId,
    filter: &LicenseFilter,
    sort: LicenseSort,
    now: Timestamp,
    dialect: Dialect,
) {
    if filter.ends_after.is_some() || filter.ends_before.is_some() {
        let from = filter.ends_after.unwrap_or(now).micros();
        let until = filter.ends_before.map_or(super::NO_END, Timestamp::micros);
        let condition = "licenses.vendor = ? AND licenses.ends_at >= ? AND licenses.ends_at < ?";
        let by = dialect.by_index(Some("licenses_ends_idx"));
        let part = parts.indexed("licenses", &by, "licenses.id", condition, args![vendor, from, until]);
        part.walks = (sort == LicenseSort::Ends).then_some("licenses_ends_idx");
    }
    if filter.issued_after.is_some() || filter.issued_before.is_some() {
        // Ids begin with the time at which they were made.
        let from = filter.issued_after.map_or([0; 16], first_id);
        let until = filter.issued_before.map_or([0xff; 16], first_id);
        let condition = "licenses.vendor = ? AND licenses.id >= ? AND licenses.id < ?";
        let by = dialect.by_index(Some("licenses_vendor_key"));
        let args = args![vendor, LicenseId::from_bytes(from), LicenseId::from_bytes(until)];
        let part = parts.indexed("licenses", &by, "licenses.id", condition, args);
        part.walks = (sort == LicenseSort::Created).then_some("licenses_vendor_key");
    }
    if let Some(ids) = &filter.ids {
        let mut args = args![vendor];
        let among = match dialect {
            Dialect::Sqlite => {
                args.extend(ids.iter().map(crate::sql::ToArg::arg));
                format!("licenses.id IN ({})", vec!["?"; ids.len()].join(", "))
            }
            Dialect::Postgres => {
                args.push(crate::sql::Arg::Many(ids.iter().map(crate::sql::ToArg::arg).collect()));
                "licenses.id = ANY(?)".to_owned()
            }
        };
        let by = dialect.by_index(Some("licenses_vendor_key"));
        parts.indexed("licenses", &by, "licenses.id", &format!("licenses.vendor = ? AND {among}"), args);
    }
}

fn parts(scope: Scope, filter: &LicenseFilter, sort: LicenseSort, now: Timestamp, dialect: Dialect) -> Parts {
    let vendor = scope.vendor();
    let mut parts = Parts::default();
    // Found by an index of licenses that has them by id, or by end.
    let mut add = |index: &'static str, order: LicenseSort, condition: &str, value: crate::sql::Arg| {
        let condition = format!("licenses.vendor = ? AND {condition}");
        let by = dialect.by_index(Some(index));
        let mut args = args![vendor];
        args.push(value);
        let part = parts.indexed("licenses", &by, "licenses.id", &condition, args);
        part.walks = (order == sort).then_some(index);
    };
    let by_id = LicenseSort::Created;
    match filter.state {
        None => {}
        Some(state @ (LicenseState::Suspended | LicenseState::Revoked)) => {
            let status = if state == LicenseState::Suspended { "suspended" } else { "revoked" };
            let (index, order) = match sort {
                LicenseSort::Ends => ("licenses_status_idx", LicenseSort::Ends),
                _ => ("licenses_state_idx", by_id),
            };
            add(index, order, "licenses.status = ?", status.arg());
        }
        Some(LicenseState::Active) => {
            add(
                "licenses_status_idx",
                LicenseSort::Ends,
                "licenses.status = 'active' AND licenses.ends_at > ?",
                now.arg(),
            );
        }
        Some(LicenseState::Expired) => {
            add(
                "licenses_status_idx",
                LicenseSort::Ends,
                "licenses.status = 'active' AND licenses.ends_at <= ?",
                now.arg(),
            );
        }
    }
    if let Some(order) = filter.order {
        add("licenses_order_idx", by_id, "licenses.order_id = ?", order.arg());
    }
    if let Some(customer) = filter.customer {
        add("licenses_customer_idx", by_id, "licenses.customer = ?", customer.arg());
    }
    if let Some(plan) = filter.plan {
        add("licenses_plan_idx", by_id, "licenses.plan = ?", plan.arg());
    }
    if let Some(product) = filter.product {
        add("licenses_product_idx", by_id, "licenses.product = ?", product.arg());
    }
    ranges(&mut parts, vendor, filter, sort, now, dialect);
    if let Some(import) = filter.import {
        let by = dialect.by_index(Some("migrated_licenses_import_idx"));
        let found = format!("SELECT license AS few_id FROM migrated_licenses{by} WHERE vendor = ? AND import = ?");
        let condition = "EXISTS (SELECT 1 FROM migrated_licenses
            WHERE migrated_licenses.license = licenses.id AND migrated_licenses.import = ?)";
        parts.push(Some(Piece(found, args![vendor, import])), condition, args![import]);
    }
    let mut used = |index: &'static str, order: Option<LicenseSort>, condition: &str, value: i64| {
        let condition = format!("license_use.vendor = ? AND {condition}");
        let by = dialect.by_index(Some(index));
        let args = args![vendor, value];
        let part = parts.indexed("license_use", &by, "license_use.license", &condition, args);
        part.walks = (order == Some(sort)).then_some(index);
    };
    let seen = ("license_use_seen_idx", Some(LicenseSort::LastSeen));
    match filter.activated {
        None => {}
        Some(false) => used(seen.0, seen.1, "license_use.seen_at = ?", 0),
        Some(true) => used(seen.0, seen.1, "license_use.seen_at > ?", 0),
    }
    if let Some(since) = filter.not_seen_since {
        used(seen.0, seen.1, "license_use.seen_at > 0 AND license_use.seen_at < ?", since.micros());
    }
    match filter.seats {
        None => {}
        Some(SeatsTaken::Full) => used("license_use_free_idx", None, "license_use.free <= ?", 0),
        Some(SeatsTaken::Over) => used("license_use_free_idx", None, "license_use.free < ?", 0),
    }
    parts
}

/// The smallest id that can have been made at `at`.
fn first_id(at: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}

const KINDS: &[Kind] = &[Kind::Customer, Kind::Order, Kind::Seat];

/// Adds the condition that a search finds the license. True where so much matches that it is met on a walk.
async fn search(q: &mut dyn Querier, parts: &mut Parts, scope: Scope, search: &Search) -> Result<bool, StoreError> {
    let (vendor, hint) = (scope.vendor(), search.hint());
    let found = search.find(q, KINDS).await?;
    let by = |index| q.dialect().by_index(Some(index));
    let (mut ways, mut args) = (Vec::new(), args![vendor, hint]);
    ways.push(format!(
        "SELECT id AS few_id FROM licenses{} WHERE vendor = ? AND key_hint = ?",
        by("licenses_hint_idx")
    ));
    let (mut conditions, mut values) = (vec!["licenses.key_hint = ?".to_owned()], args![hint]);
    for (kind, Piece(subjects, more)) in found.subjects() {
        ways.push(match kind {
            Kind::Customer => format!(
                "SELECT licenses.id FROM ({subjects}) AS found CROSS JOIN licenses{}
                 WHERE licenses.vendor = ? AND licenses.customer = found.subject",
                by("licenses_customer_idx")
            ),
            Kind::Order => format!(
                "SELECT licenses.id FROM ({subjects}) AS found CROSS JOIN licenses{}
                 WHERE licenses.vendor = ? AND licenses.order_id = found.subject",
                by("licenses_order_idx")
            ),
            Kind::Seat => format!(
                "SELECT DISTINCT seats.license FROM ({subjects}) AS found CROSS JOIN seats
                 WHERE seats.vendor = ? AND seats.id = found.subject"
            ),
        });
        args.extend(more);
        args.push(vendor.arg());
        let Piece(condition, more) = match kind {
            Kind::Customer => search.matches(kind, "licenses.customer"),
            Kind::Order => search.matches(kind, "licenses.order_id"),
            Kind::Seat => {
                let Piece(condition, args) = search.matches(kind, "seats.id");
                Piece(
                    format!(
                        "EXISTS (SELECT 1 FROM seats WHERE seats.license = licenses.id AND {condition} LIMIT 1 OFFSET 0)"
                    ),
                    args,
                )
            }
        };
        conditions.push(condition);
        values.extend(more);
    }
    let ways = format!("SELECT DISTINCT few_id FROM ({} LIMIT {}) AS found", ways.join(" UNION ALL "), SEARCHED_IN_ALL);
    let looked_up = (!found.is_broad).then_some(Piece(ways, args));
    parts.searched(looked_up, &format!("({})", conditions.join(" OR ")), values);
    Ok(found.is_broad)
}

const fn key(sort: LicenseSort) -> (SortKey, &'static str) {
    let (name, expression, kind, id) = match sort {
        LicenseSort::Created => ("created", "licenses.id", KeyType::Id, "licenses.id"),
        LicenseSort::Ends => ("ends", "licenses.ends_at", KeyType::Int, "licenses.id"),
        LicenseSort::Customer => ("customer", "license_use.holder", KeyType::Text, "license_use.license"),
        LicenseSort::LastSeen => ("last_seen", "license_use.seen_at", KeyType::Int, "license_use.license"),
        LicenseSort::Taken => ("taken", "license_use.taken", KeyType::Int, "license_use.license"),
    };
    (SortKey { name, expression, kind }, id)
}

/// From where the list is read along its order: the tables, and the index of the first.
fn walk(dialect: Dialect, plan: &Plan<'_>, sort: LicenseSort) -> (String, String) {
    let of_licenses = |index| {
        let by = dialect.by_index(Some(plan.walk(index)));
        let walked = format!("licenses{by}");
        let usage = dialect.each_by("license_use", "license_use.license = licenses.id");
        (format!("{walked} CROSS JOIN {usage}"), walked)
    };
    let of_use = |index| {
        let by = dialect.by_index(Some(plan.walk(index)));
        let walked = format!("license_use{by}");
        let licenses = dialect.each_by("licenses", "licenses.id = license_use.license");
        (format!("{walked} CROSS JOIN {licenses}"), walked)
    };
    match sort {
        LicenseSort::Created => of_licenses("licenses_vendor_key"),
        LicenseSort::Ends => of_licenses("licenses_ends_idx"),
        LicenseSort::Customer => of_use("license_use_holder_idx"),
        LicenseSort::LastSeen => of_use("license_use_seen_idx"),
        LicenseSort::Taken => of_use("license_use_taken_idx"),
    }
}

/// The vendor's licenses as they stand at `now`.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &LicenseFilter,
    page: &PageRequest<LicenseSort>,
    now: Timestamp,
) -> Result<Page<LicenseListRow>, ListError> {
    let (dialect, vendor) = (q.dialect(), scope.vendor());
    let mut parts = parts(scope, filter, page.sort, now, dialect);
    let mut broad = false;
    if let Some(text) = Search::of(dialect, scope, filter.q.as_deref()) {
        broad = search(q, &mut parts, scope, &text).await?;
    }
    let plan = parts.plan(q, page.sort == LicenseSort::Ends, page.counted).await?;
    let (key, id) = key(page.sort);
    let total = if !page.counted {
        None
    } else if parts.is_empty() {
        Some(Total::of(crate::vendors::counted(q, scope, Counted::Licenses).await?))
    } else if broad {
        Some(Total { rows: MANY as u64, exact: false }).filter(|_| parts.0.len() == 1)
    } else {
        plan.total()
    };
    let (window, from, total) = if let Some(few) = plan.few() {
        among_few(q, &plan, few, page, key, total).await?
    } else {
        let (from, walked) = walk(dialect, &plan, page.sort);
        let of_vendor = if id == "licenses.id" { "licenses.vendor = ?" } else { "license_use.vendor = ?" };
        let mut conditions = Filter::default();
        conditions.and(of_vendor, args![vendor]);
        plan.apply(&mut conditions);
        let mut window = Window::new(&conditions, page, &key, id)?;
        if plan.is_bounded() {
            let mut met = Filter::default();
            met.and(of_vendor, args![vendor]);
            plan.apply_walked(&mut met);
            // What is compared for each row with the texts of several others takes its time.
            let most = if broad { SCANNED / 2 } else { SCANNED };
            window.bound(q, &Window::new(&met, page, &key, id)?, &walked, most).await?;
        }
        let from = format!(
            "SELECT {}, {BESIDE} FROM {from}
             LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
             WHERE {} ORDER BY {} LIMIT {}",
            LicenseRow::COLUMNS,
            window.filter.text(),
            window.order,
            window.fetch()
        );
        (window, from, total)
    };
    let rows = all::<LicenseListRow>(q, from, window.filter.args.clone()).await?;
    let key = |row: &LicenseListRow| {
        let value = match page.sort {
            LicenseSort::Created => SortValue::Id,
            LicenseSort::Ends => SortValue::Int(row.row.license.expires_at.map_or(super::NO_END, Timestamp::micros)),
            LicenseSort::Customer => SortValue::Text(row.holder.clone()),
            LicenseSort::LastSeen => SortValue::Int(row.seen_at),
            LicenseSort::Taken => SortValue::Int(row.taken),
        };
        (value, row.row.license.id.to_bytes())
    };
    Ok(window.page_of(rows, total, key))
}

/// The page, and how to ask for it, where the list is made of the few rows of one condition: those are narrowed and sorted by
/// no more than that takes, and only what the page shows is read as a whole.
async fn among_few(
    q: &mut dyn Querier,
    plan: &Plan<'_>,
    few: &Piece,
    page: &PageRequest<LicenseSort>,
    key: SortKey,
    total: Option<Total>,
) -> Result<(Window, String, Option<Total>), ListError> {
    let dialect = q.dialect();
    let mut conditions = Filter::default();
    let with = conditions.place(&few.0, few.1.clone());
    plan.apply(&mut conditions);
    let inner = SortKey { expression: if key.kind == KeyType::Id { "few.few_id" } else { key.expression }, ..key };
    let window = Window::new(&conditions, page, &inner, "few.few_id")?;
    let needs = |table: &str| {
        let named = format!("{table}.");
        window.filter.text().contains(&named) || window.order.contains(&named)
    };
    let mut from = "few".to_owned();
    for table in ["licenses", "license_use"].into_iter().filter(|table| needs(table)) {
        let id = if table == "licenses" { "id" } else { "license" };
        from = format!("{from} CROSS JOIN {}", dialect.each_by(table, &format!("{table}.{id} = few.few_id")));
    }
    let with = format!("WITH few AS MATERIALIZED ({with})");
    let all = |text: String| if text.is_empty() { "1 = 1".to_owned() } else { text };
    let total = if total.is_some() || !page.counted {
        total
    } else {
        let sql = format!("{with} SELECT count(*) FROM {from} WHERE {}", all(conditions.text()));
        let rows: Option<i64> = crate::sql::value(q, sql, conditions.args.clone()).await?;
        Some(Total::of(u64::try_from(rows.unwrap_or(0)).unwrap_or(0)))
    };
    let sql = format!(
        "{with}, page AS MATERIALIZED (SELECT few.few_id AS page_id FROM {from} WHERE {} ORDER BY {} LIMIT {})
         SELECT {}, {BESIDE} FROM page CROSS JOIN {} CROSS JOIN {}
         LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer ORDER BY {}",
        all(window.filter.text()),
        window.order,
        window.fetch(),
        LicenseRow::COLUMNS,
        dialect.each_by("licenses", "licenses.id = page.page_id"),
        dialect.each_by("license_use", "license_use.license = page.page_id"),
        window.order.replace("few.few_id", "page.page_id")
    );
    Ok((window, sql, total))
}

/// Of each of these orders, how many licenses are not revoked, and how many seats of theirs are taken. An order of which none
/// is left is not among them.
pub async fn open_of_orders(
    q: &mut dyn Querier,
    scope: Scope,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, (u64, u64)>, StoreError> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let mut found = HashMap::new();
    for chunk in orders.chunks(500) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("order_id", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT order_id, count(*), CAST(sum(seats_used) AS BIGINT) FROM licenses
             WHERE vendor = $1 AND {among} AND status <> 'revoked' GROUP BY order_id"
        );
        for row in q.rows(sql.into(), args).await? {
            found.insert(row.get(0)?, (count(row.get(1)?), count(row.get(2)?)));
        }
    }
    Ok(found)
}

/// How many licenses each of these orders has.
pub async fn of_orders(
    q: &mut dyn Querier,
    scope: Scope,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, u64>, StoreError> {
    let mut args = args![scope.vendor()];
    let among = q.dialect().any_of("order_id", orders.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!("SELECT order_id, count(*) FROM licenses WHERE vendor = $1 AND {among} GROUP BY order_id");
    let rows = q.rows(sql.into(), args).await?;
    rows.iter().map(|row| Ok((row.get(0)?, u64::try_from(row.get::<i64>(1)?).unwrap_or(0)))).collect()
}
