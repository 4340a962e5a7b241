//! A TCP stream that knows whether a request has been begun, that does not wait for ever for a reader, and that holds back
//! the protocol library's own bare refusals, so that ours goes out in their place.

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
    refused: Option<u16>,
}

/// The status of `bytes` where they are a refusal by the protocol library itself: it never asked the router, whose answers
/// all carry a request's id, and it says nothing in a body.
fn bare_refusal(bytes: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
    let bare = rest.is_empty() && head.contains("\r\ncontent-length: 0") && !head.contains("\r\nx-request-id: ");
    (bare && matches!(status, 400 | 414 | 431)).then_some(status)
}

impl Stream {
    /// Wraps `tcp`; a write that makes no progress for `write_limit` fails.
    pub(super) const fn new(tcp: TcpStream, write_limit: Duration) -> Self {
        Self { tcp, unanswered: false, write_limit, stalled: None, refused: None }
    }

    /// The status of a bare refusal that was held back.
    pub(super) const fn refused(&self) -> Option<u16> {
        self.refused
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
        if let Some(status) = bare_refusal(bytes) {
            self.refused = Some(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.progress(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next())
            && let Some(status) = bare_refusal(only)
        {
            self.refused = Some(status);
            return Poll::Ready(Ok(only.len()));
        }
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

#[cfg(test)]
mod tests {
    use super::bare_refusal;

    #[test]
    fn only_refusals_without_a_request_are_held_back() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_refusal(bare), Some(431));
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\nx-request-id: req_1\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"\xff\xfe",
            b"",
        ] {
            assert_eq!(bare_refusal(other), None, "{other:?}");
        }
    }
}
