//! What shipped applications call. This part never changes incompatibly (HTTP API, "Runtime").

pub mod activate;
pub mod key_manifest;
pub mod release;
pub mod release_other;
pub mod renew;
pub mod revocations;
pub mod schema;
pub mod trial;
pub mod validate;

use crate::{
    AppState,
    api::{
        problem::Problem,
        rates::{Origin, Remaining},
        request::Current,
    },
};
use axum::{
    Json,
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use holdfast_domain::{ProductId, VendorId};
use holdfast_service::{ErrorCode, runtime::SignedDocument};
use std::time::Instant;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(activate::activate))
        .routes(routes!(renew::renew))
        .routes(routes!(release::release))
        .routes(routes!(release_other::release_other))
        .routes(routes!(validate::validate))
        .routes(routes!(trial::start_trial))
        .routes(routes!(key_manifest::key_manifest))
        .routes(routes!(revocations::revocations))
}

/// The product in the path. A malformed id is answered as an unknown one.
pub struct Product(pub ProductId);

impl FromRequestParts<AppState> for Product {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refused = || Problem::from(ErrorCode::ProductNotFound);
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| refused())?;
        let product = path.iter().find(|(name, _)| *name == "product").and_then(|(_, id)| id.parse().ok());
        product.map(Self).ok_or_else(refused)
    }
}

/// Bounds what an address may ask with license keys, and charges it for every wrong one.
pub struct KeyGate<'a> {
    state: &'a AppState,
    origin: Origin,
    vendor: VendorId,
    now: Instant,
}

impl<'a> KeyGate<'a> {
    /// Lets the caller through, or answers `rate_limited`: an address without guesses left, or, while a vendor is being
    /// searched through, an address that guessed wrong before. An address that never did is not concerned.
    pub async fn enter(state: &'a AppState, product: ProductId) -> Result<Self, Problem> {
        let origin = Origin::from(Current::get().address);
        state.rates().guesses.peek(&origin, Instant::now()).check()?;
        match Self::knock(state, product).await? {
            (_, Some(spent)) => Err(spent.refusal().into()),
            (gate, None) => Ok(gate),
        }
    }

    /// The same for those who may hold something already, which the guesses of others behind their address must not cost them:
    /// lets everybody through, and says which limit stands against whatever else they ask for.
    pub async fn knock(state: &'a AppState, product: ProductId) -> Result<(Self, Option<Remaining>), Problem> {
        let (origin, now, rates) = (Origin::from(Current::get().address), Instant::now(), state.rates());
        let own = rates.guesses.peek(&origin, now);
        rates.address.take(origin, now)?;
        let vendor = state.service().vendor_of(product).await?;
        let searched = rates.vendor_guesses.peek(&vendor, now);
        let spent = match (own.number, searched.number) {
            (0, _) => Some(own),
            (_, 0) if !own.is_whole() => Some(searched),
            _ => None,
        };
        Ok((Self { state, origin, vendor, now }, spent))
    }

    /// The caller presented a key that does not exist.
    pub fn wrong(&self) -> Remaining {
        metrics::counter!("holdfast_key_failures_total").increment(1);
        self.state.rates().vendor_guesses.charge(self.vendor, self.now);
        self.state.rates().guesses.charge(self.origin, self.now)
    }

    /// The answer for `result`, with what is left of the quota.
    pub fn answer<T>(&self, result: holdfast_service::Result<T>, ok: impl FnOnce(T) -> Response) -> Response {
        let remaining = match &result {
            Err(error) if error.code == ErrorCode::LicenseNotFound => self.wrong(),
            _ => self.state.rates().guesses.peek(&self.origin, self.now),
        };
        Current::get().announce(remaining);
        result.map_or_else(|error| Problem(error).into_response(), ok)
    }
}

/// A signed document on its own.
#[derive(serde::Serialize)]
struct Carried<'a> {
    #[serde(flatten)]
    member: std::collections::BTreeMap<&'static str, &'a str>,
}

/// Serves a signed document with its strong entity tag, so that any web cache can carry it: as the JSON member `name`, or
/// bare where the caller accepts `application/jwt`.
pub fn document(headers: &HeaderMap, name: &'static str, document: &SignedDocument) -> Response {
    let texts = |header| headers.get_all(header).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let bare = texts(header::ACCEPT).any(|accept| accept.contains("application/jwt"));
    let etag = if bare { format!("{}-jwt\"", document.etag.trim_end_matches('"')) } else { document.etag.clone() };
    let known = texts(header::IF_NONE_MATCH)
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else if bare {
        ([(header::CONTENT_TYPE, "application/jwt")], document.token.clone()).into_response()
    } else {
        Json(Carried { member: [(name, document.token.as_str())].into() }).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300, stale-if-error=604800"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}
