//! One connection from its first byte to its last: which protocol it speaks, and every wait in it bounded.

use super::{
    io::Stream,
    listener::{ListenerLimits, Routes},
};
use crate::api::problem;
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
};
use holdfast_service::ErrorCode;
use http::{Request, Response};
use hyper::{
    body::{Frame, Incoming, SizeHint},
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
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
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
type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// How long a connection that was accepted just before the node stops may take to send its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

fn answer(routes: &Routes, peer: SocketAddr, request: Request<Incoming>) -> Answer {
    let current = routes.current().clone();
    Box::pin(async move {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        current.oneshot(request).await
    })
}

/// A body that counts as work until it has been sent or given up, however seldom something of it comes, like a screen's
/// live stream.
struct Sending {
    body: Body,
    _work: Arc<()>,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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

/// Looks at the first bytes without taking them. `None` where none came in time. Where the node stops, a request that is on
/// its way is still waited for a moment: whoever was accepted is answered.
async fn speaks_http_2(tcp: &TcpStream, limits: ListenerLimits, stop: &CancellationToken) -> Option<bool> {
    let mut deadline = Instant::now() + limits.head;
    let mut first = [0; HTTP_2_PREFACE.len()];
    let mut stopping = false;
    loop {
        let seen = select! {
            seen = timeout_at(deadline, tcp.peek(&mut first)) => seen.ok()?.ok()?,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                deadline = deadline.min(Instant::now() + FIRST_REQUEST);
                continue;
            }
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
    let asked = Arc::new(AtomicBool::new(false));
    let service = {
        let asked = Arc::clone(&asked);
        service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            answer(&routes, peer, request)
        })
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    // Asked to finish, a connection that has not asked anything yet would be closed at once, on top of the request that is
    // just arriving.
    let finish = async {
        stop.cancelled().await;
        let patience = Instant::now() + FIRST_REQUEST;
        while !asked.load(Ordering::Relaxed) && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::pin!(finish);
    let mut stopping = false;
    let result = loop {
        select! {
            biased;
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break result,
            () = finish.as_mut(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let mut stream = connection.into_parts().io.into_inner();
    let unread = match (&result, stream.refused()) {
        (Err(error), _) if error.is_timeout() && stream.unanswered() => {
            metrics::counter!("holdfast_http_head_timeouts_total").increment(1);
            Some((ErrorCode::RequestTimeout, "The head of the request did not arrive in time."))
        }
        (_, Some(431)) => Some((ErrorCode::HeadTooLarge, "The head of the request is too large.")),
        (_, Some(414)) => Some((ErrorCode::AddressTooLong, "The address of the request is too long.")),
        (_, Some(_)) => Some((ErrorCode::InvalidRequest, "The head of the request is not valid HTTP.")),
        _ => None,
    };
    if let Some((code, detail)) = unread {
        stream.answer_raw(&problem::unread(code, detail, peer.ip())).await;
    }
    match result {
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
    // One for the connection, one for the service, and one for each answer that is being made or sent.
    let work = Arc::new(());
    let service = {
        let work = Arc::clone(&work);
        service_fn(move |request| {
            let (answer, work) = (answer(&routes, peer, request), Arc::clone(&work));
            async move { answer.await.map(|response| response.map(|body| Body::new(Sending { body, _work: work }))) }
        })
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
                if Arc::strong_count(&work) <= 2 {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                idle_until = Instant::now() + limits.idle;
            }
        }
    }
}
