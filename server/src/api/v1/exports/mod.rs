//! Exports: everything that a list leaves with the same filters, streamed; each is written to the audit log.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        v1::{Refusals, customers, events, licenses, orders, seats},
    },
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use holdfast_service::{
    Actor, Call, RequestInfo,
    admin::exports::{Export, Format, Rows},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(of_licenses))
        .routes(routes!(of_customers))
        .routes(routes!(of_seats))
        .routes(routes!(of_orders))
        .routes(routes!(of_events))
}

/// How it is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Form {
    /// `csv`, or `json` for an array of objects; `json` where absent.
    #[param(value_type = String, pattern = "^(csv|json)$")]
    pub format: Option<Format>,
}

/// The answer, piece by piece. What fails on the way breaks it off.
async fn stream(state: &AppState, actor: Actor, from: RequestInfo, form: &Form, rows: Rows) -> Result<Response> {
    let format = form.format.unwrap_or(Format::Json);
    let export = Export { rows, format, with_keys: false };
    let pieces = state.service().export(&Call::new(actor, from), export).await?;
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
    };
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(pieces)).into_response())
}

/// Exports licenses
///
/// Everything that the list leaves with the same filters, oldest first. Keys are their last four characters. In CSV, a cell that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/v1/exports/licenses",
    tag = "licenses",
    operation_id = "exportLicenses",
    params(Form, licenses::list::Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "The licenses", content((Vec<serde_json::Value> = "application/json"), (String = "text/csv"))),
        Refusals,
    )
)]
async fn of_licenses(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Extension(from): Extension<RequestInfo>,
    Params(form): Params<Form>,
    Params(filter): Params<licenses::list::Filter>,
) -> Result<Response> {
    stream(&state, actor, from, &form, Rows::Licenses(filter.into())).await
}

/// Exports customers
///
/// Everything that the list leaves with the same filters, oldest first. In CSV, a cell that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/v1/exports/customers",
    tag = "customers",
    operation_id = "exportCustomers",
    params(Form, customers::list::Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "The customers", content((Vec<serde_json::Value> = "application/json"), (String = "text/csv"))),
        Refusals,
    )
)]
async fn of_customers(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Extension(from): Extension<RequestInfo>,
    Params(form): Params<Form>,
    Params(filter): Params<customers::list::Filter>,
) -> Result<Response> {
    stream(&state, actor, from, &form, Rows::Customers(filter.q)).await
}

/// Exports seats
///
/// Everything that the list leaves with the same filters, oldest first. Keys are their last four characters. In CSV, a cell that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/v1/exports/seats",
    tag = "seats",
    operation_id = "exportSeats",
    params(Form, seats::list::Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "The seats", content((Vec<serde_json::Value> = "application/json"), (String = "text/csv"))),
        Refusals,
    )
)]
async fn of_seats(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Extension(from): Extension<RequestInfo>,
    Params(form): Params<Form>,
    Params(filter): Params<seats::list::Filter>,
) -> Result<Response> {
    stream(&state, actor, from, &form, Rows::Seats(filter.into())).await
}

/// Exports orders
///
/// Everything that the list leaves with the same filters, oldest first. In CSV, a cell that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/v1/exports/orders",
    tag = "orders",
    operation_id = "exportOrders",
    params(Form, orders::list::Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "The orders", content((Vec<serde_json::Value> = "application/json"), (String = "text/csv"))),
        Refusals,
    )
)]
async fn of_orders(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Extension(from): Extension<RequestInfo>,
    Params(form): Params<Form>,
    Params(filter): Params<orders::list::Filter>,
) -> Result<Response> {
    stream(&state, actor, from, &form, Rows::Orders(filter.into())).await
}

/// Exports events
///
/// Everything that the list leaves with the same filters, oldest first. In CSV, a cell that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(
    get,
    path = "/v1/exports/events",
    tag = "events",
    operation_id = "exportEvents",
    params(Form, events::list::Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "The events", content((Vec<serde_json::Value> = "application/json"), (String = "text/csv"))),
        Refusals,
    )
)]
async fn of_events(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Extension(from): Extension<RequestInfo>,
    Params(form): Params<Form>,
    Params(filter): Params<events::list::Filter>,
) -> Result<Response> {
    stream(&state, actor, from, &form, Rows::Events(filter.into())).await
}
