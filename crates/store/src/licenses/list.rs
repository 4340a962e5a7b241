//! Lists of licenses for screens and the API: filters, search, sorting, pages.

use super::LicenseRow;
use crate::{
    customers::{folded, matching, prefix_end},
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Total, Window},
    scope::Scope,
    sql::{Querier, Record, Row, ToArg, all, args},
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
    /// or the order's number. Where more than two thousand customers match, it is taken to mean customers only, and the
    /// total is an estimate.
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
    (conditions, everything)
}

/// How many customers a search may find before it is walked instead of looked up.
const MANY_CUSTOMERS: usize = 2_000;

/// Narrows to the licenses that a search finds, each part over its own index. True where so many customers match that
/// most of what a walk along the sort order meets will do: then the condition is one on the joined customer.
async fn search(q: &mut dyn Querier, conditions: &mut Filter, scope: Scope, typed: &str) -> Result<bool, StoreError> {
    let vendor = scope.vendor();
    let text = folded(typed);
    let customers = matching(q, scope, &text, typed, MANY_CUSTOMERS + 1).await?;
    if customers.len() > MANY_CUSTOMERS {
        let end = prefix_end(&text);
        conditions.and(
            "((customers.email >= ? AND customers.email < ?)
                OR (customers.name_folded >= ? AND customers.name_folded < ?))",
            args![text, end, text, end],
        );
        return Ok(true);
    }
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let hint = plain.get(plain.len().saturating_sub(4)..).unwrap_or_default();
    let order = crate::orders::by_external_id(q, scope, typed).await?.map(|order| order.id);
    // Not `UNION`: to merge the parts in the order of the ids, SQLite would walk all of the vendor's licenses.
    let mut found = "SELECT id FROM licenses WHERE vendor = ? AND key_hint = ?".to_owned();
    let mut args = args![vendor, hint];
    if let Some(order) = order {
        found.push_str(" UNION ALL SELECT id FROM licenses WHERE vendor = ? AND order_id = ?");
        args.extend(args![vendor, order]);
    }
    if !customers.is_empty() {
        let among = q.dialect().any_of_next("customer", customers.iter().map(ToArg::arg), &mut args, vendor.arg());
        found.push_str(" UNION ALL SELECT id FROM licenses WHERE vendor = ? AND ");
        found.push_str(&among);
    }
    conditions.and(&format!("licenses.id IN ({found})"), args);
    Ok(false)
}

/// The index that a walk along the sort order goes by on SQLite, which without statistics prefers to sort. `None` to let
/// it choose.
fn walked(filter: &LicenseFilter, sort: LicenseSort) -> Option<&'static str> {
    match sort {
        LicenseSort::Created if filter.ends_before.is_some() => None,
        LicenseSort::Created if filter.order.is_some() => Some("licenses_order_idx"),
        LicenseSort::Created if filter.customer.is_some() => Some("licenses_customer_idx"),
        LicenseSort::Created if filter.plan.is_some() => Some("licenses_plan_idx"),
        LicenseSort::Created if filter.product.is_some() => Some("licenses_product_idx"),
        LicenseSort::Created if filter.state.is_some() => Some("licenses_state_idx"),
        LicenseSort::Created => Some("licenses_vendor_key"),
        LicenseSort::Ends if filter.state.is_some() => Some("licenses_status_idx"),
        LicenseSort::Ends => Some("licenses_ends_idx"),
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
    let (mut conditions, mut everything) = conditions(scope, filter, now);
    let typed = filter.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let mut broad = false;
    if let Some(typed) = typed {
        everything = false;
        broad = search(q, &mut conditions, scope, typed).await?;
    }
    let (name, expression, kind) = match page.sort {
        LicenseSort::Created => ("created", "licenses.id", KeyType::Id),
        LicenseSort::Ends => ("ends", "licenses.ends_at", KeyType::Int),
    };
    let window = Window::new(&conditions, page, &SortKey { name, expression, kind }, "licenses.id")?;
    let total = if everything {
        Total::of(crate::vendors::counted(q, scope, Counted::Licenses).await?)
    } else if broad {
        Total { rows: MANY_CUSTOMERS as u64, exact: false }
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
        (with, "few CROSS JOIN licenses".to_owned(), "licenses.id = few.few_id AND ")
    } else {
        (String::new(), format!("licenses{}", q.dialect().by_index(walked(filter, page.sort))), "")
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
