//! Lists of seats for screens and the API.

use super::SeatRow;
use crate::{
    dialect::Dialect,
    error::StoreError,
    narrow::{Parts, SCANNED, SEARCHED_IN_ALL},
    page::{COUNT_CAP, Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    search::{Kind, MANY, Piece, Search},
    sql::{Querier, Record, Row, ToArg as _, all, args},
    tx::Counted,
};
use holdfast_domain::{CustomerId, LicenseId, Name, ProductId, SeatState, Timestamp};

/// What a list of seats is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct SeatFilter {
    /// Of one license.
    pub license: Option<LicenseId>,
    /// Of one product.
    pub product: Option<ProductId>,
    /// Of one customer.
    pub customer: Option<CustomerId>,
    /// Taken ones, or given-up ones.
    pub state: Option<SeatState>,
    /// Not seen since then.
    pub not_seen_since: Option<Timestamp>,
    /// On this platform, as the application calls it.
    pub platform: Option<String>,
    /// A part of the device's name or of who sits there, of the customer's name, address or external id, or the last four
    /// characters of the key.
    pub q: Option<String>,
}

/// How a list of seats is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeatSort {
    /// By when the device was seen for the first time.
    #[default]
    Created,
    /// By when it was seen last.
    LastSeen,
}

/// A seat in a list, with its license's key hint and whose that is.
#[derive(Clone, Debug)]
pub struct SeatListRow {
    /// The seat.
    pub row: SeatRow,
    /// The last characters of its license's key.
    pub key_hint: String,
    /// Whose license it is.
    pub customer: Option<CustomerId>,
    /// What they are called.
    pub customer_name: Option<Name>,
}

impl Record for SeatListRow {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = SeatRow::WIDTH + 3;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            row: SeatRow::read_at(row, at)?,
            key_hint: row.get(at + SeatRow::WIDTH)?,
            customer: row.get(at + SeatRow::WIDTH + 1)?,
            customer_name: row.get(at + SeatRow::WIDTH + 2)?,
        })
    }
}

/// Adds the conditions that stand in a seat.
fn parts(scope: Scope, filter: &SeatFilter, sort: SeatSort, dialect: Dialect) -> Parts {
    let vendor = scope.vendor();
    let by = |index| dialect.by_index(Some(index));
    let mut parts = Parts::default();
    if let Some(license) = filter.license {
        let condition = "seats.vendor = ? AND seats.license = ?";
        let part = parts.indexed("seats", &by("seats_device_key"), "seats.id", condition, args![vendor, license]);
        // A walk along the vendor's seats would pass over everybody else's for ever.
        part.most = Some(COUNT_CAP);
    }
    if let Some(product) = filter.product {
        let condition = "seats.vendor = ? AND seats.product = ?";
        parts.indexed("seats", &by("seats_product_idx"), "seats.id", condition, args![vendor, product]);
    }
    if let Some(customer) = filter.customer {
        let found = format!(
            "SELECT seats.id AS few_id FROM licenses{} CROSS JOIN seats{} ON seats.license = licenses.id
             WHERE licenses.vendor = ? AND licenses.customer = ?",
            by("licenses_customer_idx"),
            by("seats_device_key")
        );
        let found = match dialect {
            Dialect::Sqlite => found,
            Dialect::Postgres => found.replace("CROSS JOIN", "JOIN"),
        };
        let condition = "seats.license IN (SELECT id FROM licenses WHERE vendor = ? AND customer = ?)";
        let part = parts.push(Some(Piece(found, args![vendor, customer])), condition, args![vendor, customer]);
        // As for a license.
        part.most = Some(COUNT_CAP);
    }
    if let Some(state) = filter.state {
        // By the products, since that is what the index begins with.
        let found = format!(
            "SELECT seats.id AS few_id FROM products CROSS JOIN seats{}
             WHERE products.vendor = ? AND seats.vendor = ? AND seats.product = products.id AND seats.state = ?",
            by("seats_product_idx")
        );
        // A license has few of them: to count the vendor's would be for nothing.
        let found = filter.license.is_none().then(|| Piece(found, args![vendor, vendor, state]));
        parts.push(found, "seats.state = ?", args![state]);
    }
    if let Some(since) = filter.not_seen_since {
        let condition = "seats.vendor = ? AND seats.last_seen_at < ?";
        let part = parts.indexed("seats", &by("seats_seen_idx"), "seats.id", condition, args![vendor, since]);
        part.walks = (sort == SeatSort::LastSeen).then_some("seats_seen_idx");
    }
    if let Some(platform) = &filter.platform {
        parts.push(None, "seats.platform = ?", args![platform]);
    }
    parts
}

/// Adds the condition that a search finds the seat, or the customer whose it is. True where so much matches that it is met
/// on a walk.
async fn search(q: &mut dyn Querier, parts: &mut Parts, scope: Scope, search: &Search) -> Result<bool, StoreError> {
    let (vendor, hint) = (scope.vendor(), search.hint());
    let found = search.find(q, &[Kind::Seat, Kind::Customer]).await?;
    let by = |index| q.dialect().by_index(Some(index));
    let mut ways = vec![format!(
        "SELECT seats.id AS few_id FROM licenses{} CROSS JOIN seats
         WHERE licenses.vendor = ? AND licenses.key_hint = ? AND seats.license = licenses.id",
        by("licenses_hint_idx")
    )];
    let mut args = args![vendor, hint];
    let (mut conditions, mut values) = (vec!["licenses.key_hint = ?".to_owned()], args![hint]);
    for (kind, Piece(subjects, more)) in found.subjects() {
        let column = if kind == Kind::Seat {
            ways.push(format!("SELECT found.subject FROM ({subjects}) AS found"));
            args.extend(more);
            "seats.id"
        } else {
            ways.push(format!(
                "SELECT seats.id FROM ({subjects}) AS found CROSS JOIN licenses{} CROSS JOIN seats
                 WHERE licenses.vendor = ? AND licenses.customer = found.subject AND seats.license = licenses.id",
                by("licenses_customer_idx")
            ));
            args.extend(more);
            args.push(vendor.arg());
            "licenses.customer"
        };
        let Piece(condition, more) = search.matches(kind, column);
        conditions.push(condition);
        values.extend(more);
    }
    let ways = format!("SELECT DISTINCT few_id FROM ({} LIMIT {}) AS found", ways.join(" UNION ALL "), SEARCHED_IN_ALL);
    let looked_up = (!found.is_broad).then_some(Piece(ways, args));
    parts.searched(looked_up, &format!("({})", conditions.join(" OR ")), values);
    Ok(found.is_broad)
}

/// The vendor's seats.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &SeatFilter,
    page: &PageRequest<SeatSort>,
) -> Result<Page<SeatListRow>, ListError> {
    let (dialect, vendor) = (q.dialect(), scope.vendor());
    let mut parts = parts(scope, filter, page.sort, dialect);
    let mut broad = false;
    if let Some(text) = Search::of(dialect, scope, filter.q.as_deref()) {
        broad = search(q, &mut parts, scope, &text).await?;
    }
    let plan = parts.plan(q, true, page.counted).await?;
    let (name, expression, kind, index) = match page.sort {
        SeatSort::Created => ("created", "seats.id", KeyType::Id, "seats_vendor_key"),
        SeatSort::LastSeen => ("last_seen", "seats.last_seen_at", KeyType::Int, "seats_seen_idx"),
    };
    let key = SortKey { name, expression, kind };
    let mut conditions = Filter::default();
    let with = plan.few().map(|Piece(sql, args)| {
        let few = conditions.place(sql, args.clone());
        format!("WITH few AS MATERIALIZED ({few}) ")
    });
    conditions.and("seats.vendor = ?", args![vendor]);
    plan.apply(&mut conditions);
    let mut window = Window::new(&conditions, page, &key, "seats.id")?;
    let walked = format!("seats{}", dialect.by_index(Some(plan.walk(index))));
    let licenses = dialect.each_by("licenses", "licenses.id = seats.license");
    let from = match with {
        Some(_) => {
            format!("few CROSS JOIN {} CROSS JOIN {licenses}", dialect.each_by("seats", "seats.id = few.few_id"))
        }
        None => format!("{walked} CROSS JOIN {licenses}"),
    };
    if plan.is_bounded() {
        let mut met = Filter::default();
        met.and("seats.vendor = ?", args![vendor]);
        plan.apply_walked(&mut met);
        let most = if broad { SCANNED / 2 } else { SCANNED };
        window.bound(q, &Window::new(&met, page, &key, "seats.id")?, &walked, most).await?;
    }
    let with = with.unwrap_or_default();
    let total = if !page.counted {
        None
    } else if parts.is_empty() {
        Some(Total::of(crate::vendors::counted(q, scope, Counted::Seats).await?))
    } else if broad {
        Some(Total { rows: MANY as u64, exact: false }).filter(|_| parts.0.len() == 1)
    } else if let Some(total) = plan.total() {
        Some(total)
    } else if plan.few().is_some() {
        let sql = format!("{with}SELECT count(*) FROM {from} WHERE {}", conditions.text());
        let rows: Option<i64> = crate::sql::value(q, sql, conditions.args.clone()).await?;
        Some(Total::of(u64::try_from(rows.unwrap_or(0)).unwrap_or(0)))
    } else {
        None
    };
    let sql = format!(
        "{with}SELECT {}, licenses.key_hint, licenses.customer, customers.name FROM {from}
         LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
         WHERE {} ORDER BY {} LIMIT {}",
        SeatRow::COLUMNS,
        window.filter.text(),
        window.order,
        window.fetch()
    );
    let rows = all::<SeatListRow>(q, sql, window.filter.args.clone()).await?;
    let key = |row: &SeatListRow| {
        let value = match page.sort {
            SeatSort::Created => SortValue::Id,
            SeatSort::LastSeen => SortValue::Int(row.row.last_seen_at.micros()),
        };
        (value, row.row.seat.id.to_bytes())
    };
    Ok(window.page_of(rows, total, key))
}
