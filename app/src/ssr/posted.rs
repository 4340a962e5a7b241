//! Pages that are asked for by a form that carries something: it is shown in the answer, stands in no address, and is kept
//! nowhere. A plain form, so that it works without scripting.

use std::{future::Future, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequest as _, Multipart, Request},
    http::{Method, header},
    response::Response,
};
use holdfast_service::{ErrorCode, RequestInfo};

use super::{AppState, Visitor, guard::plain, refusal::go};
use crate::pages::support::api::place;

/// What a page was sent: the fields of the form, files among them as text.
#[derive(Clone, Default)]
pub struct Posted(Arc<Vec<(String, String)>>);

impl Posted {
    /// What stands in the field `name`, where anything does.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(other, value)| other == name && !value.is_empty()).map(|(_, value)| value.clone())
    }
}

/// Takes the form and makes a request for the page of it, for `page` to answer; or leads to another page, where what was sent
/// has one whose address may say so. Whoever is not signed in does that first.
pub async fn posted<F, Fut>(state: &AppState, request: Request, page: F) -> Response
where
    F: FnOnce(Request) -> Fut,
    Fut: Future<Output = Response>,
{
    let path = request.uri().path().to_owned();
    let Some(Visitor(Some(actor))) = request.extensions().get::<Visitor>().cloned() else {
        return go(&format!("/sign-in?next={path}"));
    };
    let id = request.extensions().get::<RequestInfo>().map(|info| info.request_id.clone()).unwrap_or_default();
    let (mut parts, body) = request.into_parts();
    let mut fields = Vec::new();
    let Ok(mut form) = Multipart::from_request(Request::from_parts(parts.clone(), body), &()).await else {
        return plain(ErrorCode::InvalidRequest, &id);
    };
    loop {
        match form.next_field().await {
            Ok(None) => break,
            Ok(Some(field)) => {
                let name = field.name().unwrap_or_default().to_owned();
                match field.bytes().await {
                    Ok(bytes) => fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
                    Err(_) => return plain(ErrorCode::BodyTooLarge, &id),
                }
            }
            Err(_) => return plain(ErrorCode::InvalidRequest, &id),
        }
    }
    let sent = Posted(Arc::new(fields));
    // Where that cannot be said now, the page itself says why.
    if path == "/support/explain"
        && let Ok(Some(to)) = place(state.service(), &actor, &sent).await
    {
        return go(&to);
    }
    parts.method = Method::GET;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.extensions.insert(sent);
    page(Request::from_parts(parts, Body::empty())).await
}
