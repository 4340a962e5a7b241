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

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJh.eyJi.AAAA";
    const JSON: Option<&str> = Some("application/json");

    fn not_ours(why: NotOurs) -> Outcome {
        Outcome::NotOurs { why }
    }

    fn refused(status: u16, code: Option<&str>) -> Outcome {
        Outcome::Refused { status, code: code.map(str::to_owned) }
    }

    #[test]
    fn documents_are_found_in_json() {
        let body = format!(r#"{{"lease":"{TOKEN}","keys":"{TOKEN}","seat":{{"id":"sea_1"}}}}"#);
        let documents = Documents { lease: Some(TOKEN.to_owned()), denial: None, keys: Some(TOKEN.to_owned()) };
        for (status, content_type) in [(200, "application/json"), (201, "Application/JSON; charset=utf-8")] {
            let outcome = classify(status, Some(content_type), true, None, body.as_bytes());
            assert_eq!(outcome, Outcome::Documents(documents.clone()));
        }
    }

    #[test]
    fn a_denial_is_found_in_a_problem() {
        let body = format!(r#"{{"code":"license_revoked","denial":"{TOKEN}"}}"#);
        let outcome = classify(403, Some("application/problem+json"), true, None, body.as_bytes());
        assert_eq!(outcome, Outcome::Documents(Documents { denial: Some(TOKEN.to_owned()), ..Documents::default() }));
        assert_eq!(classify(403, Some("text/html"), true, None, body.as_bytes()), refused(403, None));
    }

    #[test]
    fn captive_portals_are_not_the_server() {
        let html = b"<html>Welcome to the hotel</html>";
        assert_eq!(classify(200, Some("text/html"), true, None, html), not_ours(NotOurs::ContentType));
        assert_eq!(classify(200, None, true, None, html), not_ours(NotOurs::ContentType));
        assert_eq!(classify(200, JSON, true, None, html), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, b"{}"), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, br#"{"valid":false}"#), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, br#"{"lease":"yes"}"#), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, br#"{"lease":{"a":1}}"#), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, b"[]"), not_ours(NotOurs::NoDocument));
        assert_eq!(classify(200, JSON, true, None, b" \n"), not_ours(NotOurs::Empty));
        assert_eq!(classify(302, JSON, true, None, b""), not_ours(NotOurs::Redirect));
        assert_eq!(classify(101, JSON, true, None, b""), not_ours(NotOurs::Status));
        let signed = format!(r#"{{"lease":"{TOKEN}"}}"#);
        assert_eq!(classify(200, JSON, false, None, signed.as_bytes()), not_ours(NotOurs::Redirect));
        assert_eq!(classify(403, JSON, false, None, signed.as_bytes()), not_ours(NotOurs::Redirect));
    }

    #[test]
    fn bare_documents_are_told_by_their_typ() {
        let header = jws::encode(br#"{"alg":"Ed25519","kid":"k","typ":"holdfast-keys+jwt"}"#);
        let token = format!("{header}.e30.AAAA");
        let expected = Outcome::Documents(Documents { keys: Some(token.clone()), ..Documents::default() });
        for content_type in ["application/jwt", "application/holdfast-keys+jwt", "application/jose"] {
            let body = format!("{token}\n");
            assert_eq!(classify(200, Some(content_type), true, None, body.as_bytes()), expected);
        }
        assert_eq!(classify(200, Some("application/jwt"), true, None, b"a.b.c"), not_ours(NotOurs::NoDocument));
    }

    #[test]
    fn faults_of_the_server_ask_for_patience() {
        for status in [408, 425, 429, 500, 502, 503, 511, 599] {
            let busy = |retry_after: Option<i64>| Outcome::Busy { status, retry_after: retry_after.map(Seconds) };
            assert_eq!(classify(status, JSON, true, None, b"{}"), busy(None));
            for (text, seconds) in [("0", 0), ("120", 120), (" 120 ", 120), ("9999999", 9_999_999), ("007", 7)] {
                assert_eq!(classify(status, JSON, true, Some(text), b""), busy(Some(seconds)), "{text}");
            }
            for text in
                ["", "-1", "+1", "1.5", "1e3", "soon", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "١"]
            {
                assert_eq!(classify(status, JSON, true, Some(text), b""), busy(None), "{text}");
            }
        }
    }

    #[test]
    fn unsigned_refusals_keep_their_code_for_the_log() {
        let body = br#"{"code":"license_not_found","detail":"x"}"#;
        for status in [400, 401, 403, 404, 409, 410, 413, 415, 422] {
            assert_eq!(
                classify(status, Some("application/problem+json"), true, None, body),
                refused(status, Some("license_not_found"))
            );
            assert_eq!(classify(status, Some("text/plain"), true, None, body), refused(status, None));
            assert_eq!(classify(status, JSON, true, None, br#"{"code":"Drop Table"}"#), refused(status, None));
        }
        assert_eq!(classify(407, JSON, true, None, body), Outcome::ProxyAuthentication);
    }

    #[test]
    fn an_overlong_body_is_no_answer() {
        let body = vec![b' '; MAX_BODY_BYTES + 1];
        let overlong = Outcome::Network { fault: NetworkFault::OverlongBody };
        assert_eq!(classify(200, JSON, true, None, &body), overlong);
        assert_eq!(classify(200, JSON, true, None, &body[1..]), not_ours(NotOurs::Empty));
    }

    #[test]
    fn only_a_release_may_be_answered_with_nothing() {
        assert_eq!(classify(204, None, true, None, b""), Outcome::Done);
    }
}
