//! The nodes: how they are, and what an operator wants of them.

use super::act::job;
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{NodeId, Permission, ReasonText, Seconds, Timestamp};
use holdfast_fleet::{NodeReport, Presence};
pub use holdfast_store::nodes::{NodeState, Wanted};
use holdfast_store::{
    WriteOptions,
    nodes::{self, NodeRow},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long a node may be silent before it counts as late, at least; five of its signs of life on SQLite take longer.
const LATE: Seconds = Seconds(30);

/// A node as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its id, which it keeps over restarts.
    pub id: NodeId,
    /// What it is called.
    pub name: String,
    /// The region it belongs to.
    pub region: String,
    /// The version it runs.
    pub version: String,
    /// Whether its process runs, has ended in order, or was declared gone.
    pub state: NodeState,
    /// What an operator wants of it.
    pub wanted: Wanted,
    /// Whether it should have been heard of by now.
    pub late: bool,
    /// What its signs of life say, as the node that answers hears them; `None` where it does not run, or where nothing can
    /// be heard.
    pub presence: Option<Presence>,
    /// When its process started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// Everything it signed before is in the database.
    pub settled_at: Timestamp,
    /// What it says of itself.
    pub report: NodeReport,
}

pub(super) fn show(row: NodeRow, now: Timestamp) -> NodeView {
    NodeView {
        late: row.state == NodeState::Running && now.since(row.seen_at) > LATE,
        presence: None,
        id: row.id,
        // A report of a much newer version that cannot be read is one without measurements.
        report: serde_json::from_str(&row.report).unwrap_or_default(),
        name: row.name,
        region: row.region,
        version: row.version,
        state: row.state,
        wanted: row.wanted,
        started_at: row.started_at,
        last_seen: row.seen_at,
        settled_at: row.settled_at,
    }
}

/// What can be done about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeAct {
    /// Load balancers are to leave it alone; it goes on answering whoever asks.
    Drain,
    /// It is to serve again.
    Resume,
    /// It is off, on the word of whoever says so: floating seats no longer wait for it.
    DeclareGone,
}

impl Service {
    /// All nodes, by region and name.
    pub async fn nodes(&self, actor: &Actor) -> Result<Vec<NodeView>> {
        actor.require(Permission::FleetRead)?;
        let (now, look) = (self.now(), self.last_look());
        let rows = nodes::all_nodes(&mut self.store().patient_reader()).await?;
        Ok(rows.into_iter().map(|row| self.seen(row, &look, now)).collect())
    }

    /// A node. [`ErrorCode::NotFound`] where there is none with that id.
    pub async fn node_view(&self, actor: &Actor, id: NodeId) -> Result<NodeView> {
        actor.require(Permission::FleetRead)?;
        let row =
            nodes::get(&mut self.store().patient_reader(), id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        Ok(self.seen(row, &self.last_look(), self.now()))
    }

    /// Drains or resumes a node, or notes that it is gone. The node hears of it with its next sign of life.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StatusConflict`] where a node is to be gone that ended in order, or that was
    /// heard of a moment ago.
    pub async fn act_on_node(&self, call: &Call, id: NodeId, what: NodeAct, reason: ReasonText) -> Result<NodeView> {
        call.actor.require(Permission::FleetWrite)?;
        let act = self.act(call);
        let done = self.commit(
            call,
            WriteOptions::default(),
            job!(act, reason => |tx| {
                let known = nodes::get(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                let action = match what {
                    NodeAct::Drain => "node.drained",
                    NodeAct::Resume => "node.resumed",
                    NodeAct::DeclareGone => "node.declared_gone",
                };
                match what {
                    NodeAct::Drain => nodes::want(tx, id, Wanted::Drain).await?,
                    NodeAct::Resume => nodes::want(tx, id, Wanted::Serve).await?,
                    NodeAct::DeclareGone => {
                        if known.state != NodeState::Running || !show(known.clone(), act.now).late {
                            let why = "only a node that has not been heard of for half a minute can be declared gone";
                            return Err(Error::new(ErrorCode::StatusConflict).with_detail(why));
                        }
                        nodes::declare_gone(tx, id, act.now).await?
                    }
                };
                let data = json!({ "name": known.name, "region": known.region, "before": { "state": known.state, "wanted": known.wanted }, "reason": reason });
                act.event(tx, action, id, data);
                let row = nodes::get(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                Ok(act.service.seen(row, &act.service.last_look(), act.now))
            }),
        );
        let done = done.await?;
        self.hear(id).await;
        Ok(done)
    }
}
