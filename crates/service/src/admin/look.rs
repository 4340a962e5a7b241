//! All nodes as this one sees them: its last look at them, with what will fail next, for the screens that show them live.

use super::fleet::{NodeView, show};
use crate::{Service, actor::Actor, error::Result, runtime::Otherwise};
use holdfast_domain::{NodeId, Permission, Timestamp, VendorId};
use holdfast_fleet::{Finding, Presence};
use holdfast_store::{
    alerts, events,
    nodes::{self, NodeRow, NodeState},
};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, PoisonError},
};

/// What this node's watch over all nodes saw last. The judgement of a node is this one's, from the signs of life that
/// arrived here; that of another node may differ for a moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// When; the epoch where there was no look yet.
    pub at: Timestamp,
    /// The nodes as the database last told of them.
    pub rows: Arc<Vec<NodeRow>>,
    /// When it did.
    pub told_at: Timestamp,
    /// What the signs of life of the others say; nothing of those of which nothing can be heard.
    pub presences: BTreeMap<NodeId, Presence>,
    /// What will fail, or has.
    pub findings: Vec<Finding>,
}

/// All nodes, with what follows from what they say.
#[derive(Clone, Debug)]
pub struct FleetView {
    /// The nodes, by region and name.
    pub nodes: Vec<NodeView>,
    /// When the database last told of them, where it does not answer now: what others say is then as old as that.
    pub told_at: Option<Timestamp>,
    /// When this node last looked for what will fail; `None` before the first time.
    pub looked_at: Option<Timestamp>,
    /// What will fail, or has.
    pub findings: Vec<Finding>,
}

/// What a live screen goes by: a mark that has not changed stands for a screen that still shows what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Which nodes there are, how each stands, what will fail.
    pub fleet: u64,
    /// Which alerts stand, how much each matters, who took it on.
    pub alerts: u64,
    /// Figures and estimates, which change with every sign of life.
    pub figures: u64,
}

impl Service {
    /// Takes note of what the watch over all nodes saw.
    pub fn looked(&self, look: Look) {
        *self.admin().look.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(look);
    }

    /// What this node's watch over all nodes saw last.
    pub fn last_look(&self) -> Arc<Look> {
        Arc::clone(&self.admin().look.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All nodes as this one sees them. While the database is away: this node as it is, the others as they last were.
    pub async fn fleet_view(&self, actor: &Actor) -> Result<FleetView> {
        actor.require(Permission::FleetRead)?;
        let (now, look) = (self.now(), self.last_look());
        let way = if look.rows.is_empty() { Otherwise::Nothing } else { Otherwise::Remembered };
        let rows = self.state().continuity.ask(way, async { nodes::all_nodes(&mut self.store().reader()).await }).await;
        let (rows, told_at) = match rows {
            Ok(rows) => (rows, None),
            Err(error) if error.is_retryable() && !look.rows.is_empty() => {
                let mut rows = look.rows.to_vec();
                if let Some(own) = rows.iter_mut().find(|row| self.is_this(row.id)) {
                    own.seen_at = now;
                }
                (rows, Some(look.told_at))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(FleetView {
            nodes: rows.into_iter().map(|row| self.seen(row, &look, now)).collect(),
            told_at,
            looked_at: (look.at != Timestamp::default()).then_some(look.at),
            findings: look.findings.clone(),
        })
    }

    /// A node with what its signs of life say, as this node hears them.
    pub(super) fn seen(&self, mut row: NodeRow, look: &Look, now: Timestamp) -> NodeView {
        self.bring_up_to_date(&mut row);
        let presence = match row.state {
            NodeState::Running if self.is_this(row.id) => Some(Presence::Alive),
            NodeState::Running => look.presences.get(&row.id).copied(),
            NodeState::Stopped | NodeState::Gone => None,
        };
        NodeView { presence, ..show(row, now) }
    }

    /// This node knows of itself more than its last sign of life said.
    fn bring_up_to_date(&self, row: &mut NodeRow) {
        if row.state == NodeState::Running
            && self.is_this(row.id)
            && let Some(report) = self.own_report()
        {
            row.report = report;
        }
    }

    fn is_this(&self, id: NodeId) -> bool {
        self.node().is_some_and(|(own, _)| own == id)
    }

    /// The marks of the live screens, by one question to the database about the nodes and one about the alerts.
    pub async fn marks(&self) -> Marks {
        let look = self.last_look();
        let [mut fleet, mut standing, mut figures] = std::array::from_fn(|_| DefaultHasher::new());
        let rows =
            self.state().continuity.ask(Otherwise::Remembered, nodes::all_nodes(&mut self.store().reader())).await;
        rows.is_ok().hash(&mut fleet);
        for row in rows.as_ref().unwrap_or(&look.rows) {
            let mut row = row.clone();
            self.bring_up_to_date(&mut row);
            row.seen_at.hash(&mut figures);
            let seen = show(row, self.now());
            (seen.id, seen.state, seen.wanted, seen.started_at, seen.report.mode, seen.late).hash(&mut fleet);
        }
        look.presences.hash(&mut fleet);
        for finding in &look.findings {
            (finding.code, &finding.subject, finding.severity).hash(&mut fleet);
        }
        look.at.hash(&mut figures);
        // The nodes have just told whether the database can be asked.
        if rows.is_ok()
            && let Ok(alerts) = alerts::standing(&mut self.store().reader()).await
        {
            for alert in alerts {
                (alert.id, &alert.severity, alert.acknowledged_at).hash(&mut standing);
                alert.updated_at.hash(&mut figures);
            }
        }
        Marks { fleet: fleet.finish(), alerts: standing.finish(), figures: figures.finish() }
    }

    /// The newest act of each of `vendors`, as its audit log counts them, and when it was.
    ///
    /// # Errors
    /// Where the database cannot be asked: that says nothing about any vendor.
    pub async fn newest_acts(&self, vendors: &[VendorId]) -> Result<BTreeMap<VendorId, (i64, Timestamp)>> {
        let mut reader = self.store().reader();
        Ok(self.state().continuity.ask(Otherwise::Remembered, events::newest(&mut reader, vendors)).await?)
    }
}
