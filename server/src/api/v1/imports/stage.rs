//! `POST /v1/imports`: reads a file.

use crate::{
    AppState,
    api::{
        extract::{Caller, Params, body, call},
        problem::Result,
        v1::{Refusals, models::ImportModel, words::SourceWord},
    },
};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
};
use holdfast_domain::{PlanId, ProductId, Source};
use holdfast_service::{
    Error, ErrorCode,
    admin::import::{StageImport, columns::Field, dates::DateOrder},
};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use utoipa::IntoParams;

/// The greatest file, in bytes.
const IMPORT_BODY: usize = 64 * 1024 * 1024;
/// How long it may take to arrive.
const IMPORT_TIME: Duration = Duration::from_mins(2);

/// How to read the file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AboutFile {
    /// The product whose licenses these are.
    #[param(value_type = String, pattern = "^prd_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub product: ProductId,
    /// The plan of rows that name none.
    #[serde(default)]
    #[param(value_type = String, pattern = "^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$", required = false)]
    pub plan: Option<PlanId>,
    /// What to call the file.
    #[serde(default)]
    #[param(required = false)]
    pub file_name: Option<String>,
    /// Which system's export it is; recognised by its content where absent.
    #[serde(default)]
    #[param(value_type = SourceWord, inline, required = false)]
    pub format: Option<Source>,
    /// What separates the columns: one character, or `tab`; found out where absent.
    #[serde(default)]
    #[param(required = false)]
    pub delimiter: Option<String>,
    /// How to read dates such as 3/4/2026: `day_first` or `month_first`.
    #[serde(default)]
    #[param(value_type = String, required = false)]
    pub dates: Option<DateOrder>,
    /// A JSON object from column headers to what they mean (`key`, `email`, `name`, `product`, `plan`, `seats`,
    /// `expires_at`, `status`, `order`, `devices`, `entitlement:CODE`, `ignore`); what is absent is guessed.
    #[serde(default)]
    #[param(required = false)]
    pub mapping: Option<String>,
}

impl AboutFile {
    fn stage(self) -> Result<StageImport> {
        let delimiter = match self.delimiter.as_deref() {
            None | Some("") => None,
            Some("tab") => Some(b'\t'),
            Some(text) if text.len() == 1 => text.bytes().next(),
            Some(_) => return Err(Error::invalid("/delimiter", "expected one ASCII character, or `tab`").into()),
        };
        let mapping: BTreeMap<String, Field> = match &self.mapping {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str(text)
                .map_err(|_| Error::invalid("/mapping", "expected a JSON object from headers to fields"))?,
        };
        Ok(StageImport {
            file_name: self.file_name.unwrap_or_else(|| "upload.csv".to_owned()),
            product: self.product,
            plan: self.plan,
            source: self.format,
            delimiter,
            dates: self.dates,
            mapping,
        })
    }
}

fn is_file(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(kind.as_str(), "text/csv" | "application/json" | "application/octet-stream" | "text/plain")
}

/// Reads a file of licenses
///
/// Nothing changes yet: the answer says what would become of its rows. The body is the file itself (UTF-8, at most 64 MiB): a table (`text/csv`), or another system's export as it has it (`text/csv` or `application/json`).
#[utoipa::path(
    post,
    path = "/v1/imports",
    tag = "imports",
    operation_id = "stageImport",
    params(AboutFile),
    request_body(content = String, content_type = "text/csv", description = "The file."),
    security(("token" = [])),
    responses(
        (status = 201, description = "What would become of it", body = ImportModel),
        Refusals,
    )
)]
pub async fn stage(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(about): Params<AboutFile>,
    request: Request,
) -> Result<(StatusCode, Json<ImportModel>)> {
    let (parts, stream) = request.into_parts();
    if !is_file(&parts.headers) {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    let bytes = body(&parts.headers, stream, IMPORT_BODY, IMPORT_TIME).await?;
    let call = call(&parts, actor, &bytes)?;
    let import = state.service().stage_import(&call, about.stage()?, bytes.to_vec()).await?;
    Ok((StatusCode::CREATED, Json(import.into())))
}
