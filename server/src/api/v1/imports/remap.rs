//! `PATCH /v1/imports/{id}`: reads a file in another way.

use crate::{
    AppState,
    api::{
        extract::{Command, Id},
        problem::Result,
        v1::{Refusals, models::ImportModel},
    },
};
use axum::{Json, extract::State};
use holdfast_domain::{ImportId, PlanId};
use holdfast_service::admin::import::{RemapImport, columns::Mapping, dates::DateOrder};
use serde::Deserialize;
use utoipa::ToSchema;

/// How to read the columns.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemapBody {
    /// What each column means, in the order of the file.
    #[schema(value_type = Vec<String>)]
    pub mapping: Mapping,
    /// The plan of rows that name none.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub plan: Option<PlanId>,
    /// How to read dates such as 3/4/2026: `day_first` or `month_first`.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    pub dates: Option<DateOrder>,
}

/// Maps the columns anew
///
/// Every row is judged again.
#[utoipa::path(
    patch,
    path = "/v1/imports/{id}",
    tag = "imports",
    operation_id = "remapImport",
    params(("id" = String, Path, description = "The id")),
    request_body = RemapBody,
    security(("token" = [])),
    responses(
        (status = 200, description = "What would become of it", body = ImportModel),
        Refusals,
    )
)]
pub async fn remap(
    State(state): State<AppState>,
    Id(id): Id<ImportId>,
    Command { call, input }: Command<RemapBody>,
) -> Result<Json<ImportModel>> {
    let input = RemapImport { mapping: input.mapping, plan: input.plan, dates: input.dates };
    Ok(Json(state.service().remap_import(&call, id, input).await?.into()))
}
