//! Every answer that is not a result: RFC 9457 `application/problem+json` with our own members.

use super::{
    request::{Current, new_id},
    time::Rfc3339,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_domain::SeatId;
use holdfast_service::{Error, ErrorCode};
use serde::Serialize;
use std::{error::Error as _, fmt::Write as _, net::IpAddr};
use utoipa::ToSchema;

/// A result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A refusal or a failure, on its way to the caller.
#[derive(Debug)]
pub struct Problem(pub Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self(Error::new(code))
    }
}

/// The document of a refusal or failure (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A page that explains the code, relative to this server.
    #[schema(example = "/docs/errors#license_not_found")]
    pub r#type: String,
    /// A short sentence, the same every time.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time; where there is nothing more to say, what brings the code about.
    pub detail: String,
    /// The stable code.
    #[schema(example = "license_not_found")]
    pub code: &'static str,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// The id of this request in the server's log.
    pub request_id: String,
    /// The JSON pointer (RFC 6901) of the member that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The signed denial document; the only thing that ends a running entitlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<String>,
    /// The seats in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<TakenSeat>,
}

/// A seat that is taken, so that an application can offer to free it.
#[derive(Serialize, ToSchema)]
pub struct TakenSeat {
    /// The seat's id.
    #[schema(value_type = String)]
    pub id: SeatId,
    /// What its device is called.
    pub name: Option<String>,
    /// When it was last heard of.
    pub last_seen: Rfc3339,
}

impl Problem {
    /// The document, for the request at work.
    pub fn document(self) -> ProblemDocument {
        let Error { code, detail, pointer, denial, seats, .. } = self.0;
        ProblemDocument {
            r#type: format!("/docs/errors#{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            detail: detail.map_or_else(|| code.cause().to_owned(), String::from),
            code: code.as_str(),
            retryable: code.retryable(),
            request_id: Current::get().id,
            pointer: pointer.map(String::from),
            denial,
            seats: seats
                .into_iter()
                .map(|seat| TakenSeat { id: seat.id, name: seat.name, last_seen: Rfc3339(seat.last_seen) })
                .collect(),
        }
    }
}

/// The chain of causes of `error`, for the log.
fn causes(error: &Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        if !text.is_empty() {
            text.push_str(": ");
        }
        // `Debug` of the store's errors has the database's own words.
        let _ = write!(text, "{cause:?}");
        source = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let code = self.0.code;
        if code.status() >= 500 {
            let current = Current::get();
            let causes = causes(&self.0);
            if code == ErrorCode::Internal {
                tracing::error!(request_id = current.id, code = code.as_str(), causes, "a request failed");
            } else {
                tracing::warn!(
                    request_id = current.id,
                    code = code.as_str(),
                    causes,
                    "a request could not be answered"
                );
            }
        }
        let retry_after = self.0.retry_after.map(|after| after.0.max(1));
        let retry_after = retry_after.or(match code.status() {
            503 => Some(2),
            429 => Some(6),
            _ => None,
        });
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = retry_after.and_then(|after| HeaderValue::from_str(&after.to_string()).ok()) {
            headers.insert(header::RETRY_AFTER, after);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        metrics::counter!("holdfast_problems_total", "code" => code.as_str()).increment(1);
        response
    }
}

/// The whole answer, as bytes of HTTP/1.1, to a request whose head could not be read, so that no router ever saw it. The
/// connection is closed after it.
pub fn unread(code: ErrorCode, detail: &str, peer: IpAddr) -> Vec<u8> {
    let id = new_id();
    let mut document = Problem(Error::new(code).with_detail(detail)).document();
    document.request_id.clone_from(&id);
    let (status, title) = (code.status(), document.title);
    let body = serde_json::to_string(&document).unwrap_or_default();
    tracing::info!(request_id = id, status, address = %peer, "refused a request whose head could not be read");
    metrics::counter!("holdfast_problems_total", "code" => code.as_str()).increment(1);
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or(title);
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         x-request-id: {id}\r\nx-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// There is nothing at this address.
pub async fn not_found() -> Problem {
    ErrorCode::NotFound.into()
}

/// There is something at this address, but not for this method.
pub async fn method_not_allowed() -> Problem {
    ErrorCode::MethodNotAllowed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_request_is_as_long_as_it_says_and_complete() {
        for code in [ErrorCode::RequestTimeout, ErrorCode::HeadTooLarge, ErrorCode::AddressTooLong] {
            let text = String::from_utf8(unread(code, "Too much.", IpAddr::from([127, 0, 0, 1]))).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {} ", code.status())), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!((&body["code"], &body["detail"]), (&code.as_str().into(), &"Too much.".into()));
            assert!(head.contains(&format!("x-request-id: {}\r\n", body["request_id"].as_str().unwrap())), "{head}");
        }
    }

    #[test]
    fn every_code_explains_itself() {
        for code in ErrorCode::ALL {
            assert!(!Problem::from(*code).document().detail.is_empty(), "{}", code.as_str());
        }
    }
}
