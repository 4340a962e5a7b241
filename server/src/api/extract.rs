//! What a handler takes from a request, read within limits of size and time and with strict types.

use super::{
    problem::Problem,
    query,
    rates::Origin,
    request::{Current, REQUEST_TIME},
    shape,
};
use crate::AppState;
use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use futures::StreamExt as _;
use holdfast_domain::token::ApiToken;
use holdfast_service::{Actor, Call, Error, ErrorCode, actor::Idempotency};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{
    str::FromStr,
    time::{Duration, Instant},
};
use tokio::time::timeout_at;
use utoipa::IntoParams;

/// The greatest body of a runtime call, in bytes.
pub const RUNTIME_BODY: usize = 16 * 1024;
/// The greatest body of a management call, in bytes.
pub const MANAGEMENT_BODY: usize = 256 * 1024;
/// How much of a body that is too large is still read and thrown away, so that the refusal reaches its sender.
const DISCARDED_BODY: usize = 1024 * 1024;

/// Collects a body of at most `limit` bytes that has arrived by `within` after the request began. Whoever asked before
/// sending it whether it is welcome (`Expect`) is told at once that it is too large.
pub async fn body(headers: &HeaderMap, body: Body, limit: usize, within: Duration) -> Result<Bytes, Problem> {
    let too_large = body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX);
    if too_large && headers.contains_key(header::EXPECT) {
        return Err(ErrorCode::BodyTooLarge.into());
    }
    let deadline = (Current::get().began + within).into();
    let mut stream = body.into_data_stream();
    let mut collected: Vec<u8> = Vec::new();
    let mut seen = 0usize;
    loop {
        let chunk = timeout_at(deadline, stream.next()).await.map_err(|_| Problem::from(ErrorCode::RequestTimeout))?;
        let Some(chunk) = chunk else { break };
        // The sender went away in the middle, or broke the framing.
        let chunk = chunk.map_err(|_| Error::new(ErrorCode::InvalidRequest).with_detail("the body is incomplete"))?;
        seen = seen.saturating_add(chunk.len());
        if seen > limit.saturating_add(DISCARDED_BODY) {
            break;
        }
        if seen <= limit {
            if collected.is_empty() && chunk.len() < limit {
                collected.reserve(chunk.len());
            }
            collected.extend_from_slice(&chunk);
        }
    }
    if seen > limit { Err(ErrorCode::BodyTooLarge.into()) } else { Ok(collected.into()) }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(ErrorCode::UnsupportedMediaType.into()) }
}

/// The JSON body of a runtime call: at most 16 KiB, unknown members tolerated.
pub struct Runtime<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Runtime<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Problem> {
        let (parts, stream) = request.into_parts();
        let bytes = body(&parts.headers, stream, RUNTIME_BODY, REQUEST_TIME).await?;
        require_json(&parts.headers)?;
        Ok(Self(shape::read(&bytes)?))
    }
}

/// An identifier in the path of a management call. One that is malformed is answered as one that is unknown.
pub struct Id<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<AppState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::from(ErrorCode::NotFound))?;
        text.parse().map(Self).map_err(|_| ErrorCode::NotFound.into())
    }
}

/// Two identifiers in the path of a management call, in its order.
pub struct Ids<T, U>(pub T, pub U);

impl<T: FromStr + Send, U: FromStr + Send> FromRequestParts<AppState> for Ids<T, U> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let absent = || Problem::from(ErrorCode::NotFound);
        let found = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((one, two)) = found.map_err(|_| absent())?;
        Ok(Self(one.parse().map_err(|_| absent())?, two.parse().map_err(|_| absent())?))
    }
}

/// The parameters of a query, with strict types.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refused = |error: axum::extract::rejection::QueryRejection| {
            // The rejection repeats a parameter's value; only what was expected is passed on.
            let text = error.body_text();
            let expected = text.rsplit_once("expected ").map(|(_, expected)| format!("expected {expected}"));
            let name = text.split_once(": ").map(|(_, rest)| rest.split(':').next().unwrap_or_default().to_owned());
            let detail = expected.unwrap_or_else(|| "a parameter of the query is not valid".to_owned());
            Problem(Error::invalid(name.as_deref().map(query::pointer).unwrap_or_default(), detail))
        };
        Query::<T>::from_request_parts(parts, state).await.map(|Query(value)| Self(value)).map_err(refused)
    }
}

/// Who calls the management API: proved by a bearer token.
pub struct Caller(pub Actor);

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refused = || Problem::from(ErrorCode::Unauthenticated);
        let value =
            parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
        let (scheme, text) = value.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let now = Instant::now();
        let origin = Origin::from(Current::get().address);
        // A mistyped token is told by its checksum, before anything is looked up.
        let Ok(token) = text.trim().parse::<ApiToken>() else { return Err(refused()) };
        state.rates().token_guesses.peek(&origin, now).check()?;
        state.rates().tokens.take(token.hash(), now)?;
        match state.service().authenticate_token(text.trim()).await {
            Ok(actor) => {
                query::check(parts)?;
                Ok(Self(actor))
            }
            Err(error) => {
                if error.code == ErrorCode::Unauthenticated {
                    state.rates().token_guesses.charge(origin, now);
                }
                Err(error.into())
            }
        }
    }
}

/// A change by the management API: who asks, under which idempotency key, and the body. A body is at most 256 KiB, and
/// members that do not exist are refused, so that a misspelt one does not silently do nothing.
pub struct Command<T> {
    /// Who asks, from where, under which idempotency key.
    pub call: Call,
    /// The body.
    pub input: T,
}

impl<T: DeserializeOwned> FromRequest<AppState> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (mut parts, stream) = request.into_parts();
        let Caller(actor) = Caller::from_request_parts(&mut parts, state).await?;
        let bytes = body(&parts.headers, stream, MANAGEMENT_BODY, REQUEST_TIME).await?;
        let call = call(&parts, actor, &bytes)?;
        // An act without any input, such as confirming, needs no body.
        let input = if bytes.is_empty() && !parts.headers.contains_key(header::CONTENT_TYPE) {
            shape::read(b"{}")?
        } else {
            require_json(&parts.headers)?;
            shape::read(&bytes)?
        };
        Ok(Self { call, input })
    }
}

/// The context of a change: the caller, and the idempotency key with a hash over everything that makes the request.
pub fn call(parts: &Parts, actor: Actor, bytes: &[u8]) -> Result<Call, Problem> {
    let call = Call::new(actor, Current::get().info());
    let Some(key) = parts.headers.get("idempotency-key") else { return Ok(call) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let refused = || Error::new(ErrorCode::InvalidRequest).with_detail("Idempotency-Key: 1 to 255 ASCII characters");
    let key = key.ok_or_else(refused)?.to_owned();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut hasher = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), bytes] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    Ok(call.with_idempotency(Idempotency { key, body_hash: hasher.finalize().into() }))
}

/// Whether only to say what would happen.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DryRun {
    /// Only say who would lose access and when.
    #[param(required = false)]
    pub dry_run: bool,
}
