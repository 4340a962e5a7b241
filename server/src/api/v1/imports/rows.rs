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
use holdfast_service::admin::views::RowFate;
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
    /// How many: 1 to 200, 50 where absent.
    pub limit: Option<u16>,
}

/// Rows of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportRows {
    /// The rows.
    pub items: Vec<ImportRowModel>,
    /// What to send as `after` for the next ones; null where there are none.
    pub next: Option<u64>,
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
    let limit = usize::from(filter.limit.unwrap_or(50).clamp(1, 200));
    let rows = state.service().import_rows(&actor, id, filter.fate, filter.after.unwrap_or(0), limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.line);
    Ok(Json(ImportRows { items: rows.into_iter().map(ImportRowModel::from).collect(), next }))
}
