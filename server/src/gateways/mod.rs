//! Gateways: the addresses at which applications that were built for another licensing system ask for their licenses, in
//! that system's shapes. One file per system; what happens is the same as on the runtime API (`holdfast_service`, "runtime").
//!
//! These clients believe a plain "no". One is only said where the database says so at that moment; whatever else goes wrong
//! is a status of 500 or above, or `429`, so that they keep what they have and come back.

mod keygen;
mod keylight;
mod lemon_squeezy;

use crate::{
    AppState,
    api::{
        extract::{RUNTIME_BODY, body},
        problem::{self, Problem},
        rates::Remaining,
        request::{Current, REQUEST_TIME},
        v1::runtime::KeyGate,
    },
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::any,
};
use bytes::Bytes;
use holdfast_domain::{GatewayKind, ProductId, entropy::random_bytes};
use holdfast_service::{
    Error, ErrorCode, RequestInfo, Service,
    runtime::gateway::{Gateway, Holding, Named, Place, uuid},
    system::OsEntropy,
};
use serde::Serialize;

/// The routes.
pub fn routes() -> Router<AppState> {
    Router::new()
        .merge(keylight::routes())
        .merge(lemon_squeezy::routes())
        .merge(keygen::routes())
        .route("/gateways", any(problem::not_found))
        .route("/gateways/{product}", any(problem::not_found))
        .route("/gateways/{product}/{*rest}", any(problem::not_found))
        // Here, where the layer is around it.
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn(open))
}

/// Lets pages of any origin ask: whoever has a license key may use it from wherever they are.
async fn open(request: Request, next: Next) -> Response {
    const ANY: HeaderValue = HeaderValue::from_static("*");
    let asks_whether = request.method() == Method::OPTIONS;
    let mut response = if asks_whether { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
    if asks_whether {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        // The asterisk does not stand for this one.
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*, authorization"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

/// A "no" that a client may believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum No {
    /// The product has no license with that key.
    Unknown,
    /// The license was suspended or withdrawn.
    Disabled,
    /// It has run out.
    Expired,
    /// Every place is taken.
    Full,
    /// The device has none.
    Nowhere,
    /// The license is for people, and these clients name none.
    ForPeople,
}

/// Why a client does not get what it asks for.
#[derive(Debug)]
enum Fail {
    No(No),
    Problem(Problem),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::No(match error.code {
            ErrorCode::LicenseNotFound => No::Unknown,
            ErrorCode::LicenseRevoked | ErrorCode::LicenseSuspended => No::Disabled,
            ErrorCode::LicenseExpired => No::Expired,
            ErrorCode::SeatLimitReached | ErrorCode::DeviceLimitReached => No::Full,
            ErrorCode::SeatReleased => No::Nowhere,
            ErrorCode::UserRequired => No::ForPeople,
            _ => return Self::Problem(error.into()),
        })
    }
}

impl From<Problem> for Fail {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<No> for Fail {
    fn from(no: No) -> Self {
        Self::No(no)
    }
}

/// A client at a gateway.
struct Visit<'a> {
    state: &'a AppState,
    gateway: Gateway,
    gate: KeyGate<'a>,
    /// What stands against those who have no seat.
    spent: Option<Remaining>,
    from: RequestInfo,
}

impl<'a> Visit<'a> {
    /// Lets a client in to the gateway that a path leads to, within what an address may ask. Where its guesses are spent, only
    /// devices get on that have a seat: somebody else may have guessed.
    async fn enter(state: &'a AppState, product: &str, kind: GatewayKind) -> Result<Self, Problem> {
        let product: ProductId = product.parse().map_err(|_| Problem::from(ErrorCode::ProductNotFound))?;
        let (gate, spent) = KeyGate::knock(state, product).await?;
        let gateway = state.service().gateway(product, kind).await?;
        Ok(Self { state, gateway, gate, spent, from: Current::get().info() })
    }

    fn service(&self) -> &Service {
        self.state.service()
    }

    /// Lets through what may be asked without a seat.
    fn may_ask(&self) -> Result<(), Problem> {
        self.spent.map_or(Ok(()), |spent| Err(spent.refusal().into()))
    }

    /// The license with that key. A key that is none counts as a guess.
    async fn license(&self, key: &str) -> Result<Holding, Fail> {
        if let Some(holding) = self.service().holding(&self.gateway, key).await? {
            return Ok(holding);
        }
        self.may_ask()?;
        Current::get().announce(self.gate.wrong());
        Err(No::Unknown.into())
    }

    /// Refuses a license that must not be used, to a client that names no device, see [`Service::turn_away`].
    fn turn_away(&self, holding: &Holding) -> Result<(), Fail> {
        self.may_ask()?;
        Ok(self.service().turn_away(&self.gateway, holding)?)
    }

    /// A seat for a device that is new, or says so.
    async fn arrive(&self, holding: &Holding, named: &Named) -> Result<Place, Fail> {
        self.may_ask()?;
        Ok(self.service().arrive(&self.gateway, holding, named, &self.from).await?)
    }

    /// The seat of a device that goes on, see [`Service::go_on`].
    async fn go_on(&self, holding: &Holding, named: &Named) -> Result<Place, Fail> {
        if self.spent.is_some() {
            self.place(holding, named).await?;
        }
        let place = self.service().go_on(&self.gateway, holding, named, &self.from).await?;
        place.ok_or_else(|| No::Nowhere.into())
    }

    /// The seat that a device has.
    async fn place(&self, holding: &Holding, named: &Named) -> Result<Place, Fail> {
        let Some(place) = self.service().place(&self.gateway, holding, named).await? else {
            self.may_ask()?;
            return Err(No::Nowhere.into());
        };
        Ok(place)
    }

    /// Gives a seat up, see [`Service::depart`].
    async fn leave(&self, holding: &Holding, place: &Place, by_id: bool) -> Result<(), Fail> {
        Ok(self.service().depart(&self.gateway, holding, place, by_id, &self.from).await?)
    }

    /// Lets it be told how a license stands that must not be used, or that it is for something else.
    fn may_refuse(&self, holding: &Holding) -> Result<(), Problem> {
        Ok(self.service().may_refuse(&self.gateway, holding)?)
    }
}

/// The whole of a request: its head, and a body as large as any of a client's may be.
async fn read(request: Request) -> Result<(Parts, Bytes), Problem> {
    let (parts, stream) = request.into_parts();
    let bytes = body(&parts.headers, stream, RUNTIME_BODY, REQUEST_TIME).await?;
    Ok((parts, bytes))
}

/// What names a client's device, where it can be one: neither empty nor long, nor anything but text.
fn named(text: Option<String>) -> Option<String> {
    const LONGEST: usize = 512;
    text.filter(|text| !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control))
}

/// A device of its own, for a client that does not say on which it runs.
fn nameless() -> String {
    uuid(random_bytes(&OsEntropy))
}

/// An answer in JSON.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A failure in that system's shape: with the status, the log's entry and the advice on when to come back of any other.
fn failure(problem: Problem, shape: impl FnOnce(&Error) -> serde_json::Value) -> Response {
    let body = shape(&problem.0).to_string();
    let mut response = problem.into_response();
    *response.body_mut() = Body::from(body);
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What a failure is, for people.
fn words(error: &Error) -> String {
    error.detail.as_ref().map_or_else(|| error.code.cause().to_owned(), ToString::to_string)
}
