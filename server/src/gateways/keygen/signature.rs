//! How answers are signed that Keygen's clients verify: over the request they belong to, their date and the hash of their
//! body.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::Response,
};
use base64::prelude::*;
use holdfast_domain::{GatewayKind, Timestamp};
use holdfast_service::{Error, runtime::gateway::Gateway};
use sha2::{Digest as _, Sha256};

const SIGNATURE: HeaderName = HeaderName::from_static("keygen-signature");
const DATE: HeaderName = HeaderName::from_static("keygen-date");
const DIGEST: HeaderName = HeaderName::from_static("keygen-digest");

/// A request as its client sent it.
pub struct Asked {
    method: Method,
    host: String,
    target: String,
}

impl Asked {
    /// Where the gateway has an address of its own, a proxy leads from there to here, and that address is what the client
    /// asked.
    pub fn new(method: &Method, uri: &Uri, headers: &HeaderMap, gateway: &Gateway) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default().to_owned();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let prefix = GatewayKind::Keygen.path(gateway.product());
        let (host, target) = match &gateway.settings().address {
            Some(address) => moved(address, target.strip_prefix(&prefix).unwrap_or(target)),
            None => (host, target.to_owned()),
        };
        Self { method: method.clone(), host, target }
    }

    /// What is signed of an answer of that date with a body of that hash.
    fn words(&self, date: &str, digest: &str) -> String {
        let Self { method, host, target } = self;
        let method = method.as_str().to_lowercase();
        format!("(request-target): {method} {target}\nhost: {host}\ndate: {date}\ndigest: {digest}")
    }
}

/// The host of an address, and what was asked below it.
fn moved(address: &str, target: &str) -> (String, String) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    (host.to_owned(), format!("{path}{target}"))
}

/// Signs an answer whose body is `body`.
///
/// # Errors
/// As [`Gateway::sign`].
pub fn sign(
    response: &mut Response,
    body: &[u8],
    asked: &Asked,
    gateway: &Gateway,
    now: Timestamp,
) -> Result<(), Error> {
    let (kid, _) = gateway.public_key()?;
    let date = http_date(now);
    let digest = format!("sha-256={}", BASE64_STANDARD.encode(Sha256::digest(body)));
    let signature = BASE64_STANDARD.encode(gateway.sign(asked.words(&date, &digest).as_bytes())?);
    let signature = format!(
        r#"keyid="{kid}", algorithm="ed25519", signature="{signature}", headers="(request-target) host date digest""#
    );
    let headers = response.headers_mut();
    for (name, value) in [
        (header::DATE, &date),
        (DATE, &date),
        (HeaderName::from_static("digest"), &digest),
        (DIGEST, &digest),
        (SIGNATURE, &signature),
    ] {
        headers.insert(name, HeaderValue::from_str(value).map_err(Error::internal)?);
    }
    *response.body_mut() = Body::from(body.to_owned());
    Ok(())
}

/// `at` as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.seconds().0).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_the_client_asked() {
        let asked = Asked { method: Method::POST, host: "a.example:8080".to_owned(), target: "/v1/x?y=1".to_owned() };
        assert_eq!(
            asked.words("Sun, 06 Nov 1994 08:49:37 GMT", "sha-256=x"),
            "(request-target): post /v1/x?y=1\nhost: a.example:8080\ndate: Sun, 06 Nov 1994 08:49:37 GMT\ndigest: sha-256=x"
        );
        assert_eq!(http_date(Timestamp::from_micros(784_111_777_000_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn an_address_of_its_own_stands_for_what_a_proxy_was_asked() {
        let moved = |address: &str| moved(address, "/v1/me?x");
        assert_eq!(moved("https://api.keygen.sh"), ("api.keygen.sh".to_owned(), "/v1/me?x".to_owned()));
        assert_eq!(moved("https://a.example:81/k"), ("a.example:81".to_owned(), "/k/v1/me?x".to_owned()));
    }
}
