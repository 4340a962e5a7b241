//! What is known of a request before anything is decided: its id, where it came from and until when it may take.

use crate::{
    AppState,
    api::{problem::Problem, query, rates::Remaining},
    config::Network,
    health::Mode,
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use holdfast_domain::entropy::random_bytes;
use holdfast_service::{Error, ErrorCode, RequestInfo, system::OsEntropy};
use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a whole request may take to arrive (HTTP API, "Limits and bad input").
pub const REQUEST_TIME: Duration = Duration::from_secs(15);
/// How long an answer may take before the caller is told to come back.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// The same for calls that move files.
const LONG_ANSWER_TIME: Duration = Duration::from_mins(5);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The request at work.
#[derive(Clone, Debug)]
pub struct Current {
    /// The id that the answer and the log carry.
    pub id: String,
    /// The client's address as far as the server trusts it.
    pub address: Option<IpAddr>,
    /// When it began.
    pub began: Instant,
    /// What is left of the limit that concerns the caller most.
    limit: Arc<Mutex<Option<Remaining>>>,
}

tokio::task_local! {
    static CURRENT: Current;
}

impl Current {
    /// The request that this task answers; one without an id outside of any.
    pub fn get() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self {
            id: String::new(),
            address: None,
            began: Instant::now(),
            limit: Arc::default(),
        })
    }

    /// Has the answer say what is left of a limit; the last word counts.
    pub fn announce(&self, remaining: Remaining) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(remaining);
    }

    /// The same for the use cases.
    pub fn info(&self) -> RequestInfo {
        RequestInfo { address: self.address, request_id: self.id.clone(), ..RequestInfo::default() }
    }
}

/// A new id for a request.
pub(super) fn new_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let random: [u8; 20] = random_bytes(&OsEntropy);
    random.iter().fold("req_".to_owned(), |mut id, byte| {
        id.push(char::from(ALPHABET[usize::from(byte & 31)]));
        id
    })
}

/// The address that a request came from: the peer's, or, where the peer is a trusted proxy, the last address in
/// `X-Forwarded-For` that is not one.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer?;
    if !is_proxy(peer) {
        return Some(peer);
    }
    let named: Vec<IpAddr> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|text| text.trim().parse().ok())
        .collect();
    Some(named.iter().rev().find(|address| !is_proxy(**address)).or(named.first()).copied().unwrap_or(peer))
}

/// What part of the server a request is for, the most important first (security, "flood").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Health: never turned away.
    Health,
    /// Renewal and release of existing seats, and the documents that clients fetch.
    Renew,
    /// Activation, validation and trials.
    Activate,
    /// The management API and the console.
    Console,
}

impl Class {
    /// The class of a path.
    pub fn of(path: &str) -> Self {
        if matches!(path, "/livez" | "/readyz" | "/startupz" | "/v1/status") {
            return Self::Health;
        }
        // Other systems' clients validate at every start, and wait until they are told.
        if path.starts_with("/gateways/") {
            return Self::Activate;
        }
        let Some(rest) = path.strip_prefix("/v1/") else { return Self::Console };
        match rest.rsplit('/').next() {
            Some("renew" | "release" | "keys" | "revocations") if !rest.starts_with("keys") => Self::Renew,
            Some("activate" | "validate" | "trials") => Self::Activate,
            _ => Self::Console,
        }
    }

    /// The share of the places that this class may take, in percent.
    pub const fn share(self) -> usize {
        match self {
            Self::Health | Self::Renew => 100,
            Self::Activate => 80,
            Self::Console => 50,
        }
    }
}

/// Surrounds every request: gives it an id, keeps the books and the promises that hold for all answers.
pub async fn surround(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let trusted = &state.serve().trusted_proxies;
    let current = Current {
        id: new_id(),
        address: client_address(peer, request.headers(), trusted),
        began: Instant::now(),
        limit: Arc::default(),
    };
    let method = request.method().clone();
    let version = request.version();
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(current.info());
    let class = Class::of(request.uri().path());
    let may_sign = state.health().mode() != Mode::Clock || matches!(class, Class::Health | Class::Console);
    // On a page a person may search for whatever they paste; nothing of it is logged.
    let is_api = request.uri().path().starts_with("/v1");
    let secret_in_url = is_api && carries_secret(request.uri().query().unwrap_or_default());
    let limit = if route.contains("imports") || route.contains("exports") { LONG_ANSWER_TIME } else { ANSWER_TIME };
    let id = current.id.clone();
    let mut response = CURRENT
        .scope(current.clone(), async {
            if secret_in_url {
                return Problem(Error::new(ErrorCode::KeyInUrl)).into_response();
            }
            let _place = match state.load().enter(class) {
                Ok(place) => place,
                Err(later) => return Problem(Error::new(ErrorCode::Busy).with_retry_after(later)).into_response(),
            };
            if !may_sign {
                // What it signed would be dated wrongly; another node's clock is right.
                return Problem(Error::new(ErrorCode::Unavailable)).into_response();
            }
            let answered = tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind());
            match answered.await {
                Ok(Ok(response)) => response,
                Ok(Err(panic)) => {
                    let what = panic.downcast_ref::<String>().map(String::as_str);
                    let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                    Problem(Error::internal(what.to_owned())).into_response()
                }
                Err(_) => Problem(Error::new(ErrorCode::Unavailable)).into_response(),
            }
        })
        .await;
    let took = current.began.elapsed();
    let status = response.status().as_u16();
    let headers = response.headers_mut();
    if let Some(remaining) = *current.limit.lock().unwrap_or_else(PoisonError::into_inner) {
        remaining.write(headers);
    }
    mark(headers, &id);
    if version < Version::HTTP_2 && state.health().is_draining() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    crate::metrics::request(&route, method.as_str(), status, took);
    state.load().answered(status, took);
    let address = current.address.map(|address| address.to_string()).unwrap_or_default();
    let millis = took.as_secs_f64() * 1_000.0;
    if class == Class::Health {
        tracing::trace!(request_id = id, %method, route, status, millis, "answered");
    } else if class == Class::Console || status >= 400 {
        tracing::info!(request_id = id, %method, route, status, millis, address, "answered");
    } else {
        // The hot path: thousands of these a second, and metrics count them.
        tracing::debug!(request_id = id, %method, route, status, millis, address, "answered");
    }
    response
}

/// What every answer carries.
fn mark(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Surrounds the requests of a node that has no state yet: they have an id like all others.
pub async fn surround_starting(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let current = Current { id: new_id(), address: peer, began: Instant::now(), limit: Arc::default() };
    let mut response = CURRENT.scope(current.clone(), next.run(request)).await;
    mark(response.headers_mut(), &current.id);
    response
}

/// Whether a query string carries a license key or an API token: either by the name of a parameter or by its look.
fn carries_secret(query: &str) -> bool {
    let decoded = |text: &str| String::from_utf8_lossy(&query::decode(text)).into_owned();
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let name: String =
            decoded(name).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let value = decoded(value);
        let named = matches!(
            name.as_str(),
            "key" | "licensekey" | "licencekey" | "license" | "licence" | "activationkey" | "productkey" | "serial"
        );
        // A filter by a license's id is no secret.
        let is_id = value.parse::<holdfast_domain::LicenseId>().is_ok();
        (named && !value.is_empty() && !is_id)
            || value.contains("hf_sk_")
            || holdfast_domain::LicenseKey::parse_own(&value).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::LicenseKey;

    #[test]
    fn keys_and_tokens_in_a_query_are_seen() {
        let key = LicenseKey::generate(&OsEntropy);
        let plain: String = key.expose().chars().filter(|c| *c != '-').collect();
        for query in [
            format!("q={}", key.expose()),
            format!("a=1&x={plain}"),
            format!("q={}", key.expose().replace('-', "%2D").to_lowercase()),
            format!("q={}", key.expose().replace('-', "+")),
            key.expose().to_owned(),
            "key=anything".to_owned(),
            "License-Key=OLD1-KEY2".to_owned(),
            "%6Bey=OLD1-KEY2".to_owned(),
            "token=hf_sk_abc".to_owned(),
        ] {
            assert!(carries_secret(&query), "{query}");
        }
        for query in ["", "limit=10&after=abc", "key=", "q=ABCDE-12345", "license=lic_01h2xcejqtf2nbrexx3vqjhp41", "%"]
        {
            assert!(!carries_secret(query), "{query}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.7, 203.0.113.9"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("10.0.0.2"));
        let peer: Option<IpAddr> = "10.0.0.1".parse().ok();
        let trusted = [Network::parse("10.0.0.0/8").unwrap()];
        assert_eq!(client_address(peer, &headers, &trusted), "203.0.113.9".parse().ok());
        assert_eq!(client_address(peer, &headers, &[]), peer);
        assert_eq!(client_address(peer, &HeaderMap::new(), &trusted), peer);
        assert_eq!(client_address(None, &headers, &trusted), None);
    }

    #[test]
    fn renewing_comes_before_activating_before_everything_else() {
        assert_eq!(Class::of("/readyz"), Class::Health);
        for path in ["/v1/products/p/renew", "/v1/products/p/seats/s/release", "/v1/vendors/v/keys"] {
            assert_eq!(Class::of(path), Class::Renew, "{path}");
        }
        let gateway = "/gateways/p/lemonsqueezy/v1/licenses/validate";
        for path in ["/v1/products/p/activate", "/v1/products/p/validate", "/v1/products/p/trials", gateway] {
            assert_eq!(Class::of(path), Class::Activate, "{path}");
        }
        for path in ["/", "/v1/licenses", "/v1/keys", "/fn/1/sign_in"] {
            assert_eq!(Class::of(path), Class::Console, "{path}");
        }
    }
}
