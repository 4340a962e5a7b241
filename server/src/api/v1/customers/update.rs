//! `PATCH /v1/customers/{id}`: changes a customer.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::CustomerModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{CustomerId, Email, Name};
use holdfast_service::admin::inputs::UpdateCustomer;
use serde::Deserialize;
use utoipa::ToSchema;

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateCustomerBody {
    /// The name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Name>,
    /// The e-mail address.
    #[schema(value_type = Option<String>, format = "email", required = false)]
    pub email: Option<Email>,
    /// What another system calls the customer.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub external_id: Option<Name>,
}

/// Changes a customer
///
/// Members that are absent stay.
#[utoipa::path(
    patch,
    path = "/v1/customers/{id}",
    tag = "customers",
    operation_id = "updateCustomer",
    params(("id" = String, Path, description = "The id")),
    request_body = UpdateCustomerBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "The customer", body = CustomerModel),
        Refusals,
    )
)]
pub async fn update(
    State(state): State<AppState>,
    Id(id): Id<CustomerId>,
    Command { call, input }: Command<UpdateCustomerBody>,
) -> Result<Json<CustomerModel>> {
    let input = UpdateCustomer { name: input.name, email: input.email, external_id: input.external_id };
    Ok(Json(state.service().update_customer(&call, id, input).await?.into()))
}
