//! `GET /v1/products`: the products.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{
            Refusals,
            list::{ListParams, Listing},
            models::ProductModel,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_store::products::ProductSort;
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those hidden from choice, or only the others.
    pub archived: Option<bool>,
}

/// Lists products
///
/// Newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "products",
    operation_id = "listProducts",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of products", body = Listing<ProductModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<ProductModel>>> {
    let page = list.page(&[("created_at", ProductSort::Created), ("code", ProductSort::Code)])?;
    let page = state.service().products(&actor, filter.archived, None, page).await?;
    Ok(Json(Listing::of(page, ProductModel::from)))
}
