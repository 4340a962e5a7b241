//! Lists of seats for screens and the API.

use super::SeatRow;
use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    sql::{Querier, Record, Row, all, args},
    tx::Counted,
};
use holdfast_domain::{CustomerId, LicenseId, ProductId, SeatState, Timestamp};

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

/// A seat in a list, with its license's key hint.
#[derive(Clone, Debug)]
pub struct SeatListRow {
    /// The seat.
    pub row: SeatRow,
    /// The last characters of its license's key.
    pub key_hint: String,
    /// Whose license it is.
    pub customer: Option<CustomerId>,
}

impl Record for SeatListRow {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = SeatRow::WIDTH + 2;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            row: SeatRow::read_at(row, at)?,
            key_hint: row.get(at + SeatRow::WIDTH)?,
            customer: row.get(at + SeatRow::WIDTH + 1)?,
        })
    }
}

/// The vendor's seats.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &SeatFilter,
    page: &PageRequest<SeatSort>,
) -> Result<Page<SeatListRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("seats.vendor = ?", args![scope.vendor()])
        .maybe("seats.license = ?", filter.license.as_ref())
        .maybe("seats.product = ?", filter.product.as_ref())
        .maybe("seats.state = ?", filter.state.as_ref())
        .maybe("seats.last_seen_at < ?", filter.not_seen_since.as_ref());
    if let Some(customer) = filter.customer {
        let licenses = "seats.license IN (SELECT id FROM licenses WHERE vendor = ? AND customer = ?)";
        conditions.and(licenses, args![scope.vendor(), customer]);
    }
    let everything = filter.license.is_none()
        && filter.product.is_none()
        && filter.customer.is_none()
        && filter.state.is_none()
        && filter.not_seen_since.is_none();
    let (name, expression, kind) = match page.sort {
        SeatSort::Created => ("created", "seats.id", KeyType::Id),
        SeatSort::LastSeen => ("last_seen", "seats.last_seen_at", KeyType::Int),
    };
    let window = Window::new(&conditions, page, &SortKey { name, expression, kind }, "seats.id")?;
    let total = if everything {
        Total::of(crate::vendors::counted(q, scope, Counted::Seats).await?)
    } else {
        crate::page::count(q, "seats", &conditions).await?
    };
    let few = total.exact && !everything;
    let (with, from, joined) = if few {
        let with =
            format!("WITH few AS MATERIALIZED (SELECT seats.id AS few_id FROM seats WHERE {}) ", conditions.text());
        (with, "few CROSS JOIN seats", "seats.id = few.few_id AND ")
    } else {
        (String::new(), "seats", "")
    };
    let sql = format!(
        "{with}SELECT {}, licenses.key_hint, licenses.customer FROM {from}
         JOIN licenses ON licenses.vendor = seats.vendor AND licenses.id = seats.license
         WHERE {joined}{} ORDER BY {} LIMIT {}",
        SeatRow::COLUMNS,
        window.filter.text(),
        window.order,
        window.fetch()
    );
    let rows = all::<SeatListRow>(q, sql, window.filter.args.clone()).await?;
    Ok(window.page(rows, total, |row| {
        let value = match page.sort {
            SeatSort::Created => SortValue::Id,
            SeatSort::LastSeen => SortValue::Int(row.row.last_seen_at.micros()),
        };
        (value, row.row.seat.id.to_bytes())
    }))
}
