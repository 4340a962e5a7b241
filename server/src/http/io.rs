//! A TCP stream that knows whether a request has been begun, and that does not wait for ever for a reader.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, timeout},
};

/// How long the other side may take to close after we did, so that it still reads our last answer.
const LINGER: Duration = Duration::from_millis(500);
/// How many bytes are thrown away meanwhile.
const LINGER_BYTES: usize = 512 * 1024;

/// The stream of one connection.
pub(super) struct Stream {
    tcp: TcpStream,
    /// Whether bytes came in since the last ones went out: a request that was begun and not answered.
    unanswered: bool,
    write_limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    /// Wraps `tcp`; a write that makes no progress for `write_limit` fails.
    pub(super) const fn new(tcp: TcpStream, write_limit: Duration) -> Self {
        Self { tcp, unanswered: false, write_limit, stalled: None }
    }

    /// Whether a request was begun and not answered.
    pub(super) const fn unanswered(&self) -> bool {
        self.unanswered
    }

    /// Says goodbye: closes our direction, then reads what is still on its way, so that the kernel does not answer it
    /// with a reset that would destroy our last answer before it is read.
    pub(super) async fn close(mut self) {
        if self.tcp.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            let mut scratch = [0; 8192];
            let mut left = LINGER_BYTES;
            while let Ok(read) = self.tcp.read(&mut scratch).await {
                left = left.saturating_sub(read);
                if read == 0 || left == 0 {
                    break;
                }
            }
        };
        let _ = timeout(LINGER, drain).await;
    }

    /// Answers a request whose head never came to an end.
    pub(super) async fn answer_raw(&mut self, bytes: &[u8]) {
        let _ = timeout(LINGER, self.tcp.write_all(bytes)).await;
    }

    fn progress(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stalled = None;
            self.unanswered = false;
            return result;
        }
        let limit = self.write_limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.unanswered = true;
        }
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.progress(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.progress(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
