//! The only door from a screen to the server: who asks, the use cases, cookies, redirects.

use axum::http::{HeaderValue, StatusCode, Uri, header, request::Parts};
use holdfast_domain::{Permission, PortalAct, Role};
use holdfast_service::{
    Actor, Call, Error, ErrorCode, RequestInfo, Service,
    admin::{
        passkey::Site,
        second::{HalfWay, SignInStep},
        sessions::{SessionSecret, SignedIn},
    },
    portal::{CustomerActor, CustomerCall, PortalSignedIn, views::PortalLook},
};
use jiff::tz::TimeZone;
use leptos::prelude::{use_context, with_context};
use leptos_axum::ResponseOptions;
use tower_cookies::Cookies;
use tower_sessions::Session;

use crate::{
    error::UiError,
    ssr::{self, AppState, Guest, Visitor, note},
    ui::refused::Refused,
};

/// What the server gave to this request.
pub fn state() -> Result<AppState, UiError> {
    use_context::<AppState>().ok_or_else(|| UiError::new("internal", "Something went wrong here"))
}

/// The use cases.
pub fn service() -> Result<Service, UiError> {
    state().map(|state| state.service().clone())
}

fn parts() -> Option<Parts> {
    use_context::<Parts>()
}

/// Where the request came from.
pub fn from() -> RequestInfo {
    parts().map(|parts| ssr::info(&parts.extensions, &parts.headers)).unwrap_or_default()
}

/// Whoever asks, where the session has `permission`. The first line of every server function behind sign-in.
///
/// Fails with `unauthenticated` without a session, with `forbidden` where the role does not allow it.
#[allow(clippy::unused_async)] // every caller awaits it, so that it may come to ask the database
pub async fn actor(permission: Permission) -> Result<Actor, UiError> {
    let actor = anybody()?;
    actor.require(permission)?;
    Ok(actor)
}

/// Whoever asks, whatever the role. For what everybody signed in may do.
pub fn anybody() -> Result<Actor, UiError> {
    let visitor = parts().and_then(|parts| parts.extensions.get::<Visitor>().cloned());
    let actor = visitor.and_then(|Visitor(actor)| actor);
    actor.ok_or_else(|| Error::new(ErrorCode::Unauthenticated).into())
}

/// The context of a change by `actor`.
pub fn call(actor: &Actor) -> Call {
    Call::new(actor.clone(), from())
}

/// Whoever is in the portal, with their session's secret.
fn guest() -> Option<(CustomerActor, SessionSecret)> {
    parts().and_then(|parts| parts.extensions.get::<Guest>().cloned()).and_then(|Guest(guest)| guest)
}

/// Whoever is in the portal and may do what `act` names. The first line of every server function behind its door.
///
/// Fails with `unauthenticated` without a session of the portal, with `forbidden` where they may not.
#[allow(clippy::unused_async)] // as for members
pub async fn customer(act: PortalAct) -> Result<CustomerActor, UiError> {
    let actor = any_customer()?;
    if actor.may(act) { Ok(actor) } else { Err(Error::new(ErrorCode::Forbidden).into()) }
}

/// Whoever is in the portal, whatever they are there.
pub fn any_customer() -> Result<CustomerActor, UiError> {
    guest().map(|(actor, _)| actor).ok_or_else(|| Error::new(ErrorCode::Unauthenticated).into())
}

/// Whoever is in the portal of `vendor`, where somebody is.
pub fn customer_of(look: &PortalLook) -> Option<CustomerActor> {
    guest().map(|(actor, _)| actor).filter(|actor| actor.vendor() == look.vendor)
}

/// The context of a change by `actor`.
///
/// Fails with `forbidden` for a member who looks at the portal as the customer sees it.
pub fn customer_call(actor: &CustomerActor) -> Result<CustomerCall, UiError> {
    Ok(CustomerCall::new(actor.clone(), from())?)
}

/// The secret of the session of whoever is in the portal.
pub fn portal_session() -> Result<SessionSecret, UiError> {
    guest().map(|(_, secret)| secret).ok_or_else(|| Error::new(ErrorCode::Unauthenticated).into())
}

/// Lets this browser in to the portal.
pub fn let_customer_in(signed_in: &PortalSignedIn) -> Result<(), UiError> {
    let (service, secure) = (service()?, state()?.secure());
    let seconds = signed_in.ends_at.since(service.now()).0;
    set_lax_cookie(ssr::portal_cookie(secure), &ssr::secret_text(&signed_in.session), seconds);
    set_lax_cookie(&note::name(ASKED, secure), "", 0);
    drop_note(OWN_KEY);
    Ok(())
}

/// Lets this browser out of the portal.
pub fn let_customer_out() -> Result<(), UiError> {
    set_lax_cookie(ssr::portal_cookie(state()?.secure()), "", 0);
    drop_note(OWN_KEY);
    Ok(())
}

/// The cookie of the browser that has asked for a code.
const ASKED: &str = "asked";

/// The key of a license that is shown to its owner next.
pub const OWN_KEY: &str = "own_key";

/// Keeps in this browser that it has asked for a code.
pub fn keep_asked(asked: &holdfast_service::portal::Asked) -> Result<(), UiError> {
    let seconds = asked.ends_at.since(service()?.now()).0;
    set_lax_cookie(&note::name(ASKED, state()?.secure()), &ssr::secret_text(&asked.browser), seconds);
    Ok(())
}

/// What this browser has kept since it asked for a code.
pub fn asked() -> Option<SessionSecret> {
    cookie(&note::name(ASKED, state().ok()?.secure())).and_then(|text| ssr::secret_of(&text))
}

/// The browser's session.
fn session() -> Result<Session, UiError> {
    let session = parts().and_then(|parts| parts.extensions.get::<Session>().cloned());
    session.ok_or_else(|| UiError::new("internal", "Something went wrong here"))
}

/// Lets this browser in as whoever has just signed in.
pub async fn let_in(signed_in: &SignedIn) -> Result<(), UiError> {
    ssr::begin(&session()?, &signed_in.session).await?;
    forget(true);
    Ok(())
}

/// The cookie of half a sign-in.
const HALF: &str = "half";

/// Lets this browser in, or leads it to the second half of the sign-in; `next` is where the person wants to go.
pub async fn go_on(step: &SignInStep, next: &str) -> Result<(), UiError> {
    match step {
        SignInStep::In(signed_in) => {
            let_in(signed_in).await?;
            // A browser that goes on by itself asks for no page, which would lead there.
            let actor = service()?.actor_for_session(&signed_in.session).await?;
            redirect(if actor.is_held() { "/console/security" } else { inside(next).unwrap_or(home(&actor)) });
        }
        SignInStep::Factor(half) => {
            keep_half(half);
            redirect(&format!("/sign-in/factor?next={}", ssr::encode(inside(next).unwrap_or_default())));
        }
    }
    Ok(())
}

/// Keeps half a sign-in in this browser.
fn keep_half(half: &HalfWay) {
    if let Ok(state) = state() {
        let seconds = service().map_or(0, |service| half.ends_at.since(service.now()).0);
        set_cookie(&note::name(HALF, state.secure()), &ssr::secret_text(&half.secret), seconds);
    }
}

/// Half a sign-in that this browser has begun.
pub fn half() -> Result<SessionSecret, UiError> {
    let secure = state()?.secure();
    let secret = cookie(&note::name(HALF, secure)).and_then(|text| ssr::secret_of(&text));
    secret.ok_or_else(|| Error::new(ErrorCode::Unauthenticated).into())
}

/// Where a person wants to go, where that is a page of the console or of the support desk.
pub fn inside(next: &str) -> Option<&str> {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let is_of = |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (is_local(next) && (is_of("/console") || is_of("/support"))).then_some(next)
}

/// Where somebody begins: support at its desk, everybody else at the overview.
pub fn home(actor: &Actor) -> &'static str {
    if actor.role() == Some(Role::Support) { "/support" } else { "/console" }
}

/// Where this installation is reached: what passkeys are bound to.
pub fn site() -> Site {
    Site::new(&origin().unwrap_or_default())
}

/// Ends this browser's session.
pub async fn let_out() -> Result<(), UiError> {
    ssr::end(&session()?).await?;
    forget(false);
    Ok(())
}

/// Takes back what was handed over in this browser, at the way in and at the way out.
fn forget(signs_in: bool) {
    if let (Some(cookies), Ok(state)) = (cookies(), state()) {
        ssr::forget(&cookies, state.secure(), signs_in);
    }
}

fn cookies() -> Option<Cookies> {
    with_context::<Parts, _>(|parts| parts.extensions.get::<Cookies>().cloned()).flatten()
}

/// The zone in which times are written for whoever asks: the one that their browser told, UTC where it told none that there
/// is. The name is looked up among those known and is no path.
pub fn zone() -> TimeZone {
    let named = cookie("zone").and_then(|name| TimeZone::get(&name).ok());
    named.unwrap_or(TimeZone::UTC)
}

/// One cookie of the request.
pub fn cookie(name: &str) -> Option<String> {
    cookies()?.get(name).map(|cookie| cookie.value().to_owned())
}

/// Sets a cookie for this whole site that no script can read, for so many seconds; 0 removes it.
pub fn set_cookie(name: &str, value: &str, seconds: i64) {
    let (Some(cookies), Ok(state)) = (cookies(), state()) else { return };
    cookies.add(ssr::set_cookie(name, value.to_owned(), seconds, state.secure()));
}

/// The same for what has to come along when somebody follows a link from a mail.
fn set_lax_cookie(name: &str, value: &str, seconds: i64) {
    let (Some(cookies), Ok(state)) = (cookies(), state()) else { return };
    cookies.add(ssr::set_lax_cookie(name, value.to_owned(), seconds, state.secure()));
}

/// The address under which this request reached us, for what people paste elsewhere.
pub fn origin() -> Option<String> {
    let state = state().ok()?;
    if let Some(origin) = state.origins().first() {
        return Some(origin.clone());
    }
    let host = parts()?.headers.get(header::HOST)?.to_str().ok()?.to_owned();
    let plain =
        host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'));
    plain.then(|| format!("http://{host}"))
}

/// The host name by which this request has come here.
pub fn host() -> Option<String> {
    ssr::host_name(&parts()?.headers).map(str::to_owned)
}

/// Hands a short text to the page that shows it next, in this browser only.
pub fn set_note(kind: &str, text: &str) {
    if let Ok(state) = state() {
        set_cookie(&note::name(kind, state.secure()), &note::encode(text), note::SECONDS);
    }
}

/// Takes a text back that was handed over.
pub fn drop_note(kind: &str) {
    if let Ok(state) = state() {
        set_cookie(&note::name(kind, state.secure()), "", 0);
    }
}

/// The text that was handed over.
pub fn note(kind: &str) -> Option<String> {
    note::decode(&cookie(&note::name(kind, state().ok()?.secure()))?)
}

/// The form that was not accepted and that this page shows again.
pub fn refused() -> Option<Refused> {
    parts()?.extensions.get::<Refused>().cloned()
}

/// Whether `path` stays on this site whatever a browser makes of it.
pub fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// Sends the browser to another page of this site once the server function is done; to the start where `path` is not
/// one.
pub fn redirect(path: &str) {
    leptos_axum::redirect(if is_local(path) { path } else { "/" });
}

/// Sends the browser back to the page that sent this request, with what was done.
pub fn stay(done: &str) {
    redirect(&with_done(&came_from(), done));
}

/// Sends the browser on to `path`, or to the desk's page that this one was come to from, where its address says so
/// (`?from=`), with what was done.
pub fn lead(path: &str, done: &str) {
    let page = came_from().parse::<Uri>().ok();
    let from = page.and_then(|page| ssr::value_of(&page, "from")).filter(|from| from.starts_with("/support/"));
    redirect(&with_done(from.as_deref().and_then(inside).unwrap_or(path), done));
}

/// Sends the browser back to the desk's page that this request was sent from, or else on to `path`; to `anchor` there, with what
/// was done.
pub fn back_to_desk(path: &str, anchor: &str, done: &str) {
    let desk = Some(came_from()).filter(|page| page.starts_with("/support/"));
    let page = desk.as_deref().and_then(inside).unwrap_or(path);
    redirect(&with_done(&format!("{page}#{anchor}"), done));
}

/// The page that this request was sent from, without what it said was done.
fn came_from() -> String {
    parts().map_or_else(|| "/".to_owned(), |parts| ssr::back(&parts.headers))
}

fn with_done(path: &str, done: &str) -> String {
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    let sign = if path.contains('?') { '&' } else { '?' };
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
    format!("{path}{sign}done={done}{anchor}")
}

/// What a page was sent with the request that asks for it; empty where it was just asked for.
pub fn posted(name: &str) -> Option<String> {
    parts()?.extensions.get::<ssr::Posted>()?.get(name)
}

/// The name of a form field for a JSON pointer: its last member's.
fn field(pointer: &str) -> Option<String> {
    pointer.rsplit('/').find(|part| !part.is_empty() && part.parse::<u32>().is_err()).map(str::to_owned)
}

impl UiError {
    /// What a browser may know of `error`, under the id of its request.
    pub fn of(error: &Error, request_id: Option<String>) -> Self {
        Self {
            code: error.code.as_str().to_owned(),
            title: error.code.title().to_owned(),
            detail: error.detail.as_deref().map(str::to_owned),
            field: error.pointer.as_deref().and_then(field),
            request_id,
        }
    }
}

impl From<Error> for UiError {
    fn from(error: Error) -> Self {
        let request_id = Some(from().request_id).filter(|id| !id.is_empty());
        if error.code.status() >= 500 {
            tracing::error!(?error, request = request_id, "a screen could not be served");
        }
        if let Some(response) = use_context::<ResponseOptions>() {
            if let Ok(status) = StatusCode::from_u16(error.code.status()) {
                response.set_status(status);
            }
            if let Some(after) = error.retry_after {
                response.insert_header(header::RETRY_AFTER, HeaderValue::from(after.0.max(1)));
            }
        }
        Self::of(&error, request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_this_site() {
        for path in ["/", "/console", "/console/licenses?q=a%20b#x"] {
            assert!(is_local(path), "{path}");
        }
        for path in ["", "//example.com", "/\\example.com", "https://example.com", "/a\r\nb", "/ü", "javascript:0"] {
            assert!(!is_local(path), "{path}");
        }
    }

    #[test]
    fn people_are_led_inside_only() {
        for next in ["/console", "/console/licenses?q=a", "/support", "/support/cus_1#reply", "/support?q=a"] {
            assert_eq!(inside(next), Some(next));
        }
        for next in ["", "/", "//console", "/consoles", "/supportive", "/portal/x", "https://example.com/console"] {
            assert_eq!(inside(next), None, "{next}");
        }
        assert_eq!(with_done("/support/cus_1?reply=a#reply", "x"), "/support/cus_1?reply=a&done=x#reply");
        assert_eq!(with_done("/console", "x"), "/console?done=x");
    }

    #[test]
    fn pointers_name_fields() {
        assert_eq!(field("/customer/email").as_deref(), Some("email"));
        assert_eq!(field("/scopes/0").as_deref(), Some("scopes"));
        assert_eq!(field(""), None);
    }
}
