//! The way to a company's own sign-in and back. Not pages: the one leads away, the other only takes in who comes back.

use axum::{
    extract::{Path, Query, Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use holdfast_domain::VendorId;
use holdfast_service::{
    Error, RequestInfo,
    admin::{providers::CameBack, second::SignInStep, sessions::SessionSecret},
};
use tower_cookies::{Cookies, cookie::SameSite};
use tower_sessions::Session;

use super::{AppState, begin, encode, forget, guard::plain, note, secret_of, secret_text, set_cookie, value_of};
use crate::ctx::{home, inside};

/// Where somebody is sent away from.
pub const LEAVE: &str = "/sign-in/with/{vendor}";
/// Where they come back.
pub const RETURN: &str = "/sign-in/return";

/// How long somebody may be away, in seconds.
const SECONDS: i64 = 600;

fn browser_cookie(state: &AppState) -> String {
    note::name("away", state.secure())
}

/// The address under which `request` reached us.
fn origin(state: &AppState, request: &Request) -> String {
    if let Some(origin) = state.origins().first() {
        return origin.trim_end_matches('/').to_owned();
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}")
}

fn from(request: &Request) -> RequestInfo {
    super::info(request.extensions(), request.headers())
}

/// Where somebody wants to go then, as the address says it.
fn next(uri: &Uri) -> String {
    value_of(uri, "next").unwrap_or_default()
}

fn failed(error: &Error, request_id: &str) -> Response {
    tracing::warn!(?error, request = request_id, "a sign-in with a company's account failed");
    plain(error.code, request_id)
}

/// Sends somebody to the provider of a vendor.
pub async fn leave(State(state): State<AppState>, Path(vendor): Path<String>, request: Request) -> Response {
    let (from, back) = (from(&request), format!("{}{RETURN}", origin(&state, &request)));
    let Ok(vendor) = vendor.parse::<VendorId>() else {
        return plain(holdfast_service::ErrorCode::NotFound, &from.request_id);
    };
    let next = next(request.uri());
    let sent = match state.service().send_to_provider(vendor, &back, inside(&next).unwrap_or_default(), &from).await {
        Ok(sent) => sent,
        Err(error) => return failed(&error, &from.request_id),
    };
    if let Some(cookies) = request.extensions().get::<Cookies>() {
        let mut cookie = set_cookie(&browser_cookie(&state), secret_text(&sent.browser), SECONDS, state.secure());
        // It has to come along when the provider sends the browser back.
        cookie.set_same_site(SameSite::Lax);
        cookies.add(cookie);
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(address) = HeaderValue::from_str(&sent.address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Takes somebody in whom a provider has sent back.
pub async fn come_back(State(state): State<AppState>, Query(came): Query<CameBack>, request: Request) -> Response {
    let (from, back) = (from(&request), format!("{}{RETURN}", origin(&state, &request)));
    let cookies = request.extensions().get::<Cookies>().cloned();
    let name = browser_cookie(&state);
    let browser = cookies.as_ref().and_then(|cookies| cookies.get(&name)).and_then(|cookie| secret_of(cookie.value()));
    if let Some(cookies) = &cookies {
        cookies.add(set_cookie(&name, String::new(), 0, state.secure()));
    }
    // Nobody's browser fits nothing that was sent.
    let browser = browser.unwrap_or(SessionSecret::from_bytes([0; 16]));
    let taken = state.service().back_from_provider(came, &browser, &back, &from).await;
    let to = match taken {
        Err(error) => return failed(&error, &from.request_id),
        Ok((SignInStep::In(signed_in), next)) => {
            let Some(session) = request.extensions().get::<Session>() else {
                return plain(holdfast_service::ErrorCode::Internal, &from.request_id);
            };
            if let Err(error) = begin(session, &signed_in.session).await {
                return failed(&error, &from.request_id);
            }
            if let Some(cookies) = &cookies {
                forget(cookies, state.secure(), true);
            }
            match (inside(&next), state.service().actor_for_session(&signed_in.session).await) {
                (Some(next), _) => next.to_owned(),
                (None, Ok(actor)) => home(&actor).to_owned(),
                (None, Err(error)) => return failed(&error, &from.request_id),
            }
        }
        Ok((SignInStep::Factor(half), next)) => {
            if let Some(cookies) = &cookies {
                let name = note::name("half", state.secure());
                cookies.add(set_cookie(&name, secret_text(&half.secret), SECONDS, state.secure()));
            }
            format!("/sign-in/factor?next={}", encode(inside(&next).unwrap_or_default()))
        }
    };
    on(&to)
}

/// A page that goes on by itself. A redirect would still count as coming from the provider, and the session's cookie does
/// not come along then.
fn on(to: &str) -> Response {
    let to = to.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signed in</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={to}\"></head><body><p><a href=\"{to}\">Go on</a></p></body></html>"
    );
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_somebody_wanted_to_go_comes_along() {
        for (query, expected) in [
            ("?next=/console/licenses%3Fq%3Da%2520b%26state%3Dactive", "/console/licenses?q=a%20b&state=active"),
            ("?next=%2Fconsole%2Faudit", "/console/audit"),
            ("?next=%2F%2Fevil.example", ""),
            ("?next=%5Cevil.example", ""),
            ("?other=%2Fconsole%2Faudit", ""),
            ("", ""),
        ] {
            let uri: Uri = format!("/sign-in/with/ven_1{query}").parse().unwrap();
            assert_eq!(inside(&next(&uri)).unwrap_or_default(), expected, "{query}");
        }
    }
}
