//! A server's base address, checked when it is given rather than when it is needed.

use crate::error::BuildError;
use std::fmt;
use std::net::IpAddr;
use ureq::http::Uri;

/// The base address of a server, for instance `https://licenses.example.com`. No trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Endpoint {
    base: String,
    loopback: bool,
}

impl Endpoint {
    /// Reads an address. Plain `http` is accepted for the loopback only, unless `allow_plain_http`: a network that
    /// reads along would learn license keys.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, BuildError> {
        let refused = |why: &'static str| BuildError::Endpoint { address: text.to_owned(), why };
        let uri: Uri = text.trim().parse().map_err(|_| refused("it is not a URL"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refused("it has no host"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(refused("it must not contain credentials"));
        }
        if uri.query().is_some() {
            return Err(refused("it must not have a query"));
        }
        let loopback = is_loopback(host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if loopback || allow_plain_http => {}
            Some("http") => return Err(refused("only https is used beyond this machine")),
            _ => return Err(refused("it must begin with https://")),
        }
        Ok(Self { base: text.trim().trim_end_matches('/').to_owned(), loopback })
    }

    /// The address of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether this machine itself is meant, so that no proxy may be asked for it.
    pub(crate) const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn https_anywhere_http_only_at_home() {
        for good in [
            "https://licenses.example.com",
            "https://a.example.com:8443/base/",
            "http://127.0.0.1:80",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(Endpoint::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://licenses.example.com",
            "ftp://a.example.com",
            "licenses.example.com",
            "https://",
            "",
            "https://u:p@a.example.com",
            "https://a.example.com/?x=1",
            "http://127.0.0.1.example.com",
        ] {
            assert!(Endpoint::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Endpoint::parse("http://licenses.example.com", true).is_ok());
    }

    #[test]
    fn paths_join_with_one_slash() {
        let endpoint = Endpoint::parse("https://a.example.com/base/", false).unwrap();
        assert_eq!(endpoint.url("/v1/x"), "https://a.example.com/base/v1/x");
    }
}
