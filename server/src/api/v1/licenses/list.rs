//! `GET /v1/licenses`: the licenses.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        time::Rfc3339,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::LicenseModel,
            words::{LicenseStateWord, SeatsTakenWord},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{CustomerId, ImportId, LicenseState, OrderId, PlanId, ProductId};
use holdfast_service::admin::inputs::{LicenseFilter, SeatsTaken};
use holdfast_store::licenses::LicenseSort;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those that stand like this.
    #[param(value_type = LicenseStateWord, inline)]
    pub state: Option<LicenseState>,
    /// Only those of this product.
    #[param(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: Option<ProductId>,
    /// Only those of this plan.
    #[param(value_type = String, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub plan: Option<PlanId>,
    /// Only those of this customer.
    #[param(value_type = String, pattern = "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub customer: Option<CustomerId>,
    /// Only those of this order.
    #[param(value_type = String, pattern = "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub order: Option<OrderId>,
    /// Only those that end then or later.
    pub ends_after: Option<Rfc3339>,
    /// Only those that end before then and, without `ends_after`, have not ended yet.
    pub ends_before: Option<Rfc3339>,
    /// Only those issued then or later.
    pub issued_after: Option<Rfc3339>,
    /// Only those issued before then.
    pub issued_before: Option<Rfc3339>,
    /// Only those that this import made.
    #[param(value_type = String, pattern = "^imp_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub import: Option<ImportId>,
    /// `true`: only those a device was ever activated with; `false`: only the others.
    pub activated: Option<bool>,
    /// Only those activated once of which no device was heard since then, to the hour.
    pub not_seen_since: Option<Rfc3339>,
    /// `full`: only those with all seats taken or more; `over`: only those with more seats taken than were sold.
    #[param(value_type = SeatsTakenWord, inline)]
    pub seats: Option<SeatsTaken>,
    /// Only those of which this is the last four characters of the key, or a part of the customer's name, e-mail address or
    /// external id, of the order's reference, or of the name or user of a device. A text of one or two characters is the
    /// beginning of the customer's name or e-mail address.
    pub q: Option<String>,
}

impl From<Filter> for LicenseFilter {
    fn from(filter: Filter) -> Self {
        let time = |at: Option<Rfc3339>| at.map(|at| at.0);
        Self {
            state: filter.state,
            product: filter.product,
            plan: filter.plan,
            customer: filter.customer,
            order: filter.order,
            ends_after: time(filter.ends_after),
            ends_before: time(filter.ends_before),
            issued_after: time(filter.issued_after),
            issued_before: time(filter.issued_before),
            import: filter.import,
            activated: filter.activated,
            not_seen_since: time(filter.not_seen_since),
            seats: filter.seats,
            q: filter.q,
        }
    }
}

/// What the list can be sorted by.
const SORTS: &[(&str, LicenseSort)] = &[
    ("created_at", LicenseSort::Created),
    ("expires_at", LicenseSort::Ends),
    ("customer_name", LicenseSort::Customer),
    ("last_seen", LicenseSort::LastSeen),
    ("seats_taken", LicenseSort::Taken),
];

/// Lists licenses
///
/// Newest first, unless `sort` says otherwise. A page may have fewer items than `limit`, even none, and still name a `next`:
/// where several filters leave little of a long list, a page looks at 2 500 licenses and no more.
#[utoipa::path(
    get,
    path = "/v1/licenses",
    tag = "licenses",
    operation_id = "listLicenses",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of licenses", body = Listing<LicenseModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<LicenseModel>>> {
    let page = state.service().licenses(&actor, filter.into(), list.page(SORTS)?).await?;
    Ok(Json(Listing::of(page, LicenseModel::from)))
}
