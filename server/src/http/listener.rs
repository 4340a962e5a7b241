//! Accepts connections up to a cap and hands each to a task of its own.

use super::connection;
use axum::Router;
use futures::FutureExt as _;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, select, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a connection may cost (HTTP API, "Limits and bad input").
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// How long the head of a request may take.
    pub head: Duration,
    /// The greatest size of a head, in bytes; at least 8 192.
    pub head_bytes: usize,
    /// How long a write may make no progress.
    pub write: Duration,
    /// How long an HTTP/2 connection may be idle.
    pub idle: Duration,
    /// How many connections are open at the same time; more wait in the kernel's queue.
    pub connections: usize,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            write: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            connections: 10_000,
        }
    }
}

/// What a socket answers: at first, and from the moment on at which the node can do more.
#[derive(Clone)]
pub struct Routes {
    first: Router,
    then: Arc<OnceLock<Router>>,
}

impl Routes {
    /// Answers with `first` until [`Routes::become_ready`].
    pub fn starting(first: Router) -> Self {
        Self { first, then: Arc::default() }
    }

    /// Answers with `router` from now on. A second call changes nothing.
    pub fn become_ready(&self, router: Router) {
        let _ = self.then.set(router);
    }

    pub(super) fn current(&self) -> &Router {
        self.then.get().unwrap_or(&self.first)
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self::starting(router)
    }
}

/// A bound socket with what it answers.
pub struct Listener {
    socket: TcpListener,
    routes: Routes,
    limits: ListenerLimits,
    stop: CancellationToken,
    tasks: TaskTracker,
    open: Arc<AtomicUsize>,
}

impl Listener {
    /// Binds `address`. Port 0 lets the system choose one; [`Listener::address`] tells which.
    pub async fn bind(address: SocketAddr, routes: impl Into<Routes>, limits: ListenerLimits) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self {
            socket,
            routes: routes.into(),
            limits,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            open: Arc::default(),
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The number of open connections, kept up to date while it serves.
    pub fn open(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.open)
    }

    /// Serves until `stop` is cancelled; from then on accepts nothing, lets the requests at work finish within `finish`,
    /// and returns whether all of them did.
    pub async fn serve(self, stop: CancellationToken, finish: Duration) -> bool {
        let Self { socket, routes, limits, stop: close, tasks, open } = self;
        let slots = Arc::new(Semaphore::new(limits.connections));
        loop {
            let slot = select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                () = stop.cancelled() => break,
            };
            let Ok(slot) = slot else { break };
            let accepted = select! {
                accepted = socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    let (routes, close) = (routes.clone(), close.clone());
                    let (gauge, open) = (metrics::gauge!("holdfast_http_connections"), Arc::clone(&open));
                    tasks.spawn(async move {
                        gauge.increment(1);
                        open.fetch_add(1, Ordering::Relaxed);
                        connection::serve(tcp, peer, routes, limits, close).await;
                        open.fetch_sub(1, Ordering::Relaxed);
                        gauge.decrement(1);
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, or a connection that was reset before we took it: neither may end the node.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // The kernel has completed these connections already: to close the socket on them would be a reset.
        while let Some(Ok((tcp, peer))) = socket.accept().now_or_never() {
            tasks.spawn(connection::serve(tcp, peer, routes.clone(), limits, close.clone()));
        }
        drop(socket);
        close.cancel();
        tasks.close();
        timeout(finish, tasks.wait()).await.is_ok()
    }
}
