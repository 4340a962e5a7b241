//! A load generator: keep-alive connections that send one request after the other, as fast as they are answered or at a
//! set rate, for a set time.

use crate::meter::{cpu_of_family, percentile};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};

/// What a connection asks, one after the other; told what was answered, so that a renewal can present the newest lease.
pub trait Asker: Send + 'static {
    /// The next request: path and JSON body (`None` for GET).
    fn next(&mut self) -> (String, Option<String>);
    /// The answer to it.
    fn answered(&mut self, body: &[u8]);
}

/// How much load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// For how long.
    pub span: Duration,
    /// Requests per second over all connections; `None` for as many as are answered.
    pub rate: Option<f64>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Requests answered with success.
    pub done: u64,
    /// Requests answered otherwise, and the first such answer.
    pub failed: u64,
    /// The first failure's body.
    pub first_failure: Option<String>,
    /// Successes per second.
    pub rate: f64,
    /// Processor time of the processes under measurement per request, in microseconds.
    pub cpu_micros: f64,
    /// Latencies in milliseconds.
    pub latencies: Vec<f64>,
}

impl Outcome {
    /// The `p`-th percentile of the latencies in milliseconds.
    pub fn latency(&mut self, p: f64) -> f64 {
        percentile(&mut self.latencies, p)
    }
}

/// A connection's own share.
struct Share {
    done: u64,
    failed: u64,
    first_failure: Option<String>,
    latencies: Vec<f64>,
}

/// Sends `load` to the server at `address`, whose work is done by `processes` and those they start, with one connection
/// per asker.
pub async fn run<A: Asker>(
    address: SocketAddr,
    processes: &[u32],
    token: Option<&str>,
    askers: Vec<A>,
    load: Load,
) -> Result<Outcome, Box<dyn Error>> {
    let connections = askers.len().max(1);
    let mut tasks = JoinSet::new();
    let cpu = || processes.iter().map(|pid| cpu_of_family(*pid)).sum::<Result<Duration, _>>();
    let cpu_before = cpu()?;
    let started = Instant::now();
    for (at, asker) in askers.into_iter().enumerate() {
        // Connections take turns, so that a set rate is spread evenly.
        #[allow(clippy::cast_precision_loss, reason = "a handful of connections")]
        let pace = load.rate.map(|rate| {
            let gap = Duration::from_secs_f64(connections as f64 / rate);
            (gap, gap.mul_f64(at as f64 / connections as f64))
        });
        let token = token.map(str::to_owned);
        tasks
            .spawn(async move { one(address, token, asker, load.span, pace).await.map_err(|error| error.to_string()) });
    }
    let mut outcome = Outcome::default();
    while let Some(share) = tasks.join_next().await {
        let share = share??;
        outcome.done += share.done;
        outcome.failed += share.failed;
        outcome.first_failure = outcome.first_failure.or(share.first_failure);
        outcome.latencies.extend(share.latencies);
    }
    let (span, cpu) = (started.elapsed(), cpu()?.saturating_sub(cpu_before));
    #[allow(clippy::cast_precision_loss, reason = "counts of requests")]
    let done = outcome.done.max(1) as f64;
    outcome.rate = done / span.as_secs_f64();
    outcome.cpu_micros = cpu.as_secs_f64() * 1e6 / done;
    Ok(outcome)
}

async fn one<A: Asker>(
    address: SocketAddr,
    token: Option<String>,
    mut asker: A,
    span: Duration,
    pace: Option<(Duration, Duration)>,
) -> Result<Share, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut share = Share { done: 0, failed: 0, first_failure: None, latencies: Vec::new() };
    let started = Instant::now();
    let mut due = pace.map(|(_, offset)| started + offset);
    while started.elapsed() < span {
        // With a set rate, latency counts from when the request was due: a server that falls behind must not look fast.
        let from = match (&mut due, pace) {
            (Some(at), Some((gap, _))) => {
                let from = *at;
                tokio::time::sleep_until(from.into()).await;
                *at += gap;
                from
            }
            _ => Instant::now(),
        };
        let (path, body) = asker.next();
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if let Some(token) = &token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::new(Bytes::from(body.unwrap_or_default())))?).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        share.latencies.push(from.elapsed().as_secs_f64() * 1e3);
        if status.is_success() {
            share.done += 1;
            asker.answered(&answer);
        } else {
            share.failed += 1;
            share.first_failure.get_or_insert_with(|| format!("{status}: {}", String::from_utf8_lossy(&answer)));
        }
    }
    drop(sender);
    driver.abort();
    Ok(share)
}
