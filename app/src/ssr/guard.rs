//! What stands in front of every page and server function: forged requests are refused, sessions are recognised, and
//! whoever has none is sent to the door before anything is rendered.

use std::fmt::Write as _;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use holdfast_service::{
    Actor, Error, ErrorCode, RequestInfo,
    admin::sessions::SessionSecret,
    portal::{CustomerActor, views::PortalLook},
};
use tower_cookies::{
    Cookie, Cookies,
    cookie::{SameSite, time::Duration},
};
use tower_sessions::Session;

use super::{
    AppState, live,
    refusal::{self, has, without},
    sessions::{secret, secret_of, session_cookie},
};
use crate::ctx::{self, is_local};

/// What somebody may see who first has to set up a second factor.
const OPEN_TO_HELD: [&str; 4] = ["/console/security", "/console/security/app", "/console/sessions", "/console/confirm"];

/// The pages of a portal that everybody may see: its door, and what leads to it.
const OPEN_IN_PORTAL: [&str; 3] = ["", "sign-in", "claim"];

/// Parameters in which the framework looks for the error of a form.
const FRAMEWORK: [&str; 2] = ["__path", "__err"];

/// Who a request is from: somebody signed in, or nobody. In the extensions of every request that passed the guard.
#[derive(Clone, Debug)]
pub struct Visitor(pub Option<Actor>);

/// Who of a customer a request of the portal is from, with their session's secret; or nobody. In the extensions of every
/// request to a page or function of the portal that passed the guard.
#[derive(Clone, Debug)]
pub struct Guest(pub Option<(CustomerActor, SessionSecret)>);

/// The cookie of a session of the portal: not the one of a member's session, so that neither stands for the other.
pub const fn portal_cookie(secure: bool) -> &'static str {
    if secure { "__Host-holdfast_portal" } else { "holdfast_portal" }
}

/// The same cookie for what a person of a customer needs when they come from a mail: it comes along when they do.
pub fn set_lax_cookie(name: &str, value: String, seconds: i64, secure: bool) -> Cookie<'static> {
    let mut cookie = set_cookie(name, value, seconds, secure);
    cookie.set_same_site(SameSite::Lax);
    cookie
}

/// The part of a portal's address that says whose it is, and what comes after it; `None` for other addresses.
fn in_portal(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/portal/")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// Whether a request is to the portal.
fn is_of_portal(path: &str) -> bool {
    in_portal(path).is_some() || path.starts_with("/fn/holdfast_app/pages/portal/")
}

/// A cookie for this whole site, unreadable for scripts and never sent along from other sites, for so many seconds; 0
/// removes it.
pub fn set_cookie(name: &str, value: String, seconds: i64, secure: bool) -> Cookie<'static> {
    Cookie::build((name.to_owned(), value))
        .path("/")
        .max_age(Duration::seconds(seconds.max(0)))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure)
        .build()
}

/// Whether a browser says that this site's own page sent the request.
///
/// `Sec-Fetch-Site` decides where it is sent (every current browser does); otherwise the `Origin` must be ours. A request
/// with neither is refused: no browser's form comes without both.
fn same_origin(headers: &HeaderMap, origins: &[String]) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site.as_bytes() == b"same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else { return false };
    if origins.is_empty() {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        host.is_some_and(|host| {
            origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
        })
    } else {
        origins.iter().any(|ours| ours.trim_end_matches('/') == origin)
    }
}

/// Whether the body is of the one form that this path takes.
fn right_content(headers: &HeaderMap, path: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == if path.starts_with("/fn/") { "application/x-www-form-urlencoded" } else { "multipart/form-data" }
}

/// An answer in plain words for what never reaches a page.
pub fn plain(code: ErrorCode, request_id: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = format!("{}. Nothing was changed. {}\n\n{} {request_id}\n", code.title(), code.cure(), code.as_str());
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if code.retryable() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn go(path: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn encode(path: &str) -> String {
    path.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Where a page request is sent instead of being rendered.
async fn elsewhere(state: &AppState, uri: &Uri, actor: Option<&Actor>) -> Result<Option<Response>, Error> {
    let path = uri.path();
    let inside = ctx::inside(path).is_some();
    if inside && actor.is_none() {
        if state.service().setup_needed().await? {
            return Ok(Some(go("/setup")));
        }
        let wanted = uri.path_and_query().map_or("/console", |wanted| wanted.as_str());
        let wanted =
            if is_local(wanted) && wanted != "/console" { format!("?next={}", encode(wanted)) } else { String::new() };
        return Ok(Some(go(&format!("/sign-in{wanted}"))));
    }
    // Whoever has to set up a second factor does that first; everything else would be refused.
    if inside && actor.is_some_and(Actor::is_held) && !OPEN_TO_HELD.contains(&path) {
        return Ok(Some(go("/console/security")));
    }
    Ok(match path {
        "/" | "/sign-in" if actor.is_some() => actor.map(|actor| go(ctx::home(actor))),
        "/" => Some(go(if state.service().setup_needed().await? { "/setup" } else { "/sign-in" })),
        "/setup" if !state.service().setup_needed().await? => Some(go("/")),
        "/sign-in" if state.service().setup_needed().await? => Some(go("/setup")),
        _ => None,
    })
}

/// The host name that a request was sent to.
pub fn host_name(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
}

/// The portal to which the host name of a request leads, where a vendor has one of its own; none for the addresses of this
/// installation.
async fn portal_of_host(state: &AppState, headers: &HeaderMap) -> Result<Option<PortalLook>, Error> {
    let name = host_name(headers).unwrap_or_default();
    if !name.contains('.') || name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Ok(None);
    }
    state.service().portal_of_host(name).await
}

/// What is answered at a vendor's own host name: its portal and nothing else of this installation.
fn at_portal_host(look: &PortalLook, path: &str, request_id: &str) -> Option<Response> {
    let within = in_portal(path).is_some_and(|(whose, _)| whose == look.path || whose == look.vendor.to_string());
    if path == "/" {
        Some(go(&format!("/portal/{}", look.path)))
    } else if within || path.starts_with("/fn/holdfast_app/pages/portal/") {
        None
    } else {
        Some(plain(ErrorCode::NotFound, request_id))
    }
}

/// Where a request of the portal is sent instead of being rendered: whoever is not in that portal sees its door alone.
async fn door(state: &AppState, uri: &Uri, guest: Option<&CustomerActor>) -> Result<Option<Response>, Error> {
    let Some((path, page)) = in_portal(uri.path()) else { return Ok(None) };
    if OPEN_IN_PORTAL.contains(&page) || page.starts_with("look/") {
        return Ok(None);
    }
    match state.service().portal_at(path).await {
        Ok(look) if guest.is_some_and(|guest| guest.vendor() == look.vendor) => Ok(None),
        Ok(look) => Ok(Some(go(&format!("/portal/{}", look.path)))),
        // Its door says that there is none. A page inside would say that, or that nobody is signed in, whichever is known last.
        Err(error) if error.code == ErrorCode::NotFound => Ok(Some(go(&format!("/portal/{path}")))),
        Err(error) => Err(error),
    }
}

/// Who of a customer a request of the portal is from: a member who looks at it as one, or whoever is signed in there.
async fn guest(
    state: &AppState,
    cookies: Option<&Cookies>,
    member: Option<(&Actor, &SessionSecret)>,
) -> Result<Guest, Error> {
    if let Some((actor, session)) = member
        && let Some(viewer) = state.service().viewer(session, actor).await?
    {
        return Ok(Guest(Some((viewer, session.clone()))));
    }
    let name = portal_cookie(state.secure());
    let secret = cookies.and_then(|cookies| cookies.get(name)).and_then(|cookie| secret_of(cookie.value()));
    let Some(secret) = secret else { return Ok(Guest(None)) };
    match state.service().customer_for_session(&secret).await {
        Ok(actor) => Ok(Guest(Some((actor, secret)))),
        Err(error) if error.code == ErrorCode::Unauthenticated => {
            if let Some(cookies) = cookies {
                cookies.add(set_lax_cookie(name, String::new(), 0, state.secure()));
            }
            Ok(Guest(None))
        }
        Err(error) => Err(error),
    }
}

/// Whose session it is. The nodes can be seen while the database is away, which is when it matters most.
async fn who(state: &AppState, session: &SessionSecret, path: &str) -> Result<Actor, Error> {
    let (service, watching) = (state.service(), live::is_watching(path));
    if watching || path == "/console/fleet" || path.starts_with("/console/fleet/") {
        return service.actor_watching(session, !watching).await;
    }
    service.actor_for_session(session).await
}

/// The guard: refuses what another site sent, recognises the session, and leads to the door.
pub async fn guard(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestInfo>().map(|info| info.request_id.clone()).unwrap_or_default();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads {
        if !same_origin(request.headers(), state.origins()) {
            return plain(ErrorCode::CrossSite, &request_id);
        }
        if !right_content(request.headers(), request.uri().path()) {
            return plain(ErrorCode::UnsupportedMediaType, &request_id);
        }
    }
    match portal_of_host(&state, request.headers()).await {
        Ok(Some(look)) => {
            if let Some(answer) = at_portal_host(&look, request.uri().path(), &request_id) {
                return answer;
            }
        }
        Ok(None) => {}
        // Then no portal can be shown anyway; what can be seen without the database is not in its way.
        Err(error) => tracing::error!(?error, request = request_id, "whose host name it is could not be looked up"),
    }
    let watching = live::is_watching(request.uri().path());
    let session = request.extensions().get::<Session>().and_then(Session::id).map(secret);
    let actor = match &session {
        None => None,
        Some(session) => match who(&state, session, request.uri().path()).await {
            Ok(actor) => Some(actor),
            Err(error) if error.code == ErrorCode::Unauthenticated => {
                if let Some(cookies) = request.extensions().get::<Cookies>() {
                    cookies.remove(set_cookie(session_cookie(state.secure()), String::new(), 0, state.secure()));
                }
                None
            }
            // Not knowing who it is, is no reason to sign anybody out.
            Err(error) => {
                tracing::error!(?error, request = request_id, "a session could not be looked up");
                return plain(error.code, &request_id);
            }
        },
    };
    let guest = if is_of_portal(request.uri().path()) {
        match guest(&state, request.extensions().get::<Cookies>(), actor.as_ref().zip(session.as_ref())).await {
            Ok(guest) => Some(guest),
            Err(error) => {
                tracing::error!(?error, request = request_id, "a session of the portal could not be looked up");
                return plain(error.code, &request_id);
            }
        }
    } else {
        None
    };
    if reads && !watching && !request.uri().path().starts_with("/fn/") {
        let uri = request.uri().clone();
        // The framework would show whatever text such an address carries as an error of ours.
        if has(&uri, &FRAMEWORK) {
            let clean = without(&uri, &FRAMEWORK);
            return go(if is_local(&clean) { &clean } else { "/" });
        }
        let led = match &guest {
            Some(Guest(guest)) => door(&state, &uri, guest.as_ref().map(|(actor, _)| actor)).await,
            None => elsewhere(&state, &uri, actor.as_ref()).await,
        };
        match led {
            Ok(Some(response)) => return response,
            Ok(None) => {}
            Err(error) => {
                tracing::error!(?error, request = request_id, "the door is not available");
                return plain(error.code, &request_id);
            }
        }
    }
    if let (true, Some(cookies)) = (reads && !watching, request.extensions().get::<Cookies>().cloned()) {
        let session = request.extensions().get::<Session>().cloned();
        let refused = refusal::take(&state, &cookies, session.as_ref(), request.uri().path(), actor.as_ref()).await;
        if let Some(refused) = refused {
            request.extensions_mut().insert(refused);
        }
    }
    request.extensions_mut().insert(Visitor(actor));
    if let Some(guest) = guest {
        request.extensions_mut().insert(guest);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_own_pages_may_send() {
        let ours = ["https://licenses.example.com".to_owned()];
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://licenses.example.com")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://licenses.example.com")], true),
            (&[("origin", "https://licenses.example.com.evil.example")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ];
        for (pairs, allowed) in cases {
            let pairs: Vec<(&'static str, &str)> = pairs.iter().map(|(a, b)| (*a, *b)).collect();
            assert_eq!(same_origin(&headers(&pairs), &ours), *allowed, "{pairs:?}");
        }
        assert!(same_origin(&headers(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]), &[]));
        assert!(!same_origin(&headers(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")]), &[]));
    }

    #[test]
    fn only_forms_are_taken() {
        let kind = |kind: &str| headers(&[("content-type", kind)]);
        assert!(right_content(&kind("application/x-www-form-urlencoded; charset=utf-8"), "/fn/a"));
        assert!(!right_content(&kind("text/plain"), "/fn/a"));
        assert!(!right_content(&HeaderMap::new(), "/fn/a"));
        assert!(right_content(&kind("multipart/form-data; boundary=x"), "/console/imports/upload"));
        assert!(!right_content(&kind("application/x-www-form-urlencoded"), "/console/imports/upload"));
    }

    #[test]
    fn the_portal_is_told_by_its_address() {
        for (path, expected) in [
            ("/portal/acme", Some(("acme", ""))),
            ("/portal/acme/licenses/lic_1", Some(("acme", "licenses/lic_1"))),
            ("/portal", None),
            ("/portals/acme", None),
            ("/console/portal/acme", None),
        ] {
            assert_eq!(in_portal(path), expected, "{path}");
        }
        assert!(is_of_portal("/fn/holdfast_app/pages/portal/api/my_license"));
        assert!(!is_of_portal("/fn/holdfast_app/pages/licenses/api/license"));
    }

    #[test]
    fn cookies_are_for_this_site_only() {
        let cookie = set_cookie("a", "b-c_d".to_owned(), 60, true);
        assert_eq!(cookie.to_string(), "a=b-c_d; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60");
        assert!(!set_cookie("a", String::new(), 0, false).to_string().contains("Secure"));
        let cookie = set_lax_cookie("a", "b".to_owned(), 60, true);
        assert_eq!(cookie.to_string(), "a=b; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
    }
}
