//! Devices without a network: a request goes out in a file or a QR code, an answer comes in the same way.
//!
//! A request is one line, `HF1.` and base64url, short enough for a QR code. Inside is exactly what the application would
//! have sent itself, so that any machine with a network can send it: see [`RelayRequest`] and the example `relay`.

use crate::call::{is_plain_id, nonce};
use crate::core::{Core, lock};
use crate::error::CallError;
use base64::prelude::*;
use holdfast_lease::classify::classify;
use holdfast_lease::client::{Documents, Effect, Event, Outcome, Request, Standing};
use holdfast_lease::{Purpose, peek_header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What every request begins with.
const PREFIX: &str = "HF1.";

/// A request as another machine relays it: send `body` as JSON to [`RelayRequest::path`] at the vendor's server, and
/// bring the answer's body back, whatever its status.
///
/// ```
/// use holdfast_sdk::RelayRequest;
///
/// let text = "HF1.eyJwcm9kdWN0IjoicHJkX2EiLCJjYWxsIjoicmVuZXciLCJib2R5Ijp7fX0";
/// let request = RelayRequest::parse(text).unwrap();
/// assert_eq!(request.path(), "/v1/products/prd_a/renew");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRequest {
    /// The product id.
    pub product: String,
    /// `activate`, `renew` or `release`.
    pub call: String,
    /// The body of the call.
    pub body: Value,
}

impl RelayRequest {
    /// Reads a request that [`crate::Licensing::offline_request`] wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let encoded: String = text.trim().strip_prefix(PREFIX)?.split_whitespace().collect();
        let request: Self = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        let known = matches!(request.call.as_str(), "activate" | "renew" | "release");
        (known && is_plain_id(&request.product) && request.body.is_object()).then_some(request)
    }

    /// Whether the request is for an activation and lacks the license key.
    pub fn needs_key(&self) -> bool {
        self.call == "activate" && self.body.get("key").is_none()
    }

    /// The same request with this license key in it. A renewal needs none and stays as it is.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        if self.call == "activate" {
            self.body["key"] = key.trim().into();
        }
        self
    }

    /// The path below the server's address, to be asked with POST.
    pub fn path(&self) -> String {
        format!("/v1/products/{}/{}", self.product, self.call)
    }

    fn encode(&self) -> Option<String> {
        Some(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).ok()?)))
    }
}

impl Core {
    /// Writes a request down: an activation where there is a key or nothing to renew, else a renewal.
    pub(crate) fn offline_request(&self, key: Option<&str>) -> Result<String, CallError> {
        self.launch();
        let unsent = CallError::NoAnswer;
        let nonce = nonce().map_err(|error| unsent(error.to_string()))?;
        let stored = self.with_record(|record, _| record.state.lease.is_some()) == Some(true);
        let (call, body) = if key.is_none() && stored {
            ("renew", self.renewal(&nonce).map_err(unsent)?)
        } else {
            ("activate", self.activation(key, None, &nonce).map_err(unsent)?)
        };
        let request = RelayRequest { product: self.product.clone(), call: call.to_owned(), body };
        let text = request.encode().ok_or_else(|| unsent("the request cannot be written".to_owned()))?;
        // The answer may come back after a restart.
        self.with_record(|record, _| record.offline_nonce = Some(nonce));
        self.save();
        Ok(text)
    }

    /// Gives the seat up here, and writes down what proves it: the lease that this device no longer has.
    pub(crate) fn offline_release(&self) -> Result<String, CallError> {
        let _turn = lock(&self.calling);
        self.launch();
        let unsent = CallError::NoAnswer;
        let nonce = nonce().map_err(|error| unsent(error.to_string()))?;
        let lease = self.with_record(|record, _| record.state.lease.clone()).flatten();
        let lease = lease.ok_or_else(|| unsent("there is no lease to give up".to_owned()))?;
        let body = serde_json::json!({ "lease": lease, "nonce": nonce });
        let request = RelayRequest { product: self.product.clone(), call: "release".to_owned(), body };
        let text = request.encode().ok_or_else(|| unsent("the request cannot be written".to_owned()))?;
        self.apply(&Event::Answer { request: Request::Release, nonce, outcome: Outcome::Done });
        self.save();
        self.wake();
        Ok(text)
    }

    /// Takes an answer in that was brought here in a file.
    pub(crate) fn apply_offline(&self, document: &str) -> Result<Standing, CallError> {
        let _turn = lock(&self.calling);
        self.launch();
        let documents = read_answer(document).ok_or(CallError::NotAnAnswer)?;
        let nonce = self.with_record(|record, _| record.offline_nonce.clone()).flatten().unwrap_or_default();
        let outcome = Outcome::Documents(documents);
        let applied = self.apply(&Event::Answer { request: Request::Offline, nonce, outcome });
        self.save_if_wanted();
        self.wake();
        let settled = applied
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::LeaseStored | Effect::Unchanged | Effect::ManifestStored));
        let denied = applied.effects.iter().any(|effect| matches!(effect, Effect::DenialStored { .. }));
        match (settled, denied) {
            (_, true) => Err(CallError::Denied(Box::new(applied.standing))),
            (true, false) => Ok(applied.standing),
            (false, false) => Err(CallError::Unverifiable),
        }
    }
}

/// An answer's body as the server wrote it, the same in base64url, or a bare document.
fn read_answer(text: &str) -> Option<Documents> {
    let text = text.trim();
    let json = |bytes: &[u8]| match classify(200, Some("application/json"), true, None, bytes) {
        Outcome::Documents(documents) => Some(documents),
        _ => None,
    };
    if text.starts_with('{') {
        return json(text.as_bytes());
    }
    let compact: String = text.split_whitespace().collect();
    if let Ok(header) = peek_header(compact.as_bytes()) {
        let mut documents = Documents::default();
        match Purpose::from_typ(&header.typ)? {
            Purpose::Lease => documents.lease = Some(compact),
            Purpose::Denial => documents.denial = Some(compact),
            Purpose::Keys => documents.keys = Some(compact),
            Purpose::Revocations => return None,
        }
        return Some(documents);
    }
    json(&BASE64_URL_SAFE_NO_PAD.decode(compact).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{RelayRequest, read_answer};
    use base64::prelude::*;
    use serde_json::json;

    #[test]
    fn a_request_survives_the_line_breaks_of_a_letter() {
        let request = RelayRequest { product: "prd_1".into(), call: "activate".into(), body: json!({"key": "K"}) };
        let text = request.encode().unwrap();
        let (start, end) = text.split_at(12);
        assert_eq!(RelayRequest::parse(&format!("  {start}\r\n {end}\n")), Some(request));
    }

    #[test]
    fn other_texts_are_no_requests() {
        let evil = RelayRequest { product: "../x".into(), call: "renew".into(), body: json!({}) };
        let evil = evil.with_key("K");
        assert_eq!(evil.body, json!({}), "a renewal has no key");
        let other = RelayRequest { product: "prd_1".into(), call: "validate".into(), body: json!({}) };
        for text in ["", "HF1.", "HF1.!!", "HF2.e30", &evil.encode().unwrap(), &other.encode().unwrap()] {
            assert_eq!(RelayRequest::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_may_be_json_or_base64url() {
        let body = r#"{"lease":"a.b.c","seat":{"id":"sea_1"}}"#;
        let documents = read_answer(body).unwrap();
        assert_eq!(documents.lease.as_deref(), Some("a.b.c"));
        assert_eq!(read_answer(&BASE64_URL_SAFE_NO_PAD.encode(body)), Some(documents));
        assert_eq!(read_answer(r#"{"valid":false}"#), None);
        assert_eq!(read_answer("<html>"), None);
    }
}
