//! The few requests that this server sends to addresses that people have typed: identity providers.
//!
//! Whoever may type an address must not reach with it what only this machine reaches (metadata services, databases,
//! neighbours): only https, only public addresses, looked at after the name was resolved and on every connection, no
//! redirects, no proxy, a short time and a small answer.

use crate::{
    address::is_public,
    error::{Error, ErrorCode, Result},
};
use std::time::Duration;
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
