//! The few requests that this server sends to addresses that people have typed: identity providers.
//!
//! Whoever may type an address must not reach with it what only this machine reaches (metadata services, databases,
//! neighbours): only https, only public addresses, looked at after the name was resolved and on every connection, no
//! redirects, no proxy, a short time and a small answer.

use crate::error::{Error, ErrorCode, Result};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// The largest answer, in bytes.
const LARGEST: u64 = 512 << 10;

/// Finds public addresses only.
#[derive(Debug)]
struct PublicOnly;

impl Resolver for PublicOnly {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut public = self.empty();
        for address in &DefaultResolver::default().resolve(uri, config, timeout)? {
            if is_public(address.ip()) {
                public.push(*address);
            }
        }
        if public.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(public) }
    }
}

/// Whether an address is one of the open Internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only what is handed out for the open Internet, and of that neither the addresses that carry others in them (NAT64 is
    // outside of it, 6to4 and Teredo are not) nor those of examples.
    (a & 0xe000) == 0x2000 && a != 0x2002 && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
}

/// Whether an address may be asked at all: https, or plain http to this machine where private addresses are allowed.
pub(super) fn is_allowed(address: &str, private: bool) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    plain && (uri.scheme_str() == Some("https") || (private && local && uri.scheme_str() == Some("http")))
}

/// Asks identity providers.
pub(super) struct Web {
    agent: Agent,
    private: bool,
}

/// What is sent.
pub(super) enum Ask {
    /// A GET, with a bearer token where there is one.
    Get { bearer: Option<String> },
    /// A form, with an `Authorization` where there is one.
    Form { fields: Vec<(&'static str, String)>, authorization: Option<String> },
}

fn unavailable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorCode::ProviderUnavailable).with_source(why)
}

impl Web {
    pub(super) fn new(private: bool) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .build();
        let agent = if private {
            config.new_agent()
        } else {
            Agent::with_parts(config, DefaultConnector::default(), PublicOnly)
        };
        Self { agent, private }
    }

    /// The JSON at `address`, with its status.
    ///
    /// # Errors
    /// [`ErrorCode::ProviderUnavailable`].
    pub(super) async fn json(&self, address: &str, ask: Ask) -> Result<(u16, serde_json::Value)> {
        if !is_allowed(address, self.private) {
            return Err(unavailable("the address is not one that may be asked"));
        }
        let (agent, address) = (self.agent.clone(), address.to_owned());
        let answer = tokio::task::spawn_blocking(move || exchange(&agent, &address, ask)).await;
        answer.map_err(Error::internal)?
    }
}

fn exchange(agent: &Agent, address: &str, ask: Ask) -> Result<(u16, serde_json::Value)> {
    let answer = match ask {
        Ask::Get { bearer } => {
            let mut request = agent.get(address).header("accept", "application/json");
            if let Some(bearer) = bearer {
                request = request.header("authorization", format!("Bearer {bearer}"));
            }
            request.call()
        }
        Ask::Form { fields, authorization } => {
            let mut request = agent.post(address).header("accept", "application/json");
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            request.send_form(fields)
        }
    };
    let mut answer = answer.map_err(unavailable)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(unavailable)?;
    Ok((status, serde_json::from_slice(&body).map_err(unavailable)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_asked() {
        for public in ["8.8.8.8", "203.0.114.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "fd00:ec2::254",
            "fe80::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn only_https_is_asked() {
        for (address, by_default, private) in [
            ("https://id.example.com/", true, true),
            ("http://id.example.com/", false, false),
            ("http://localhost:3000/", false, true),
            ("http://127.0.0.1.example.com/", false, false),
            ("https://user@id.example.com/", false, false),
            ("file:///etc/passwd", false, false),
            ("//id.example.com", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_allowed(address, false), is_allowed(address, true)), (by_default, private), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
            let asked = Web::new(false).json(&format!("https://{host}:{port}/"), Ask::Get { bearer: None }).await;
            assert_eq!(asked.unwrap_err().code, ErrorCode::ProviderUnavailable, "{host}");
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody came");
    }
}
