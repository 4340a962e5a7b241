//! Lists of licenses for screens and the API: filters, search, sorting, pages.

use super::LicenseRow;
use crate::{
    customers::{MATCHING, folded, matching_args},
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    sql::{Querier, Record, Row, all, args},
    tx::Counted,
};
use holdfast_domain::{CustomerId, Email, LicenseState, Name, OrderId, PlanId, ProductId, Timestamp};

/// What a list of licenses is narrowed to.
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
    /// Ending before then, and not ended yet.
    pub ends_before: Option<Timestamp>,
    /// The last four characters of the key, the beginning of the customer's address or name, the customer's external id,
    /// or the order's number.
    pub q: Option<String>,
}

/// How a list of licenses is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LicenseSort {
    /// By time of issue.
    #[default]
    Created,
    /// By end; those without an end come last.
    Ends,
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
}

impl Record for LicenseListRow {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = LicenseRow::WIDTH + 2;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            row: LicenseRow::read_at(row, at)?,
            customer_name: row.get(at + LicenseRow::WIDTH)?,
            customer_email: row.get(at + LicenseRow::WIDTH + 1)?,
        })
    }
}

fn conditions(scope: Scope, filter: &LicenseFilter, now: Timestamp) -> (Filter, bool) {
    let mut conditions = Filter::default();
    let mut everything = true;
    conditions.and("licenses.vendor = ?", args![scope.vendor()]);
    match filter.state {
        None => everything &= true,
        Some(state) => {
            everything = false;
            match state {
                LicenseState::Active => {
                    conditions.and("licenses.status = 'active' AND licenses.ends_at > ?", args![now])
                }
                LicenseState::Expired => {
                    conditions.and("licenses.status = 'active' AND licenses.ends_at <= ?", args![now])
                }
                LicenseState::Suspended => conditions.and("licenses.status = 'suspended'", vec![]),
                LicenseState::Revoked => conditions.and("licenses.status = 'revoked'", vec![]),
            };
        }
    }
    conditions
        .maybe("licenses.product = ?", filter.product.as_ref())
        .maybe("licenses.plan = ?", filter.plan.as_ref())
        .maybe("licenses.customer = ?", filter.customer.as_ref())
        .maybe("licenses.order_id = ?", filter.order.as_ref());
    everything &= filter.product.is_none() && filter.plan.is_none();
    everything &= filter.customer.is_none() && filter.order.is_none();
    if let Some(end) = filter.ends_before {
        everything = false;
        conditions.and("licenses.ends_at >= ? AND licenses.ends_at < ?", args![now, end]);
    }
    let typed = filter.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(typed) = typed {
        everything = false;
        search(&mut conditions, scope, typed);
    }
    (conditions, everything)
}

/// Narrows to the licenses that a search finds, each part over its own index.
fn search(conditions: &mut Filter, scope: Scope, typed: &str) {
    let vendor = scope.vendor();
    let plain: String = typed.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect();
    let hint = plain.get(plain.len().saturating_sub(4)..).unwrap_or_default();
    let mut args = args![vendor, hint, vendor];
    args.extend(matching_args(scope, &folded(typed), Some(typed)));
    args.extend(args![vendor, vendor, typed]);
    conditions.and(
        &format!(
            "licenses.id IN (SELECT id FROM licenses WHERE vendor = ? AND key_hint = ?
             UNION SELECT id FROM licenses WHERE vendor = ? AND customer IN ({MATCHING})
             UNION SELECT id FROM licenses WHERE vendor = ?
                AND order_id IN (SELECT id FROM orders WHERE vendor = ? AND external_id = ?))"
        ),
        args,
    );
}

/// The vendor's licenses as they stand at `now`.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &LicenseFilter,
    page: &PageRequest<LicenseSort>,
    now: Timestamp,
) -> Result<Page<LicenseListRow>, ListError> {
    let (conditions, everything) = conditions(scope, filter, now);
    let (name, expression, kind) = match page.sort {
        LicenseSort::Created => ("created", "licenses.id", KeyType::Id),
        LicenseSort::Ends => ("ends", "licenses.ends_at", KeyType::Int),
    };
    let window = Window::new(&conditions, page, &SortKey { name, expression, kind }, "licenses.id")?;
    let total = if everything {
        Total::of(crate::vendors::counted(q, scope, Counted::Licenses).await?)
    } else {
        crate::page::count(q, "licenses", &conditions).await?
    };
    // Where few rows match, they are found first, over the filter's own index, and only those are sorted: walking along
    // the sort order would pass over all the others.
    let few = total.exact && !everything;
    let (with, from, joined) = if few {
        let with = format!(
            "WITH few AS MATERIALIZED (SELECT licenses.id AS few_id FROM licenses WHERE {}) ",
            conditions.text()
        );
        (with, "few CROSS JOIN licenses", "licenses.id = few.few_id AND ")
    } else {
        (String::new(), "licenses", "")
    };
    let sql = format!(
        "{with}SELECT {}, customers.name, customers.email FROM {from}
         LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
         WHERE {joined}{} ORDER BY {} LIMIT {}",
        LicenseRow::COLUMNS,
        window.filter.text(),
        window.order,
        window.fetch()
    );
    let rows = all::<LicenseListRow>(q, sql, window.filter.args.clone()).await?;
    Ok(window.page(rows, total, |row| {
        let value = match page.sort {
            LicenseSort::Created => SortValue::Id,
            LicenseSort::Ends => SortValue::Int(row.row.license.expires_at.map_or(super::NO_END, Timestamp::micros)),
        };
        (value, row.row.license.id.to_bytes())
    }))
}
