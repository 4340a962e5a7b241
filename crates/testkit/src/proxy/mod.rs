//! A small proxy that stands between a client and a server and does to their traffic what networks do.
//!
//! One thread per connection, one exchange per connection, no configuration: a test sets a [`Fault`] for all
//! connections to come or scripts one per connection.

mod answer;
mod tls;

pub use answer::Answer;
pub use tls::{Authority, Identity};

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// No connection of a test lives longer than this, so that no thread outlives it for long.
const CONNECTION_LIFE: Duration = Duration::from_mins(1);
/// How often a waiting thread looks whether the proxy is still wanted.
const TICK: Duration = Duration::from_millis(10);

/// What happens to one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the server's own answer arrives.
    Pass,
    /// The request is taken and never answered.
    BlackHole,
    /// The connection is reset once the request has begun to arrive.
    Reset,
    /// The connection is closed in good order, without an answer.
    Close,
    /// The server's own answer, but only its first bytes; then the connection ends.
    Truncate(usize),
    /// The server's own answer after a pause.
    Delay(Duration),
    /// The server's own answer, one byte per pause.
    Trickle(Duration),
    /// Some other answer; the server is not asked.
    Answer(Answer),
    /// Any bytes, HTTP or not; the server is not asked.
    Raw(Vec<u8>),
    /// A body without end: the given bytes again and again, with a pause in between.
    Endless(Vec<u8>, Duration),
}

/// A request and what the server answered, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Request line, headers and body.
    pub request: Vec<u8>,
    /// Status line, headers and body; empty where the server was not asked.
    pub response: Vec<u8>,
}

impl Exchange {
    /// The path of the request, empty where the request line is unreadable.
    pub fn path(&self) -> String {
        let line = self.request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(line).split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// The request's body.
    pub fn request_body(&self) -> &[u8] {
        head_end(&self.request).map_or(&[], |end| &self.request[end..])
    }
}

/// The proxy; ends with this value.
pub struct Proxy {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    identity: Option<Identity>,
    standing: Mutex<Fault>,
    script: Mutex<VecDeque<Fault>>,
    exchanges: Mutex<Vec<Exchange>>,
    connections: AtomicUsize,
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
    listening: AtomicBool,
    ended: AtomicBool,
}

impl Proxy {
    /// A proxy on a free port of the loopback that speaks plain HTTP and passes everything on to `upstream`.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::launch(upstream, None)
    }

    /// The same over TLS: the proxy shows `identity`, `upstream` is still spoken to in plain HTTP.
    pub fn start_tls(upstream: SocketAddr, identity: Identity) -> io::Result<Self> {
        Self::launch(upstream, Some(identity))
    }

    fn launch(upstream: SocketAddr, identity: Option<Identity>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let scheme = if identity.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            identity,
            standing: Mutex::new(Fault::Pass),
            script: Mutex::default(),
            exchanges: Mutex::default(),
            connections: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            most_waiting: AtomicUsize::new(0),
            listening: AtomicBool::new(true),
            ended: AtomicBool::new(false),
        });
        listen(listener, shared.clone())?;
        Ok(Self { address, scheme, shared })
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address for a client, `http://127.0.0.1:PORT` or `https://localhost:PORT`.
    pub fn url(&self) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    /// What happens to every connection from now on that the script says nothing about.
    pub fn set(&self, fault: Fault) {
        *lock(&self.shared.standing) = fault;
    }

    /// What happens to the next connections, one each, before [`Proxy::set`] applies again.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared.script).extend(faults);
    }

    /// Passes on to another server from now on.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *lock(&self.shared.upstream) = upstream;
    }

    /// Refuses every connection until [`Proxy::accept_again`].
    pub fn refuse(&self) {
        self.shared.listening.store(false, Ordering::SeqCst);
        // Wakes the thread that waits for a connection, so that it gives the port up before this returns.
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(TICK);
        }
    }

    /// Accepts connections again on the same port. Fails where somebody else took the port meanwhile.
    pub fn accept_again(&self) -> io::Result<()> {
        if self.shared.listening.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        listen(TcpListener::bind(self.address)?, self.shared.clone())
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The greatest number of requests that waited for the first byte of their answer at once.
    pub fn most_waiting(&self) -> usize {
        self.shared.most_waiting.load(Ordering::SeqCst)
    }

    /// Every exchange so far, in the order in which they ended.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.exchanges).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; if nobody listens there is nothing to wake.
        let _ = TcpStream::connect(self.address);
    }
}

/// An address on the loopback where nobody listens.
pub fn refused_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// The guarded value, also after a thread died with the lock in its hand: a test's own failure is the better message.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    thread::Builder::new().name("fault-proxy".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            if shared.ended.load(Ordering::SeqCst) || !shared.listening.load(Ordering::SeqCst) {
                return;
            }
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let shared = shared.clone();
            let fault = lock(&shared.script).pop_front().unwrap_or_else(|| lock(&shared.standing).clone());
            // A connection that cannot be served is a fault too, and the client's business.
            let _ = thread::Builder::new().spawn(move || serve(stream, &fault, &shared));
        }
    })?;
    Ok(())
}

fn serve(stream: TcpStream, fault: &Fault, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(CONNECTION_LIFE))?;
    stream.set_write_timeout(Some(CONNECTION_LIFE))?;
    stream.set_nodelay(true)?;
    if *fault == Fault::Reset {
        // Closing a socket that holds unread bytes makes the system send a reset.
        stream.peek(&mut [0])?;
        return Ok(());
    }
    let raw = stream.try_clone()?;
    let outcome = match &shared.identity {
        Some(identity) => {
            let mut tls = identity.accept(stream)?;
            let outcome = exchange(&mut tls, fault, shared);
            tls.conn.send_close_notify();
            let _ = tls.flush();
            outcome
        }
        None => exchange(&mut &stream, fault, shared),
    };
    let _ = raw.shutdown(Shutdown::Both);
    outcome
}

/// One request, one answer.
fn exchange<S: Read + Write>(client: &mut S, fault: &Fault, shared: &Shared) -> io::Result<()> {
    let request = read_request(client)?;
    let waiting = Waiting::begin(shared);
    let asks = matches!(fault, Fault::Pass | Fault::Truncate(_) | Fault::Delay(_) | Fault::Trickle(_));
    let response = if asks { ask(*lock(&shared.upstream), &request)? } else { Vec::new() };
    lock(&shared.exchanges).push(Exchange { request, response: response.clone() });
    match fault {
        Fault::BlackHole => wait(CONNECTION_LIFE, shared),
        Fault::Delay(pause) => wait(*pause, shared),
        _ => {}
    }
    drop(waiting);
    match fault {
        Fault::Pass | Fault::Delay(_) => client.write_all(&response)?,
        Fault::BlackHole | Fault::Reset | Fault::Close => {}
        Fault::Truncate(bytes) => client.write_all(&response[..response.len().min(*bytes)])?,
        Fault::Trickle(pause) => {
            for byte in response {
                client.write_all(&[byte])?;
                client.flush()?;
                wait(*pause, shared);
                if shared.ended.load(Ordering::SeqCst) {
                    break;
                }
            }
        }
        Fault::Answer(answer) => client.write_all(&answer.to_bytes())?,
        Fault::Raw(bytes) => client.write_all(bytes)?,
        Fault::Endless(bytes, pause) => {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")?;
            while !shared.ended.load(Ordering::SeqCst) {
                client.write_all(bytes)?;
                client.flush()?;
                wait(*pause, shared);
            }
        }
    }
    client.flush()
}

/// A request without an answer.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let now = shared.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_waiting.fetch_max(now, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sleeps for `span`, less where the proxy ends.
fn wait(span: Duration, shared: &Shared) {
    let mut left = span;
    while !left.is_zero() && !shared.ended.load(Ordering::SeqCst) {
        let step = left.min(TICK);
        thread::sleep(step);
        left -= step;
    }
}

/// The index of the first byte after the empty line that ends the headers.
fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of header `name` in `head`, trimmed.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// Reads a request with its body, which a client of ours always announces by its length.
fn read_request<S: Read>(client: &mut S) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = head_end(&bytes) {
            break end;
        }
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(bytes)
}

/// Passes a request on and reads the whole answer; asks the server to close, so that the end is the end.
fn ask(upstream: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let end = head_end(request).unwrap_or(request.len());
    let head = String::from_utf8_lossy(&request[..end]);
    let mut forwarded: String = head
        .trim_end()
        .lines()
        .filter(|line| !line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("connection")))
        .flat_map(|line| [line, "\r\n"])
        .collect();
    forwarded.push_str("Connection: close\r\n\r\n");
    let mut server = TcpStream::connect_timeout(&upstream, Duration::from_secs(5))?;
    server.set_read_timeout(Some(CONNECTION_LIFE))?;
    server.write_all(forwarded.as_bytes())?;
    server.write_all(&request[end..])?;
    let mut response = Vec::new();
    server.read_to_end(&mut response)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Fault, Proxy, refused_address};
    use std::io::{self, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    /// A server that answers every request with the body `real`.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = super::read_request(&mut stream);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nreal");
            }
        });
        address
    }

    fn get(address: SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_millis(400)))?;
        stream.write_all(b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn each_fault_does_what_its_name_says() {
        let proxy = Proxy::start(server()).unwrap();
        assert!(get(proxy.address()).unwrap().ends_with("\r\n\r\nreal"));
        assert_eq!(proxy.exchanges()[0].path(), "/v1/x");
        assert_eq!(proxy.exchanges()[0].request_body(), b"hi");

        proxy.script([Fault::Close, Fault::Truncate(9), Fault::Answer(Answer::json(200, "{}")), Fault::Reset]);
        assert_eq!(get(proxy.address()).unwrap(), "");
        assert_eq!(get(proxy.address()).unwrap(), "HTTP/1.1 ");
        assert!(get(proxy.address()).unwrap().ends_with("\r\n\r\n{}"));
        assert_eq!(get(proxy.address()).unwrap_err().kind(), io::ErrorKind::ConnectionReset);

        proxy.set(Fault::BlackHole);
        let begun = Instant::now();
        assert!(get(proxy.address()).is_err());
        assert!(begun.elapsed() >= Duration::from_millis(390));
        proxy.set(Fault::Trickle(Duration::from_millis(50)));
        assert!(get(proxy.address()).is_ok(), "slow, but each byte comes in time");
        proxy.set(Fault::Delay(Duration::from_millis(100)));
        let begun = Instant::now();
        assert!(get(proxy.address()).unwrap().ends_with("real"));
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }

    #[test]
    fn refusing_and_accepting_again_keep_the_port() {
        let proxy = Proxy::start(server()).unwrap();
        proxy.refuse();
        assert_eq!(get(proxy.address()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        proxy.accept_again().unwrap();
        assert!(get(proxy.address()).unwrap().ends_with("real"));
        let nobody = refused_address().unwrap();
        assert_eq!(get(nobody).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
