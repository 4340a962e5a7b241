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
            words::LicenseStateWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{CustomerId, LicenseState, OrderId, PlanId, ProductId};
use holdfast_service::admin::inputs::LicenseFilter;
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
    /// Only those that end before then and have not ended yet.
    pub ends_before: Option<Rfc3339>,
    /// Only those whose customer or last four key characters match this.
    pub q: Option<String>,
}

/// Lists licenses
///
/// Newest first, unless `sort` says otherwise.
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
    let page = list.page(&[("created_at", LicenseSort::Created), ("expires_at", LicenseSort::Ends)])?;
    let page = state
        .service()
        .licenses(
            &actor,
            LicenseFilter {
                state: filter.state,
                product: filter.product,
                plan: filter.plan,
                customer: filter.customer,
                order: filter.order,
                ends_before: filter.ends_before.map(|at| at.0),
                q: filter.q,
            },
            page,
        )
        .await?;
    Ok(Json(Listing::of(page, LicenseModel::from)))
}
