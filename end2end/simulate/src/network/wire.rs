//! What nodes, devices and the database say to each other, as datagrams of the simulated network.

use holdfast_domain::{License, LicenseId, Seat, SeatId, Seconds, Timestamp, decide::DenialCode};
use holdfast_lease::client::Outcome;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, time::Duration};
use turmoil::net::UdpSocket;

/// Where everybody listens.
pub const PORT: u16 = 9_000;
/// The longest datagram.
const LONGEST: usize = 16_384;

/// What a device asks a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Call {
    /// A seat of a license for a device, given by its number, with the nonce that a denial echoes.
    Activate(usize, LicenseId, String),
    /// The next lease, with the nonce that a denial echoes.
    Renew(String, String),
    /// The seat of this lease is given up.
    Release(String),
}

/// A node's answer, as a client reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer(pub Outcome);

/// What a renewal leaves to be written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Touch {
    /// The lease's number.
    pub seq: i64,
    /// Its end, in seconds since the epoch.
    pub ends: i64,
}

/// What a claim brings along: who asks, and what only this node knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The node.
    pub node: usize,
    /// Whether this process has its row. Until then the row speaks of an earlier one, whose memory is lost.
    pub registered: bool,
    /// The license.
    pub license: LicenseId,
    /// The device.
    pub device: usize,
    /// Whether it asks for the seat that it has, and for no other.
    pub returning: bool,
    /// The node's time.
    pub now: Timestamp,
    /// Jitter of the lease.
    pub jitter: u16,
    /// The latest ends of leases that this node signed, or may be signing, and has not written yet.
    pub pending: BTreeMap<SeatId, i64>,
}

/// What a node asks the database. Each is one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Query {
    /// The changes after a number, for a node.
    Changes(usize, usize),
    /// A seat and its license, by primary key.
    Read(SeatId),
    /// A seat under the lock of its license.
    Claim(Claim),
    /// The seat is free from now on: its lease with this number was given up.
    Release(SeatId, i64),
    /// What was signed before `settled`, and whether the node goes on running.
    Flush {
        /// The node.
        node: usize,
        /// The newest touch of each seat.
        touches: BTreeMap<SeatId, Touch>,
        /// Everything signed before is in `touches` or was written earlier.
        settled: Timestamp,
        /// False for the last one.
        running: bool,
    },
    /// The node is there, since a time.
    Register(usize, Timestamp),
}

/// The database's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Rows {
    /// Subjects that changed, the number of the last change, and whether this node's row says that it runs.
    Changes(Vec<Changed>, usize, bool),
    /// A seat and its license.
    Seat(Option<Box<(Seat, License)>>),
    /// The seat as it is now: sign for it.
    Claimed(Box<(Seat, License)>),
    /// Every seat is taken.
    Full,
    /// No, for this reason.
    Denied(DenialCode),
    /// The node's row is there; everything before this time counts as written.
    Registered(Timestamp),
    /// Done.
    Done,
    /// The database takes no writes now.
    ReadOnly,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Changed {
    /// A seat.
    Seat(SeatId),
    /// A license.
    License(LicenseId),
}

/// Sends a question and waits for its answer, at most `longest`. `None` where none came.
pub async fn ask<Q: Serialize, A: DeserializeOwned>(host: &str, question: &Q, longest: Seconds) -> Option<A> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).await.ok()?;
    let bytes = serde_json::to_vec(question).ok()?;
    socket.send_to(&bytes, (host, PORT)).await.ok()?;
    let mut buffer = vec![0; LONGEST];
    let longest = Duration::from_secs(u64::try_from(longest.0).unwrap_or(0));
    let (length, _) = tokio::time::timeout(longest, socket.recv_from(&mut buffer)).await.ok()?.ok()?;
    serde_json::from_slice(buffer.get(..length)?).ok()
}

/// The next question that comes in, and where its answer goes.
pub async fn listen<Q: DeserializeOwned>(socket: &UdpSocket) -> Option<(Q, std::net::SocketAddr)> {
    let mut buffer = vec![0; LONGEST];
    let (length, from) = socket.recv_from(&mut buffer).await.ok()?;
    serde_json::from_slice(buffer.get(..length)?).ok().map(|question| (question, from))
}

/// Sends an answer. A lost one is the network's affair.
pub async fn answer<A: Serialize>(socket: &UdpSocket, to: std::net::SocketAddr, answer: &A) {
    if let Ok(bytes) = serde_json::to_vec(answer) {
        let _ = socket.send_to(&bytes, to).await;
    }
}
