//! One connection from its first byte to its last: which protocol it speaks, and every wait in it bounded.

use super::{
    io::Stream,
    listener::{ListenerLimits, Routes},
};
use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    net::TcpStream,
    select,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// What begins a connection in HTTP/2 with prior knowledge.
const HTTP_2_PREFACE: &[u8] = b"PRI ";
/// The answer to a request head that never came to an end, written by hand because no request exists yet.
const HEAD_TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\n\
    cache-control: no-store\r\nconnection: close\r\ncontent-length: 144\r\n\r\n\
    {\"type\":\"/docs/errors#request_timeout\",\"title\":\"The request took too long\",\"status\":408,\
    \"code\":\"request_timeout\",\"retryable\":true}              ";

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Counts the requests of a connection that are being answered, so that an idle one can be told from a busy one.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicUsize>);

struct Working(Busy);

impl Busy {
    fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(routes: &Routes, peer: SocketAddr, busy: &Busy, request: Request<Incoming>) -> Answer {
    let working = busy.begin();
    let current = routes.current().clone();
    Box::pin(async move {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = current.oneshot(request).await;
        drop(working);
        response
    })
}

/// Serves one connection until it ends, is idle for too long, or `stop` asks it to finish.
pub(super) async fn serve(
    tcp: TcpStream,
    peer: SocketAddr,
    routes: Routes,
    limits: ListenerLimits,
    stop: CancellationToken,
) {
    let _ = tcp.set_nodelay(true);
    let Some(version_2) = speaks_http_2(&tcp, limits, &stop).await else { return };
    let stream = Stream::new(tcp, limits.write);
    if version_2 {
        serve_http_2(stream, peer, routes, limits, stop).await;
    } else {
        serve_http_1(stream, peer, routes, limits, stop).await;
    }
}

/// Looks at the first bytes without taking them. `None` where none came in time, or where the node stops.
async fn speaks_http_2(tcp: &TcpStream, limits: ListenerLimits, stop: &CancellationToken) -> Option<bool> {
    let deadline = Instant::now() + limits.head;
    let mut first = [0; HTTP_2_PREFACE.len()];
    loop {
        let seen = select! {
            seen = timeout_at(deadline, tcp.peek(&mut first)) => seen.ok()?.ok()?,
            () = stop.cancelled() => return None,
        };
        if seen == 0 {
            return None;
        }
        if first[..seen] != HTTP_2_PREFACE[..seen] {
            return Some(false);
        }
        if seen == HTTP_2_PREFACE.len() {
            return Some(true);
        }
        // The few bytes seen stay readable, so readiness cannot be waited for: look again shortly.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if Instant::now() >= deadline {
            return None;
        }
    }
}

async fn serve_http_1(
    stream: Stream,
    peer: SocketAddr,
    routes: Routes,
    limits: ListenerLimits,
    stop: CancellationToken,
) {
    let busy = Busy::default();
    let service = service_fn(move |request| answer(&routes, peer, &busy, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let result = loop {
        select! {
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break result,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let mut stream = connection.into_parts().io.into_inner();
    match result {
        Err(error) if error.is_timeout() && stream.unanswered() => {
            metrics::counter!("holdfast_http_head_timeouts_total").increment(1);
            stream.answer_raw(HEAD_TOO_SLOW).await;
            stream.close().await;
        }
        Err(error) if error.is_timeout() => stream.close().await,
        // The peer is gone or broken: there is nobody to say goodbye to.
        Err(error) if !error.is_parse() => {}
        _ => stream.close().await,
    }
}

async fn serve_http_2(
    stream: Stream,
    peer: SocketAddr,
    routes: Routes,
    limits: ListenerLimits,
    stop: CancellationToken,
) {
    let busy = Busy::default();
    let service = {
        let busy = busy.clone();
        service_fn(move |request| answer(&routes, peer, &busy, request))
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.head * 2))
        .keep_alive_timeout(limits.head)
        .max_concurrent_streams(128)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(32 * 1024))
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut stopping = false;
    let mut idle_until = Instant::now() + limits.idle;
    loop {
        select! {
            _ = connection.as_mut() => return,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(idle_until) => {
                if stopping {
                    return;
                }
                if busy.is_idle() {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                idle_until = Instant::now() + limits.idle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HEAD_TOO_SLOW;

    #[test]
    fn the_answer_written_by_hand_is_as_long_as_it_says() {
        let text = std::str::from_utf8(HEAD_TOO_SLOW).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], "request_timeout");
    }
}
