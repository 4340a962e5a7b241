//! Plain forms: a browser without scripting sends one, and is led to the page that comes next; or, where it was not
//! accepted, back to the page of the form, which shows what was typed and why.
//!
//! In between the typed text is kept in a cookie of this browser, and what is too large for one in the session. It never
//! stands in an address, because addresses end up in logs and in the history.

use std::future::Future;

use axum::{
    Form,
    body::{Body, to_bytes},
    extract::{FromRequest as _, Query, Request},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use holdfast_service::{Actor, ErrorCode, Service};
use tower_cookies::Cookies;
use tower_sessions::Session;

use super::{AppState, encode, guard::plain, note, pages::FORM_LIMIT, sessions, set_cookie};
use crate::{
    UiError,
    ctx::{inside, is_local},
    ui::refused::{ANCHOR, CONFIRMED, Refused},
};

/// The cookie, and the name in the session.
const KIND: &str = "refused";
/// The same for a form that waits until whoever sent it has proved again who they are.
const WAITING: &str = "waiting";
/// Whatever is handed from one page to the next in a cookie.
const HANDED: [&str; 10] = ["key", "own_key", "webhook", "shop", "token", "codes", "invitation", "half", KIND, WAITING];
/// What the cookie says where the session has the text.
const IN_SESSION: &str = "session";
/// The longest value of the cookie; browsers take 4 096 bytes with its name and attributes.
const COOKIE_AT_MOST: usize = 3_600;
/// How long it is kept, in seconds: time enough to sign in again.
const SECONDS: i64 = 600;
/// The largest error that a function answers with, in bytes.
const ERROR_LIMIT: usize = 64 << 10;

/// Whether a form was sent by the browser itself, which wants a page for an answer.
pub fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")))
}

/// An empty answer that leads to another page of this site by a GET.
pub fn go(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = if is_local(path) { HeaderValue::from_str(path).ok() } else { None };
    response.headers_mut().insert(header::LOCATION, to.unwrap_or(HeaderValue::from_static("/")));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Has `function` answer a plain form, and leads the browser on or back.
pub async fn answer<F, Fut>(state: &AppState, request: Request, request_id: &str, function: F) -> Response
where
    F: FnOnce(Request) -> Fut,
    Fut: Future<Output = Response>,
{
    let (mut parts, body) = request.into_parts();
    let Ok(form) = to_bytes(body, FORM_LIMIT).await else { return plain(ErrorCode::BodyTooLarge, request_id) };
    let sent = parts.clone();
    // Asked as a script would ask, the function says what went wrong instead of writing it into an address.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = function(Request::from_parts(parts, Body::from(form.clone()))).await;
    let back = back(&sent.headers);
    if answer.status().is_success() {
        let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        return go(to.unwrap_or(&back));
    }
    let error = to_bytes(answer.into_body(), ERROR_LIMIT).await.ok();
    let error = error.and_then(|error| serde_json::from_slice::<UiError>(&error).ok());
    let error = error.unwrap_or_else(|| UiError::new("internal", "Something went wrong here"));
    let typed = Form::<Vec<(String, String)>>::from_request(Request::from_parts(sent.clone(), Body::from(form)), &());
    let typed = typed.await.map(|Form(typed)| typed).unwrap_or_default();
    refuse(state, &sent, &back, error, typed).await
}

/// Keeps what was typed and why it was not accepted, and leads back to the page.
pub async fn refuse(
    state: &AppState,
    sent: &Parts,
    back: &str,
    error: UiError,
    typed: Vec<(String, String)>,
) -> Response {
    let form = sent.uri.path().to_owned();
    let page = back.split(['?', '#']).next().unwrap_or("/").to_owned();
    let waits = error.code == ErrorCode::StepUpRequired.as_str();
    let typed = typed.into_iter().filter(|(name, _)| !is_secret(&form, name)).collect();
    let refused = Refused { form, page, error, typed };
    if let Some(cookies) = sent.extensions.get::<Cookies>() {
        let kind = if waits { WAITING } else { KIND };
        keep(state, cookies, sent.extensions.get::<Session>(), kind, refused).await;
    }
    if waits && inside(back).is_some() {
        return go(&format!("/console/confirm?next={}", encode(back)));
    }
    go(&format!("{back}#{ANCHOR}"))
}

/// Whether a field lets somebody in, so that it is typed again rather than kept.
fn is_secret(form: &str, name: &str) -> bool {
    name.contains("password")
        || name.contains("secret")
        || ((form.contains("/door/") || form.contains("/security/") || form.contains("/portal/")) && name == "code")
        || (form.contains("/portal/") && name == "key")
        || (form.contains("/find/") && name == "q")
        || name == "credential"
        || name == "api_key"
        || name == "token"
}

async fn keep(state: &AppState, cookies: &Cookies, session: Option<&Session>, kind: &str, mut refused: Refused) {
    let set = |value| cookies.add(set_cookie(&note::name(kind, state.secure()), value, SECONDS, state.secure()));
    let encode = |refused: &Refused| serde_json::to_string(refused).ok().map(|text| note::encode(&text));
    let small = |refused: &Refused| encode(refused).filter(|value| value.len() <= COOKIE_AT_MOST);
    if let Some(value) = small(&refused) {
        return set(value);
    }
    // A license key is sealed wherever the database holds it; this would be the one place where it is not.
    let without_keys = Refused {
        typed: refused.typed.iter().filter(|(name, _)| !name.ends_with("[key]")).cloned().collect(),
        ..refused.clone()
    };
    if let Some(session) = session
        && sessions::keep(session, kind, without_keys).await
    {
        return set(IN_SESSION.to_owned());
    }
    refused.typed.clear();
    if let Some(value) = small(&refused) {
        set(value);
    }
}

/// The form that `page` is to show again, which is then no longer kept.
pub async fn take(
    state: &AppState,
    cookies: &Cookies,
    session: Option<&Session>,
    page: &str,
    actor: Option<&Actor>,
) -> Option<Refused> {
    if let Some(refused) = take_kind(state, cookies, session, KIND, page).await {
        return Some(refused);
    }
    let mut waiting = take_kind(state, cookies, session, WAITING, page).await?;
    if actor.is_some_and(|actor| actor.require_fresh(Service::now(state.service())).is_ok()) {
        waiting.error = UiError::new(CONFIRMED, "You have confirmed that it is you");
    }
    Some(waiting)
}

async fn take_kind(
    state: &AppState,
    cookies: &Cookies,
    session: Option<&Session>,
    kind: &str,
    page: &str,
) -> Option<Refused> {
    let name = note::name(kind, state.secure());
    let value = cookies.get(&name)?.value().to_owned();
    let kept = value == IN_SESSION;
    let refused: Option<Refused> = if kept {
        session?.get(kind).await.ok()?
    } else {
        note::decode(&value).and_then(|text| serde_json::from_str(&text).ok())
    };
    let refused = refused.filter(|refused| refused.page == page)?;
    cookies.add(set_cookie(&name, String::new(), 0, state.secure()));
    if let (true, Some(session)) = (kept, session) {
        // That it stays a while longer harms nobody.
        let _ = session.remove_value(kind).await;
    }
    Some(refused)
}

/// Takes back whatever is handed from page to page in this browser: whoever comes next may not be who it was for. A form that
/// was refused because nobody was signed in stays when somebody `signs_in`: that is what it waits for.
pub fn forget(cookies: &Cookies, secure: bool, signs_in: bool) {
    for kind in HANDED {
        let name = note::name(kind, secure);
        let Some(value) = cookies.get(&name).map(|cookie| cookie.value().to_owned()) else { continue };
        let refused = || note::decode(&value).and_then(|text| serde_json::from_str::<Refused>(&text).ok());
        let waits = |refused: Refused| refused.error.code == ErrorCode::Unauthenticated.as_str();
        if !(signs_in && kind == KIND && refused().is_some_and(waits)) {
            cookies.add(set_cookie(&name, String::new(), 0, secure));
        }
    }
}

/// The page that a form was sent from, without what it said was done; the start where the browser does not tell.
pub fn back(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let Some(uri) = referer.and_then(|referer| referer.parse::<Uri>().ok()) else { return "/".to_owned() };
    without(&uri, &["done", "__path", "__err"])
}

/// The name of a part of a query, decoded as the router decodes it.
fn parameter(part: &str) -> String {
    let uri = format!("/?{part}").parse::<Uri>();
    let pairs = uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    pairs.and_then(|Query(pairs)| pairs.into_iter().next()).map(|(name, _)| name).unwrap_or_default()
}

/// Whether the query of `uri` has one of these parameters.
pub fn has(uri: &Uri, parameters: &[&str]) -> bool {
    uri.query().unwrap_or_default().split('&').any(|part| parameters.contains(&parameter(part).as_str()))
}

/// The path and query of `uri` without some parameters.
pub fn without(uri: &Uri, parameters: &[&str]) -> String {
    let stays = |part: &&str| !part.is_empty() && !parameters.contains(&parameter(part).as_str());
    let query: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(stays).collect();
    let path = uri.path();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_on_this_site() {
        for (referer, expected) in [
            (
                "http://127.0.0.1:8080/console/products/p?tab=settings&done=product_saved",
                "/console/products/p?tab=settings",
            ),
            ("https://evil.example/console?__err=x&__path=y", "/console"),
            ("https://evil.example", "/"),
            ("nonsense of a kind", "/"),
            ("http://127.0.0.1//evil.example", "//evil.example"),
        ] {
            let headers = HeaderMap::from_iter([(header::REFERER, referer.parse().unwrap())]);
            assert_eq!(back(&headers), expected);
        }
        assert_eq!(go("//evil.example").headers()[header::LOCATION], "/");
    }

    #[test]
    fn what_lets_somebody_in_is_not_kept() {
        assert!(is_secret("/fn/pages/door/api/sign_in", "password"));
        assert!(is_secret("/fn/pages/door/api/set_up", "code"));
        assert!(is_secret("/fn/pages/team/api/add", "member[password]"));
        assert!(is_secret("/fn/pages/portal/api/use_code", "code"));
        assert!(is_secret("/fn/pages/portal/api/enter_with_key", "key"));
        assert!(!is_secret("/fn/pages/products/api/create_product", "code"));
    }
}
