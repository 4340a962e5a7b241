//! Which connections are idle: those on which nothing is being answered, and no others.

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use holdfast::http::{Listener, ListenerLimits};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{convert::Infallible, time::Duration};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Idle connections live for so long here.
const IDLE: Duration = Duration::from_millis(300);

/// Something every second idle time or so, like a live screen on which nothing happens.
async fn live() -> Body {
    Body::from_stream(futures::stream::unfold((), |()| async {
        tokio::time::sleep(IDLE * 2).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b": still here\n\n")), ()))
    }))
}

#[tokio::test]
async fn a_stream_keeps_its_connection_and_silence_does_not() {
    let routes = Router::new().route("/live", get(live)).route("/", get(|| async { "hello" }));
    let limits = ListenerLimits { idle: IDLE, ..ListenerLimits::default() };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), routes, limits).await.unwrap();
    let address = listener.address().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(5)));

    let tcp = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), TokioIo::new(tcp)).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |path: &str| http::Request::get(format!("http://{address}{path}")).body(Empty::new()).unwrap();
    let hello = sender.send_request(ask("/")).await.unwrap();
    assert_eq!(hello.headers()["content-length"], "5");
    assert_eq!(hello.into_body().collect().await.unwrap().to_bytes(), "hello");

    // Six idle times of a stream that seldom says anything, and the connection takes requests all the while.
    let mut stream = sender.send_request(ask("/live")).await.unwrap().into_body();
    for _ in 0..3 {
        assert_eq!(stream.frame().await.unwrap().unwrap().into_data().unwrap(), ": still here\n\n");
    }
    assert_eq!(sender.send_request(ask("/")).await.unwrap().status(), 200);

    // Nobody reads it any more, and nothing else is asked: now it is idle.
    drop(stream);
    tokio::time::timeout(IDLE * 20, connection).await.expect("an idle connection is closed").unwrap().unwrap();
    assert!(sender.send_request(ask("/")).await.is_err());
    stop.cancel();
    assert!(serving.await.unwrap());
}
