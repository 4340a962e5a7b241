//! `GET /console/exports/{list}.{csv|json}`: everything that a list shows with the same query, as a file.

use axum::{
    body::Body,
    extract::{Path, RawQuery, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use holdfast_service::{
    Call, RequestInfo,
    admin::exports::{Export, Format},
};

use super::{AppState, Visitor, guard::plain};
use crate::pages::lists::build;

/// Streams the file; a page of its own kind where it is refused.
pub async fn export(
    State(state): State<AppState>,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let Some(Visitor(Some(actor))) = request.extensions().get::<Visitor>().cloned() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let from = request.extensions().get::<RequestInfo>().cloned().unwrap_or_default();
    let Some((of, format)) = file.split_once('.') else { return StatusCode::NOT_FOUND.into_response() };
    let (format, kind) = match format {
        "csv" => (Format::Csv, "text/csv; charset=utf-8"),
        "json" => (Format::Json, "application/json"),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let service = state.service();
    let Ok(rows) = build::rows(of, &query.unwrap_or_default(), service.now()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match service.export(&Call::new(actor, from.clone()), Export { rows, format, with_keys: false }).await {
        Ok(pieces) => {
            let name = format!("attachment; filename=\"{of}.{}\"", if format == Format::Csv { "csv" } else { "json" });
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_DISPOSITION, &*name),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, Body::from_stream(pieces)).into_response()
        }
        Err(error) => plain(error.code, &from.request_id),
    }
}
