//! Telling the server's answers from everything else that answers: portals, proxies, web pages.

use crate::client::{Documents, NetworkFault, NotOurs, Outcome};
use crate::{Purpose, jws};
use holdfast_domain::Seconds;
use serde_json::Value;

/// The longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 65_536;

/// The longest problem code that is passed on.
const MAX_CODE_BYTES: usize = 64;

/// Turns an HTTP answer into the outcome that [`crate::client::decide`] takes.
///
/// `status` is the final status; `content_type` and `retry_after` are the headers' values as received, where present;
/// `same_origin` is false if a redirect led away from the origin that was asked; `body` is what was read, which the
/// caller stops at [`MAX_BODY_BYTES`] and one byte, so that a longer one shows. Nothing in the answer is believed here:
/// documents are passed on unverified.
pub fn classify(
    status: u16,
    content_type: Option<&str>,
    same_origin: bool,
    retry_after: Option<&str>,
    body: &[u8],
) -> Outcome {
    if !same_origin {
        return Outcome::NotOurs { why: NotOurs::Redirect };
    }
    if body.len() > MAX_BODY_BYTES {
        return Outcome::Network { fault: NetworkFault::OverlongBody };
    }
    match status {
        204 => Outcome::Done,
        200..=299 => read_body(content_type, body).map_or_else(|why| Outcome::NotOurs { why }, Outcome::Documents),
        300..=399 => Outcome::NotOurs { why: NotOurs::Redirect },
        407 => Outcome::ProxyAuthentication,
        408 | 425 | 429 | 500..=599 => Outcome::Busy { status, retry_after: retry_after.and_then(read_retry_after) },
        400..=499 => match read_body(content_type, body) {
            Ok(documents) => Outcome::Documents(documents),
            Err(_) => Outcome::Refused { status, code: read_code(content_type, body) },
        },
        _ => Outcome::NotOurs { why: NotOurs::Status },
    }
}

/// The essence of a content type, without parameters, in lower case.
fn essence(content_type: Option<&str>) -> String {
    content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase())
        .unwrap_or_default()
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn is_bare_document(essence: &str) -> bool {
    matches!(essence, "application/jwt" | "application/jose")
        || (essence.starts_with("application/") && essence.ends_with("+jwt"))
}

fn read_body(content_type: Option<&str>, body: &[u8]) -> Result<Documents, NotOurs> {
    let essence = essence(content_type);
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(NotOurs::Empty);
    }
    if is_bare_document(&essence) {
        return bare(body).ok_or(NotOurs::NoDocument);
    }
    if !is_json(&essence) {
        return Err(NotOurs::ContentType);
    }
    let value: Value = serde_json::from_slice(body).map_err(|_| NotOurs::NoDocument)?;
    // Only what looks like a signed document counts; a bare `{"lease":"yes"}` is no answer.
    let document = |name: &str| {
        let token = value.get(name)?.as_str()?;
        looks_signed(token).then(|| token.to_owned())
    };
    let documents = Documents { lease: document("lease"), denial: document("denial"), keys: document("keys") };
    if documents == Documents::default() { Err(NotOurs::NoDocument) } else { Ok(documents) }
}

/// A body that is one document, told by its header.
fn bare(body: &[u8]) -> Option<Documents> {
    let token = std::str::from_utf8(body).ok()?.to_owned();
    let purpose = Purpose::from_typ(&jws::peek_header(body).ok()?.typ)?;
    let mut documents = Documents::default();
    match purpose {
        Purpose::Lease => documents.lease = Some(token),
        Purpose::Denial => documents.denial = Some(token),
        Purpose::Keys => documents.keys = Some(token),
        Purpose::Revocations => return None,
    }
    Some(documents)
}

/// Three non-empty segments: everything beyond that is for the verifier to say.
fn looks_signed(token: &str) -> bool {
    let segments: Vec<&str> = token.split('.').collect();
    segments.len() == 3 && segments.iter().all(|segment| !segment.is_empty())
}

/// The member `code` of a problem, if it has the form of one.
fn read_code(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    if !is_json(&essence(content_type)) {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let code = value.get("code")?.as_str()?;
    let sound = !code.is_empty()
        && code.len() <= MAX_CODE_BYTES
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    sound.then(|| code.to_owned())
}

/// `Retry-After` in seconds. A date is not read (it would need the clocks to agree), nor is anything that is not a plain
/// number of at most 7 digits: the ordinary retry clock is always safe.
fn read_retry_after(text: &str) -> Option<Seconds> {
    let text = text.trim();
    let plain = !text.is_empty() && text.len() <= 7 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok().map(Seconds)).flatten()
}
