//! `GET /v1/imports/{id}/rows`: the rows of an import.

use crate::{
    AppState,
    api::{
        extract::{Caller, Id, Params},
        problem::Result,
        v1::{Refusals, models::ImportRowModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::ImportId;
use holdfast_service::{Error, admin::views::RowFate};
use holdfast_store::page::Limit;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RowFilter {
    /// Only those with this fate.
    #[param(value_type = String)]
    pub fate: Option<RowFate>,
    /// Only those after this line.
    pub after: Option<u64>,
    /// How many at most: 50 where absent, and never more than 200.
    #[param(minimum = 1, default = 50)]
    pub limit: Option<u32>,
}

/// Rows of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportRows {
    /// The rows.
    pub items: Vec<ImportRowModel>,
    /// What to send as `after` for the next ones; null where there are none.
    pub next: Option<u64>,
    /// How many rows all pages have together.
    pub total: u64,
}

/// Lists the rows of an import
///
/// In the order of the file, each with its fate and the reason.
#[utoipa::path(
    get,
    path = "/v1/imports/{id}/rows",
    tag = "imports",
    operation_id = "listImportRows",
    params(("id" = String, Path, description = "The id"), RowFilter),
    security(("token" = [])),
    responses(
        (status = 200, description = "Some rows", body = ImportRows),
        Refusals,
    )
)]
pub async fn rows(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Id(id): Id<ImportId>,
    Params(filter): Params<RowFilter>,
) -> Result<Json<ImportRows>> {
    let limit = match filter.limit {
        Some(0) => return Err(Error::invalid("/limit", "expected a number from 1 to 200").into()),
        limit => Limit::new(limit.unwrap_or(50)).rows(),
    };
    let counts = state.service().import(&actor, id).await?.counts;
    let total = match filter.fate {
        None => counts.rows,
        Some(RowFate::Create) => counts.create,
        Some(RowFate::Unchanged) => counts.unchanged,
        Some(RowFate::Duplicate) => counts.duplicate,
        Some(RowFate::Conflict) => counts.conflict,
        Some(RowFate::Error) => counts.error,
    };
    let rows = state.service().import_rows(&actor, id, filter.fate, filter.after.unwrap_or(0), limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.line);
    Ok(Json(ImportRows { items: rows.into_iter().map(ImportRowModel::from).collect(), next, total }))
}
