//! One call to a server: bounded in time and size, never redirected, never without TLS where TLS was asked for.
//!
//! Every call runs in a thread of its own, so that not even a name resolution that hangs in the operating system holds
//! anybody; an endpoint has one call under way at most, which bounds the threads whatever happens.

use crate::core::lock;
use crate::endpoint::Endpoint;
use crate::error::BuildError;
use holdfast_lease::classify::MAX_BODY_BYTES;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Longest time to a connection (client rules, "What each outcome of a revalidation does").
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time for the whole call, name resolution and body included.
const WHOLE_CALL: Duration = Duration::from_secs(10);
/// The same with what the waiting thread allows on top, for a call that does not keep its own deadline.
pub(crate) const CALL_IS_LOST: Duration = Duration::from_millis(10_250);
/// Most calls under way at once, to all endpoints together.
const MOST_CALLS: usize = 6;
/// Longest body that is read.
const MAX_BODY: u64 = MAX_BODY_BYTES as u64;

/// How the network is reached.
#[derive(Clone, Default)]
pub(crate) struct Network {
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) proxy: Option<String>,
}

/// What is asked of a server.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// Path below the endpoint, with its leading slash.
    pub(crate) path: String,
    /// The JSON body of a POST; `None` for a GET.
    pub(crate) body: Option<String>,
    /// What it does to this device's seat.
    pub(crate) seat: SeatEffect,
}

/// What a call does to this device's seat, wherever and whenever it is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeatEffect {
    /// A seat is taken.
    Claims,
    /// The seat is given up.
    GivesUp,
    /// Neither.
    None,
}

/// An answer, and whose.
pub(crate) struct Answer {
    pub(crate) endpoint: Endpoint,
    pub(crate) reply: Reply,
    pub(crate) took: Duration,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// An HTTP answer, whoever wrote it.
    Http(HttpReply),
    /// No answer.
    Failed(Failure),
}

/// The parts of an HTTP answer that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Why there was no answer. For the log only: to the verdict all of them are the same silence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the server's name is unknown")]
    NameUnknown,
    #[error("the connection was refused")]
    Refused,
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the server was not reached: {0}")]
    Unreachable(String),
    #[error("the secure connection failed: {0}")]
    Tls(String),
    #[error("the server took too long")]
    TimedOut,
    #[error("the answer was longer than {MAX_BODY} bytes")]
    TooLong,
    #[error("the proxy wants a user name and a password")]
    ProxyWantsSignIn,
    #[error("an earlier call has not ended yet")]
    Busy,
}

/// Makes calls, one at a time to each endpoint.
pub(crate) struct Transport {
    network: Network,
    agent: OnceLock<Agent>,
    under_way: Arc<UnderWay>,
}

/// The calls whose threads have not ended, by endpoint.
#[derive(Default)]
struct UnderWay {
    calls: Mutex<BTreeMap<Endpoint, SeatEffect>>,
    ended: Condvar,
}

impl Transport {
    /// Checks the settings; opens nothing.
    pub(crate) fn new(network: Network) -> Result<Self, BuildError> {
        for pem in &network.authorities {
            let certificates = certificates(pem).map_err(|error| BuildError::Certificate(error.to_string()))?;
            if certificates.is_empty() {
                return Err(BuildError::Certificate("the file holds no certificate".to_owned()));
            }
        }
        if let Some(proxy) = &network.proxy {
            ureq::Proxy::new(proxy).map_err(|error| BuildError::Proxy(error.to_string()))?;
        }
        Ok(Self { network, agent: OnceLock::new(), under_way: Arc::default() })
    }

    /// Begins to ask `endpoint`; the answer comes through `answers`, unless nobody listens there any more. Fails at once
    /// where this endpoint has not ended an earlier call, or there is no thread to be had.
    pub(crate) fn start(&self, endpoint: &Endpoint, ask: &Ask, answers: Sender<Answer>) -> Result<(), Failure> {
        let slot = Slot::take(&self.under_way, endpoint, ask.seat).ok_or(Failure::Busy)?;
        let agent = self.agent.get_or_init(|| agent(&self.network)).clone();
        let (endpoint, ask) = (endpoint.clone(), ask.clone());
        let call = move || {
            let begun = Instant::now();
            let reply = perform(&agent, &endpoint, &ask);
            drop(slot);
            // Whoever asked may have stopped waiting.
            let _ = answers.send(Answer { endpoint, reply, took: begun.elapsed() });
        };
        match thread::Builder::new().name("holdfast-call".into()).spawn(call) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::Unreachable(error.to_string())),
        }
    }

    /// Waits until no call with this effect is under way, ten seconds at most: what undoes it must not be overtaken by an
    /// answer that nobody waits for any more.
    pub(crate) fn wait_until_over(&self, effect: SeatEffect) {
        let calls = lock(&self.under_way.calls);
        let out = |calls: &mut BTreeMap<Endpoint, SeatEffect>| calls.values().any(|it| *it == effect);
        let waited = self.under_way.ended.wait_timeout_while(calls, CALL_IS_LOST, out);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// One endpoint's one call. Lets the next one begin when it is dropped, also when the call's thread dies.
struct Slot {
    under_way: Arc<UnderWay>,
    endpoint: Endpoint,
}

impl Slot {
    fn take(under_way: &Arc<UnderWay>, endpoint: &Endpoint, effect: SeatEffect) -> Option<Self> {
        let mut calls = lock(&under_way.calls);
        if calls.contains_key(endpoint) || calls.len() >= MOST_CALLS {
            return None;
        }
        calls.insert(endpoint.clone(), effect);
        Some(Self { under_way: under_way.clone(), endpoint: endpoint.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.under_way.calls).remove(&self.endpoint);
        self.under_way.ended.notify_all();
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ureq::Error> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item? {
            found.push(certificate);
        }
    }
    Ok(found)
}

fn agent(network: &Network) -> Agent {
    let roots: Vec<_> = network.authorities.iter().filter_map(|pem| certificates(pem).ok()).flatten().collect();
    let roots = if roots.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&roots) };
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(WHOLE_CALL))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        // A connection is not worth keeping for an hour, and a stale one is one more thing that can go wrong.
        .max_idle_connections(0)
        .user_agent(concat!("holdfast-sdk/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots).build());
    if let Some(proxy) = network.proxy.as_deref().and_then(|proxy| ureq::Proxy::new(proxy).ok()) {
        config = config.proxy(Some(proxy));
    }
    config.build().new_agent()
}

fn perform(agent: &Agent, endpoint: &Endpoint, ask: &Ask) -> Reply {
    match exchange(agent, endpoint, ask) {
        Ok(reply) => Reply::Http(reply),
        Err(error) => Reply::Failed(failure(&error)),
    }
}

fn exchange(agent: &Agent, endpoint: &Endpoint, ask: &Ask) -> Result<HttpReply, ureq::Error> {
    let url = endpoint.url(&ask.path);
    let https = url.starts_with("https:");
    let mut response = if let Some(body) = &ask.body {
        let mut request = agent.post(&url).config().https_only(https);
        if endpoint.is_loopback() {
            request = request.proxy(None);
        }
        let request = request.build().header("Content-Type", "application/json");
        request.header("Accept", "application/json").send(body)?
    } else {
        let mut request = agent.get(&url).config().https_only(https);
        if endpoint.is_loopback() {
            request = request.proxy(None);
        }
        request.build().header("Accept", "*/*").call()?
    };
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, retry_after) = (header("content-type"), header("retry-after"));
    let status = response.status().as_u16();
    // The reader counts reaching its limit as exceeding it, so it gets one byte more than is accepted.
    let body = response.body_mut().with_config().limit(MAX_BODY + 1).read_to_vec()?;
    Ok(HttpReply { status, content_type, retry_after, body })
}

fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(_) => Failure::TimedOut,
        ureq::Error::HostNotFound => Failure::NameUnknown,
        ureq::Error::BodyExceedsLimit(_) => Failure::TooLong,
        ureq::Error::ConnectProxyFailed(why) if why.contains("407") => Failure::ProxyWantsSignIn,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => {
            Failure::Tls(error.to_string())
        }
        ureq::Error::Io(io) => io_failure(io),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => Failure::Broken(error.to_string()),
        other => Failure::Unreachable(other.to_string()),
    }
}

fn io_failure(error: &io::Error) -> Failure {
    match error.kind() {
        // rustls reports a bad certificate through the stream it wraps.
        io::ErrorKind::InvalidData => Failure::Tls(error.to_string()),
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::TimedOut,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Failure::Broken(error.to_string()),
        _ => Failure::Unreachable(error.to_string()),
    }
}
