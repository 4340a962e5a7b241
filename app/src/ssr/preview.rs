//! `GET /console/previews/{template}`: the HTML part of a mail with made-up contents, as a document of its own. It runs nothing,
//! loads nothing, and has no part in this site: the console's own policy stays what it is.

use axum::{
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use holdfast_service::{RequestInfo, mail::Template};

use super::{AppState, Visitor, guard::plain};

/// Mails style what they show on the spot, because most programs that show them leave style sheets out.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Shows it; a page of its own kind where it is refused.
pub async fn preview(State(state): State<AppState>, Path(name): Path<String>, request: Request) -> Response {
    let Some(Visitor(Some(actor))) = request.extensions().get::<Visitor>().cloned() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some(template) = Template::from_name(&name) else { return StatusCode::NOT_FOUND.into_response() };
    match state.service().preview_mail(&actor, template).await {
        Ok(mail) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (headers, mail.html).into_response()
        }
        Err(error) => {
            let id = request.extensions().get::<RequestInfo>().map(|info| info.request_id.clone());
            plain(error.code, &id.unwrap_or_default())
        }
    }
}
