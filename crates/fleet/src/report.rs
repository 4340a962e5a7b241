//! What a node publishes about itself.
//!
//! Old and new nodes run side by side, so every measurement is optional, a member that is not known is passed over, and a
//! value of a list that is not known is `Unknown`. Absent means "not measured", never 0.

use crate::{histogram::Histogram, rules::Denials};
use holdfast_domain::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};

/// A length of time in microseconds; negative where it is a difference. Clock offsets and lags need more than seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// From whole milliseconds; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// In seconds, with fractions.
    pub const fn as_seconds(self) -> f64 {
        crate::number::signed(self.0) / 1e6
    }
}

/// How much of something limited is used, both in the same unit. Shown as used / limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// What is used.
    pub used: u64,
    /// What there is; 0 for no limit.
    pub limit: u64,
}

impl Usage {
    /// The share that is used, 0 to 1 and above where the limit is exceeded; `None` where there is no limit.
    pub fn share(self) -> Option<f64> {
        (self.limit > 0).then(|| crate::number::count(self.used) / crate::number::count(self.limit))
    }
}

/// What a node can do at the moment (HTTP API, "Health").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeMode {
    /// Everything.
    Normal,
    /// What needs no database: renewals.
    Continuity,
    /// It is stopping and wants no more requests.
    Draining,
    /// It has not tested itself yet.
    Starting,
    /// It has no master key and can sign nothing.
    Sealed,
    /// Its clock is too far from the database's, so it must not sign.
    Clock,
    /// A mode of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl NodeMode {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Continuity => "continuity",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Sealed => "sealed",
            Self::Clock => "clock",
            Self::Unknown => "unknown",
        }
    }
}

/// What the database member that a node talks to is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseRole {
    /// The only one: SQLite, or a PostgreSQL alone.
    Single,
    /// Takes writes.
    Primary,
    /// Follows the primary.
    Replica,
    /// A role of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The database as a node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseReport {
    /// What the member nearest to the node is.
    pub role: DatabaseRole,
    /// Of a replica: how far its data lie behind the primary's. Of a primary: how far the slowest of its standbys does.
    /// Absent where that cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_lag: Option<Micros>,
    /// Connections of the node's pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Usage>,
    /// How long 99 % of those who wanted a connection waited at most, over the last minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_wait_p99: Option<Micros>,
}

/// How far a node's clock is ahead of others' (negative: behind).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockReport {
    /// Ahead of the database's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_database: Option<Micros>,
    /// Ahead of the clocks of other nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_peers: Vec<PeerOffset>,
}

/// How far a node's clock is ahead of another node's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerOffset {
    /// The other node's name.
    pub node: String,
    /// Ahead of its clock; negative for behind.
    pub offset: Micros,
}

/// How many denials of a product a node has signed lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialsReport {
    /// The product.
    pub product: ProductId,
    /// Its denials.
    #[serde(flatten)]
    pub denials: Denials,
}

/// The use of a key that signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Signs a product's leases, denials and revocation lists.
    Issuing,
    /// Signs a vendor's key manifest; pinned by applications.
    Root,
    /// A kind of another version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// When a key that is in use ends and its successor is not there yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// The key's id (`kid`).
    pub kid: String,
    /// What it signs.
    pub kind: KeyKind,
    /// The last moment at which it may sign.
    pub expires_at: Timestamp,
}

/// A background job, as far as a node knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// The job's name.
    pub name: String,
    /// When it last ended well, on any node; absent where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Timestamp>,
    /// Since when the job exists: it is not missed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_since: Option<Timestamp>,
    /// How often it should run.
    pub every: holdfast_domain::Seconds,
}

/// What waits to be mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailReport {
    /// How many mails wait.
    pub size: u64,
    /// Since when the oldest waits; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When one was last sent, by any node; absent where none ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
}

/// What waits in the outbox: webhooks that were promised and not delivered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxReport {
    /// How many wait.
    pub size: u64,
    /// Since when the oldest waits; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

/// The last time that a backup was restored and looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// When that was; absent where it was never done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<Timestamp>,
    /// Since when the installation exists: its age counts where nothing was ever proved.
    pub installed_at: Timestamp,
}

/// Everything a node publishes about itself. A node writes one every few seconds; it is also its heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeReport {
    /// The node's name, unique in the installation.
    pub node: String,
    /// The region it is in.
    pub region: String,
    /// The version of the server.
    pub version: String,
    /// What it can do.
    pub mode: NodeMode,
    /// The https addresses under which applications reach it, in the order of preference.
    pub endpoints: Vec<String>,
    /// When the process started. A new value is a new process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Since when it has been in continuity mode; absent where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuity_since: Option<Timestamp>,
    /// When its continuity mode ends at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuity_until: Option<Timestamp>,
    /// Requests at work, of those it takes on at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Usage>,
    /// Open connections of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Usage>,
    /// How long all answers took since the process started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
    /// How long those answers took that were failures of the server (5xx).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Histogram>,
    /// The database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseReport>,
    /// How old the node's knowledge of changes is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_feed_age: Option<Micros>,
    /// The clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockReport>,
    /// Bytes of the disk that holds the node's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Usage>,
    /// Bytes of memory, of those the process may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Usage>,
    /// File descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<Usage>,
    /// When the certificate under which clients reach the node ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<Timestamp>,
    /// The keys that end first, a few of each kind at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyReport>,
    /// The background jobs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobReport>,
    /// The products of which denials were signed lately, those nearest to their breaker first, a few at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<DenialsReport>,
    /// The outbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox: Option<OutboxReport>,
    /// Mail; absent where none leaves from this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailReport>,
    /// The last proved restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreReport>,
}

impl NodeReport {
    /// The share of answers that were failures of the server, since the process started; `None` where nothing was
    /// answered or measured.
    pub fn error_rate(&self) -> Option<f64> {
        let answers = self.latency.as_ref()?.count();
        let errors = self.errors.as_ref()?.count();
        (answers > 0).then(|| crate::number::count(errors) / crate::number::count(answers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_another_version_is_read() {
        let newer = r#"{"node":"a","region":"eu","mode":"hibernating","gpu":{"used":1},"disk":{"used":1,"limit":4,"inodes":9},
            "database":{"role":"witness","quorum":3},"keys":[{"kid":"k","kind":"pq","expires_at":5,"x":1}]}"#;
        let report: NodeReport = serde_json::from_str(newer).unwrap();
        assert_eq!(report.mode, NodeMode::Unknown);
        assert_eq!(report.disk.and_then(Usage::share), Some(0.25));
        assert_eq!(report.database.unwrap().role, DatabaseRole::Unknown);
        assert_eq!(report.keys[0].kind, KeyKind::Unknown);
        assert_eq!(report.memory, None);
    }

    #[test]
    fn what_was_not_measured_is_not_written() {
        let report = NodeReport { node: "a".to_owned(), ..NodeReport::default() };
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains("disk") && !text.contains("null"), "{text}");
        assert_eq!(serde_json::from_str::<NodeReport>(&text).unwrap(), report);
    }

    #[test]
    fn no_limit_has_no_share() {
        assert_eq!(Usage { used: 5, limit: 0 }.share(), None);
    }
}
