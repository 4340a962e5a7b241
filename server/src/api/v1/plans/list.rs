//! `GET /v1/plans`: the plans.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::PlanModel,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ProductId;
use holdfast_service::admin::inputs::PlanFilter;
use holdfast_store::plans::PlanSort;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those of this product.
    #[param(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: Option<ProductId>,
}

/// Lists plans
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/plans",
    tag = "plans",
    operation_id = "listPlans",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of plans", body = Listing<PlanModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<PlanModel>>> {
    let page = list.page(&[("created_at", PlanSort::Created), ("code", PlanSort::Code)])?;
    let page =
        state.service().plans(&actor, PlanFilter { product: filter.product, ..PlanFilter::default() }, page).await?;
    Ok(Json(Listing::of(page, PlanModel::from)))
}
