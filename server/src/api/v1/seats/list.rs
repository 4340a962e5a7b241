//! `GET /v1/seats`: the seats.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        time::Rfc3339,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::SeatModel,
            words::SeatStateWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{CustomerId, LicenseId, ProductId, SeatState};
use holdfast_service::admin::inputs::SeatFilter;
use holdfast_store::seats::SeatSort;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those of this license.
    #[param(value_type = String, pattern = "^lic_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub license: Option<LicenseId>,
    /// Only those of this product.
    #[param(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: Option<ProductId>,
    /// Only those of this customer.
    #[param(value_type = String, pattern = "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub customer: Option<CustomerId>,
    /// Only those that are `active`, or `released`.
    #[param(value_type = SeatStateWord, inline)]
    pub state: Option<SeatState>,
    /// Only those not heard of since then.
    pub not_seen_since: Option<Rfc3339>,
    /// Only those on this platform, as the application calls it.
    pub platform: Option<String>,
    /// Only those of which this is a part of the device's name or of who sits there, of the customer's name, e-mail address
    /// or external id, or the last four characters of the key.
    pub q: Option<String>,
}

impl From<Filter> for SeatFilter {
    fn from(filter: Filter) -> Self {
        Self {
            license: filter.license,
            product: filter.product,
            customer: filter.customer,
            state: filter.state,
            not_seen_since: filter.not_seen_since.map(|at| at.0),
            platform: filter.platform,
            q: filter.q,
        }
    }
}

/// Lists seats
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/seats",
    tag = "seats",
    operation_id = "listSeats",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of seats", body = Listing<SeatModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<SeatModel>>> {
    let page = list.page(&[("created_at", SeatSort::Created), ("last_seen", SeatSort::LastSeen)])?;
    let page = state.service().seats(&actor, filter.into(), page).await?;
    Ok(Json(Listing::of(page, SeatModel::from)))
}
