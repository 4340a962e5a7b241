//! Nodes: which servers run, how they are, and up to when all they signed is accounted for.

use crate::{
    error::StoreError,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{NodeId, Seconds, Timestamp};

stored_enum! {
    /// What is known of a node's process.
    pub enum NodeState {
        /// It runs, or has vanished without a word.
        Running = "running",
        /// It has ended in order: all it signed is accounted for.
        Stopped = "stopped",
        /// It vanished, and a person vouches that it is off.
        Gone = "gone",
    }
}

stored_enum! {
    /// What an operator wants of a node.
    pub enum Wanted {
        /// To serve.
        Serve = "serve",
        /// To be left alone by load balancers.
        Drain = "drain",
    }
}

record! {
    /// A node.
    pub struct NodeRow in "nodes" {
        /// Its id, which it keeps over restarts.
        pub id: NodeId,
        /// What people call it.
        pub name: String,
        /// The region it belongs to.
        pub region: String,
        /// The version it runs.
        pub version: String,
        /// What is known of its process.
        pub state: NodeState,
        /// What an operator wants of it.
        pub wanted: Wanted,
        /// When its process started.
        pub started_at: Timestamp,
        /// When it was last heard of, by its own clock.
        pub seen_at: Timestamp,
        /// Everything it signed before this moment, by its own clock, is in the database, except what was lost.
        pub settled_at: Timestamp,
        /// What it signed from here…
        pub lost_from: Timestamp,
        /// …until here may be missing, because a process of its ended without a word.
        pub lost_until: Timestamp,
        /// What it says of itself, as JSON.
        pub report: String,
    }
}

/// For how long what was lost is remembered: longer than any lease that floats.
const REMEMBERED: Seconds = Seconds::days(31);

/// Notes that a node's process has started: it runs from here on, whatever its row said before. An earlier process that
/// did not end in order has taken with it what it signed since it last settled; that is noted, and remembered with what
/// was lost before it.
pub async fn register(tx: &mut Tx, node: &NodeRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO nodes ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, region = excluded.region, version = excluded.version,
            state = excluded.state, wanted = excluded.wanted, started_at = excluded.started_at,
            seen_at = excluded.seen_at, report = excluded.report,
            lost_from = CASE WHEN nodes.state <> 'running' THEN nodes.lost_from
                WHEN nodes.lost_until > $13 AND nodes.lost_from < nodes.settled_at THEN nodes.lost_from
                ELSE nodes.settled_at END,
            lost_until = CASE WHEN nodes.state <> 'running' THEN nodes.lost_until ELSE excluded.started_at END,
            settled_at = excluded.settled_at",
        bare(NodeRow::COLUMNS, "nodes")
    );
    let n = node;
    let nothing = Timestamp::default();
    let args = args![
        n.id,
        n.name,
        n.region,
        n.version,
        n.state,
        n.wanted,
        n.started_at,
        n.seen_at,
        n.settled_at,
        nothing,
        nothing,
        n.report,
        n.started_at.plus(Seconds(-REMEMBERED.0))
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// A sign of life, with what the node says of itself. Returns what an operator wants of it; `None` where its row no longer
/// says that it runs, so that it has to register again.
pub async fn heartbeat(
    tx: &mut Tx,
    id: NodeId,
    seen_at: Timestamp,
    settled_at: Timestamp,
    report: &str,
) -> Result<Option<Wanted>, StoreError> {
    let sql = "UPDATE nodes SET seen_at = $2, report = $4,
            settled_at = CASE WHEN $3 > settled_at THEN $3 ELSE settled_at END
        WHERE id = $1 AND state = 'running' RETURNING wanted";
    let rows = tx.rows(sql.into(), args![id, seen_at, settled_at, report]).await?;
    rows.first().map(|row| row.get(0)).transpose()
}

/// Notes that a node has ended in order: nothing it signed is missing.
pub async fn stop(tx: &mut Tx, id: NodeId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE nodes SET state = 'stopped', seen_at = $2, settled_at = $2 WHERE id = $1";
    tx.rows(sql.into(), args![id, now]).await.map(|_| ())
}

/// Notes that a vanished node is off, on a person's word. What it signed since it last settled may be missing, as after
/// any end without a word. False where there is no such node, or it ended in order.
pub async fn declare_gone(tx: &mut Tx, id: NodeId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE nodes SET state = 'gone', lost_until = $2,
            lost_from = CASE WHEN lost_until > $3 AND lost_from < settled_at THEN lost_from ELSE settled_at END
        WHERE id = $1 AND state = 'running' RETURNING id";
    let args = args![id, now, now.plus(Seconds(-REMEMBERED.0))];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Says what is wanted of a node. False where there is no such node.
pub async fn want(tx: &mut Tx, id: NodeId, wanted: Wanted) -> Result<bool, StoreError> {
    let sql = "UPDATE nodes SET wanted = $2 WHERE id = $1 RETURNING id";
    Ok(!tx.rows(sql.into(), args![id, wanted]).await?.is_empty())
}

/// One node.
pub async fn get(q: &mut dyn Querier, id: NodeId) -> Result<Option<NodeRow>, StoreError> {
    first(q, format!("SELECT {} FROM nodes WHERE id = $1", NodeRow::COLUMNS), args![id]).await
}

/// All nodes, by region and name; at most a thousand.
pub async fn all_nodes(q: &mut dyn Querier) -> Result<Vec<NodeRow>, StoreError> {
    let sql = format!("SELECT {} FROM nodes ORDER BY region, name, id LIMIT 1000", NodeRow::COLUMNS);
    all(q, sql, Vec::new()).await
}

/// Forgets nodes that ended in order or were declared gone, and were not heard of since `before`.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM nodes WHERE state <> 'running' AND seen_at < $1";
    tx.rows(sql.into(), args![before]).await.map(|_| ())
}
