//! What runs out on a node: disk, memory, descriptors, connections.
//!
//! Each is judged twice: by the time left at the present pace, and by how full it is, for what rises too fast or too
//! unsteadily to be predicted. The threshold of the time left is a quarter above the lead that is promised, since an
//! estimate is one.

use super::{
    code::{Code, Lead, Rule},
    measure::{Drain, Measure, Quantity, Steps, View, percent, words, worse},
};
use crate::finding::{
    Severity::{Critical, Warning},
    Subject,
};
use holdfast_domain::Seconds;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;

/// How one resource is judged.
struct Resource {
    noun: &'static str,
    quantity: Quantity,
    /// A second, shorter memory for what rises fast; counts only where less than the second number of seconds is left.
    soon: Option<(Quantity, f64)>,
    /// Seconds left.
    left: Steps,
    /// Share used.
    level: Steps,
    /// Seconds left at which a node should drain itself.
    drain: Option<f64>,
}

impl Resource {
    fn measures(&self, view: &View<'_>) -> Vec<Measure> {
        view.fresh().filter_map(|node| self.measure(view, Subject::Node(node.report.node.clone()))).collect()
    }

    fn measure(&self, view: &View<'_>, subject: Subject) -> Option<Measure> {
        let series = view.series(self.quantity, &subject)?;
        let ((at, _), share) = (series.latest()?, series.level()?);
        if view.now.since(at) > Seconds::minutes(5) {
            return None;
        }
        let soon = self.soon.and_then(|(quantity, within)| {
            view.series(quantity, &subject)?.time_to(1.0).filter(|left| *left <= within)
        });
        let left = [series.time_to(1.0), soon].into_iter().flatten().min_by(f64::total_cmp);
        let judged = worse(self.left.left(left, 2.0), self.level.level(share, 0.03));
        let mut measure = Measure::new(subject, judged, left, || match left {
            Some(left) if left < 90.0 * 86_400.0 => {
                format!("{} {} used, full in {} at the present pace", self.noun, percent(share), words(left))
            }
            _ => format!("{} {} used", self.noun, percent(share)),
        });
        if let (Some(drain), Some(left)) = (self.drain, left) {
            measure.drain = Some(Drain::before(drain, left));
        }
        Some(measure)
    }
}

/// A disk fills up.
pub(super) const DISK: Rule = Rule {
    code: Code::DiskFull,
    watches: "used space on the disk that holds the node's data, and its pace over the last day and the last hour",
    failure: "the disk is full; what has to write is refused",
    levels: &[
        (Warning, "full within 30 h at the present pace, or 95 % used"),
        (Critical, "full within 6 h at the present pace, or 98 % used"),
    ],
    lead: Lead::Before(Seconds::DAY),
    cure: "Find what grows (`du -x --max-depth=2` under the data directory, then logs and old backups) and delete or move \
           it, or enlarge the disk. The node drains itself 3 h before the end, where enough other nodes serve.",
    confirm: Seconds::minutes(5),
    settle: Seconds::minutes(30),
    measure: |view| {
        Resource {
            noun: "disk",
            quantity: Quantity::Disk,
            soon: Some((Quantity::DiskSoon, 6.0 * HOUR)),
            left: Steps { warning: 30.0 * HOUR, critical: 6.0 * HOUR },
            level: Steps { warning: 0.95, critical: 0.98 },
            drain: Some(3.0 * HOUR),
        }
        .measures(view)
    },
};

/// A node runs out of memory.
pub(super) const MEMORY: Rule = Rule {
    code: Code::MemoryExhausted,
    watches: "memory of the process against what it may have; of each 10 minutes the peak, over 6 hours",
    failure: "the process is killed for want of memory",
    levels: &[
        (Warning, "exhausted within 3 h 45 min at the present pace, or 90 % used"),
        (Critical, "exhausted within 1 h at the present pace, or 95 % used"),
    ],
    lead: Lead::Before(Seconds::hours(3)),
    cure: "Drain the node and start it again; if it grows again, give it more memory and report the version and the curve \
           of the last hours. The node drains itself 45 min before the end, where enough other nodes serve.",
    confirm: Seconds::minutes(5),
    settle: Seconds::minutes(20),
    measure: |view| {
        Resource {
            noun: "memory",
            quantity: Quantity::Memory,
            soon: None,
            left: Steps { warning: 3.75 * HOUR, critical: HOUR },
            level: Steps { warning: 0.9, critical: 0.95 },
            drain: Some(45.0 * MINUTE),
        }
        .measures(view)
    },
};

/// A node runs out of file descriptors.
pub(super) const DESCRIPTORS: Rule = Rule {
    code: Code::DescriptorsExhausted,
    watches: "open file descriptors against the process's limit, over 4 hours",
    failure: "the process can open neither connections nor files",
    levels: &[
        (Warning, "exhausted within 2 h 30 min at the present pace, or 85 % used"),
        (Critical, "exhausted within 30 min at the present pace, or 95 % used"),
    ],
    lead: Lead::Before(Seconds::hours(2)),
    cure: "Raise the limit (`LimitNOFILE=` of the unit) above twice `--max-connections` and start the node again. If the \
           number grows without load, drain the node and report what `ls -l /proc/PID/fd` shows. \
           The node drains itself 30 min before the end, where enough other nodes serve.",
    confirm: Seconds::minutes(5),
    settle: Seconds::minutes(20),
    measure: |view| {
        Resource {
            noun: "file descriptors",
            quantity: Quantity::Descriptors,
            soon: None,
            left: Steps { warning: 2.5 * HOUR, critical: 30.0 * MINUTE },
            level: Steps { warning: 0.85, critical: 0.95 },
            drain: Some(30.0 * MINUTE),
        }
        .measures(view)
    },
};

/// A node runs out of connections for clients.
pub(super) const CONNECTIONS: Rule = Rule {
    code: Code::ConnectionsExhausted,
    watches: "open connections of clients against `--max-connections`, over half an hour",
    failure: "new clients are not accepted",
    levels: &[
        (Warning, "exhausted within 20 min at the present pace, or 85 % used"),
        (Critical, "exhausted within 5 min at the present pace, or 95 % used"),
    ],
    lead: Lead::Before(Seconds::minutes(15)),
    cure: "Add a node behind the load balancer, or raise `--max-connections` and the descriptor limit with it. If the \
           number of requests did not grow, look for a proxy or a client that keeps connections open.",
    confirm: Seconds::minutes(2),
    settle: Seconds::minutes(15),
    measure: |view| {
        Resource {
            noun: "connections",
            quantity: Quantity::Connections,
            soon: None,
            left: Steps { warning: 20.0 * MINUTE, critical: 5.0 * MINUTE },
            level: Steps { warning: 0.85, critical: 0.95 },
            drain: None,
        }
        .measures(view)
    },
};

/// A node waits for connections to the database.
pub(super) const DATABASE_CONNECTIONS: Rule = Rule {
    code: Code::DatabaseConnectionsExhausted,
    watches: "how long 99 % of those who want a connection of the database pool wait at most, over 12 minutes",
    failure: "calls give up waiting for a connection (3 s) and are answered with 503",
    levels: &[
        (Warning, "3 s within 12 min at the present pace, or a wait of 1.5 s"),
        (Critical, "3 s within 4 min at the present pace, or a wait of 2.4 s"),
    ],
    lead: Lead::Before(Seconds::minutes(10)),
    cure: "Look for slow statements and long transactions in the database (`pg_stat_activity`), end what blocks, and only \
           then enlarge the pool, within the database's `max_connections` divided by the number of nodes.",
    confirm: Seconds::minutes(1),
    settle: Seconds::minutes(10),
    measure: |view| {
        Resource {
            noun: "longest wait for a database connection (3 s)",
            quantity: Quantity::PoolWait,
            soon: None,
            left: Steps { warning: 12.5 * MINUTE, critical: 4.0 * MINUTE },
            level: Steps { warning: 0.5, critical: 0.8 },
            drain: None,
        }
        .measures(view)
    },
};
