//! `GET /v1/customers`: the customers.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::CustomerModel,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_store::customers::CustomerSort;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those whose name or e-mail address contains this.
    pub q: Option<String>,
}

/// Lists customers
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/customers",
    tag = "customers",
    operation_id = "listCustomers",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of customers", body = Listing<CustomerModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<CustomerModel>>> {
    let page = list.page(&[("created_at", CustomerSort::Created), ("name", CustomerSort::Name)])?;
    let page = state.service().customers(&actor, filter.q, page).await?;
    Ok(Json(Listing::of(page, CustomerModel::from)))
}
