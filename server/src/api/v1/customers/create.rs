//! `POST /v1/customers`: a new customer.

use crate::{
    AppState,
    api::{
        extract::Command,
        problem::Result,
        v1::{Refusals, models::CustomerModel},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use holdfast_domain::{Email, Name};
use holdfast_service::admin::inputs::CreateCustomer;
use serde::Deserialize;
use utoipa::ToSchema;

/// A customer to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateCustomerBody {
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

/// Makes a customer
///
/// A name or an e-mail address is needed.
#[utoipa::path(
    post,
    path = "/v1/customers",
    tag = "customers",
    operation_id = "createCustomer",
    params(),
    request_body = CreateCustomerBody,
    security(("token" = [])),
    responses(
        (status = 201, description = "The customer", body = CustomerModel),
        Refusals,
    )
)]
pub async fn create(
    State(state): State<AppState>,
    Command { call, input }: Command<CreateCustomerBody>,
) -> Result<(StatusCode, Json<CustomerModel>)> {
    let input = CreateCustomer { name: input.name, email: input.email, external_id: input.external_id };
    let customer = state.service().create_customer(&call, input).await?;
    Ok((StatusCode::CREATED, Json(customer.into())))
}
