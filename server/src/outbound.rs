//! Calls to addresses that a vendor has named, webhooks and payment providers: only to machines that anybody can reach, unless the operator allows others. What
//! a name leads to is looked at after it was resolved, and exactly that is connected to, so a name that changes its mind in
//! between leads nowhere else. Redirects are not followed, and of the answer no more than the beginning is read.

use futures::future::BoxFuture;
use holdfast_domain::{Clock as _, Seconds, Timestamp};
use holdfast_service::{
    address::is_public,
    runtime::webhooks::Answer,
    shops::{Ask, Reply},
    system::SystemClock,
};
use std::{
    io::{self, Read as _},
    time::Duration,
};
use tokio::time::timeout;
use ureq::{
    Agent, Error,
    config::Config,
    http::{HeaderMap, Uri, header},
    tls::{RootCerts, TlsConfig},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

/// How long a call may take altogether. Shorter than half of the time for which a node has the duty to deliver.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long the connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How many bytes of an answer are kept.
const KEPT: u64 = 1_024;
/// How many bytes of what was asked for are read; more is no answer.
const READ: u64 = 4 * 1_024 * 1_024;
/// How long the head of an answer may be.
const HEAD: usize = 16 * 1_024;

/// Calls out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound(Agent);

/// Resolves names, and leaves out what may not be called.
#[derive(Debug)]
struct Guarded {
    allow_private: bool,
    names: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.allow_private || is_public(address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() {
            return Err(Error::Io(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "a private address, which is not called",
            )));
        }
        Ok(allowed)
    }
}

impl Outbound {
    /// To public addresses over TLS alone, or with `allow_private` to all, and over plain HTTP as well.
    pub fn new(allow_private: bool) -> Self {
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(RootCerts::WebPki).build())
            .https_only(!allow_private)
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .max_idle_connections(0)
            .max_response_header_size(HEAD)
            .user_agent(concat!("Holdfast/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(PATIENCE))
            .build();
        let resolver = Guarded { allow_private, names: DefaultResolver::default() };
        Self(Agent::with_parts(config, DefaultConnector::default(), resolver))
    }

    /// Posts JSON. Blocks for at most [`PATIENCE`].
    ///
    /// # Errors
    /// What was in the way of an answer, in a few words.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
        now: Timestamp,
    ) -> Result<Answer, String> {
        let mut request = self.0.post(url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send(body).map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        let mut beginning = Vec::new();
        // A receiver that has answered has answered, whatever becomes of the rest.
        let _ = response.into_body().into_reader().take(KEPT).read_to_end(&mut beginning);
        Ok(Answer { status, retry_after, text: printable(&beginning) })
    }

    /// Gets what is at `url`. Blocks for at most [`PATIENCE`].
    ///
    /// # Errors
    /// What was in the way of a whole answer, in a few words.
    pub fn get(&self, url: &str, headers: &[(&'static str, String)], now: Timestamp) -> Result<Reply, String> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.call().map_err(|error| in_words(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        let mut body = Vec::new();
        let reader = &mut response.into_body().into_reader().take(READ + 1);
        reader.read_to_end(&mut body).map_err(|_| "the answer broke off".to_owned())?;
        if body.len() as u64 > READ {
            return Err("the answer is too long".to_owned());
        }
        Ok(Reply { status, retry_after, body })
    }
}

impl Ask for Outbound {
    fn get(&self, url: String, headers: Vec<(&'static str, String)>) -> BoxFuture<'_, Result<Reply, String>> {
        let outbound = self.clone();
        Box::pin(async move {
            let call = move || Self::get(&outbound, &url, &headers, SystemClock.now());
            // The call ends by itself in time; should it not, it is not waited for.
            match timeout(PATIENCE + Duration::from_secs(2), tokio::task::spawn_blocking(call)).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err("the call was broken off".to_owned()),
                Err(_) => Err("no answer in time".to_owned()),
            }
        })
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        Error::Io(error) => error.to_string(),
        Error::HostNotFound => "its name has no address".to_owned(),
        Error::Timeout(_) => "no answer in time".to_owned(),
        error => error.to_string(),
    }
}

/// How long the receiver asks to be left alone: in seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Seconds> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Seconds(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_seconds(date.timestamp().as_second()).since(now))
}

/// The bytes as text, without what a screen or a database cannot show.
fn printable(bytes: &[u8]) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write as _,
        net::{Shutdown, TcpListener},
        sync::mpsc,
        thread,
        time::Instant,
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    /// A receiver that answers each connection with `answer`, and says what it was sent.
    fn receiver(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> (String, mpsc::Receiver<String>) {
        receiver_of("\r\n\r\n{}", answer)
    }

    /// The same where what is sent ends with `end`.
    fn receiver_of(
        end: &'static str,
        answer: impl Fn(&mut std::net::TcpStream) + Send + 'static,
    ) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, hear) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // Head and body may come apart; every test sends the same body.
                let (mut text, mut bytes) = (String::new(), [0; 4_096]);
                while !text.ends_with(end) {
                    match stream.read(&mut bytes) {
                        Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&bytes[..n])),
                        _ => break,
                    }
                }
                let _ = heard.send(text);
                answer(&mut stream);
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        (format!("http://{address}/hook"), hear)
    }

    fn fixed(text: &'static str) -> (String, mpsc::Receiver<String>) {
        receiver(move |stream| stream.write_all(text.as_bytes()).unwrap())
    }

    fn post(url: &str) -> Result<Answer, String> {
        Outbound::new(true).post(url, &[("webhook-id", "msg_1".to_owned())], "{}", NOW)
    }

    #[test]
    fn an_answer_is_its_status_and_its_beginning() {
        let (url, heard) = fixed("HTTP/1.1 429 Slow down\r\nRetry-After: 120\r\nContent-Length: 7\r\n\r\nlater\0!");
        let answer = post(&url).unwrap();
        assert_eq!((answer.status, answer.retry_after), (429, Some(Seconds(120))));
        assert_eq!(answer.text, "later\u{fffd}!");
        let heard = heard.recv().unwrap();
        assert!(heard.starts_with("POST /hook HTTP/1.1\r\n") && heard.ends_with("\r\n\r\n{}"), "{heard}");
        for line in ["webhook-id: msg_1", "content-type: application/json", "content-length: 2"] {
            assert!(heard.to_ascii_lowercase().contains(line), "{heard}");
        }
    }

    #[test]
    fn a_date_to_come_back_at_is_understood_too() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "Thu, 01 Jan 2026 00:02:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers, NOW), Some(Seconds(120)));
        headers.insert(header::RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&headers, NOW), None);
    }

    #[test]
    fn private_addresses_are_not_called_whatever_they_are_written_like() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let strict = Outbound::new(false);
        for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let refused = strict.post(&format!("https://{host}:{port}/"), &[], "{}", NOW).unwrap_err();
            assert!(refused.contains("private address") || refused.contains("lookup"), "{host}: {refused}");
        }
        assert!(listener.accept().is_err(), "somebody was called");
        assert!(strict.post(&format!("http://127.0.0.1:{port}/"), &[], "{}", NOW).is_err());
    }

    #[test]
    fn nothing_listens_or_the_name_is_nobodys() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(post(&format!("http://127.0.0.1:{port}/")).unwrap_err(), "connection refused");
        let error = post("http://nobody.invalid/").unwrap_err();
        assert!(error.contains("lookup") || error.contains("name"), "{error}");
    }

    #[test]
    fn a_redirect_is_an_answer_and_not_followed() {
        let (elsewhere, called) = fixed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let (url, _heard) = receiver(move |stream| {
            write!(stream, "HTTP/1.1 307 Over there\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        assert_eq!(post(&url).unwrap().status, 307);
        assert!(called.try_recv().is_err());
    }

    #[test]
    fn an_endless_body_or_head_is_cut_off() {
        let (url, _heard) = receiver(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&vec![b'x'; 65_536]).is_ok() {}
        });
        let begun = Instant::now();
        assert_eq!(post(&url).unwrap().text.len(), 1_024);
        let (url, _heard) = receiver(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream.write_all(b"x-more: and more and more and more and more\r\n").is_ok() {}
        });
        assert!(post(&url).is_err());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_slow_receiver_is_waited_for_only_so_long() {
        let (url, _heard) = receiver(|stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(200));
            }
        });
        let begun = Instant::now();
        assert_eq!(post(&url).unwrap().status, 200, "it has answered");
        let (silent, _heard) = receiver(|_| thread::sleep(Duration::from_mins(1)));
        assert_eq!(post(&silent).unwrap_err(), "no answer in time");
        assert!(begun.elapsed() < PATIENCE * 2 + Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_is_asked_for_is_read_wholly_or_not_at_all() {
        let get = |url: &str| Outbound::new(true).get(url, &[("authorization", "Bearer key".to_owned())], NOW);
        let answering =
            |text: &'static str| receiver_of("\r\n\r\n", move |stream| stream.write_all(text.as_bytes()).unwrap());
        let (url, heard) = answering("HTTP/1.1 503 Later\r\nRetry-After: 60\r\nContent-Length: 2\r\n\r\n{}");
        let reply = get(&url).unwrap();
        assert_eq!(
            (reply.status, reply.retry_after, reply.body.as_slice()),
            (503, Some(Seconds(60)), b"{}".as_slice())
        );
        let heard = heard.recv().unwrap();
        assert!(heard.starts_with("GET /hook HTTP/1.1\r\n") && heard.contains("authorization: Bearer key"), "{heard}");
        let (cut, _heard) = answering("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}");
        assert_eq!(get(&cut).unwrap_err(), "the answer broke off");
        let (endless, _heard) = receiver_of("\r\n\r\n", |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&vec![b'x'; 65_536]).is_ok() {}
        });
        assert_eq!(get(&endless).unwrap_err(), "the answer is too long");
        let strict = Outbound::new(false).get(&url.replace("http:", "https:"), &[], NOW).unwrap_err();
        assert!(strict.contains("private address"), "{strict}");
    }

    #[test]
    fn what_is_no_http_is_no_answer() {
        let (url, _heard) = fixed("I am a teapot, short and stout\r\n\r\n");
        assert!(post(&url).is_err());
        let (url, _heard) = receiver(|_| {});
        assert!(post(&url).is_err());
    }
}
