//! Ready-made answers that a client must survive: captive portals, wrong JSON, hostile `Retry-After`, floods.

use std::fmt::Write;

/// An HTTP/1.1 answer a fault proxy gives instead of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers besides `Content-Length` and `Connection`, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with `status`, one content type and `body`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    /// `status` with a JSON body, as given.
    pub fn json(status: u16, body: &str) -> Self {
        Self::new(status, "application/json", body)
    }

    /// `status` with a problem document that carries `code`, but no signed denial.
    pub fn problem(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"type":"about:blank","title":"{code}","status":{status},"code":"{code}"}}"#);
        Self::new(status, "application/problem+json", body)
    }

    /// What a hotel's or an aeroplane's network answers to everything: 200 with a page.
    pub fn captive_portal() -> Self {
        Self::new(200, "text/html; charset=utf-8", "<!doctype html><title>Welcome</title><p>Please sign in.")
    }

    /// 429 whose `Retry-After` is `value`, whatever that is.
    pub fn too_many_requests(value: &str) -> Self {
        Self::problem(429, "rate_limited").header("Retry-After", value)
    }

    /// `status` (301, 302, 303, 307 or 308) to `location`.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, "text/plain", "").header("Location", location)
    }

    /// 200 with a JSON document of `bytes` bytes.
    pub fn oversized(bytes: usize) -> Self {
        let mut body = String::from("{\"lease\":\"");
        body.extend(std::iter::repeat_n('A', bytes));
        body.push_str("\"}");
        Self::json(200, &body)
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The bytes that go over the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        for (name, value) in &self.headers {
            // Writing to a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
