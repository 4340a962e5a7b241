//! A node among others: it registers, gives signs of life, and accounts for what it signed.

use crate::{Error, Result, Service};
use holdfast_domain::{NodeId, Seconds, Timestamp, continuity::Bounds};
use holdfast_store::{
    Dialect, WriteOptions,
    nodes::{self, NodeRow, NodeState, Wanted},
    seats::Reclaim,
};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// How often a node gives a sign of life. On SQLite there is nobody else to hear it, and each one is a write to the disk.
pub const fn sign_of_life(dialect: Dialect) -> Duration {
    match dialect {
        Dialect::Sqlite => Duration::from_secs(10),
        Dialect::Postgres => Duration::from_secs(1),
    }
}

/// Which node this is, and how it speaks with the server around it.
pub struct Membership {
    /// Its id, which it keeps over restarts.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// The region it belongs to.
    pub region: String,
    /// The version it runs.
    pub version: String,
    /// What it says of itself at the moment, as JSON.
    pub report: Box<dyn Fn() -> String + Send + Sync>,
    /// Is told what an operator wants of it.
    pub wanted: Box<dyn Fn(Wanted) + Send + Sync>,
}

/// The membership with what was done about it.
pub(crate) struct Member {
    of: Membership,
    started_at: Timestamp,
    /// When the last sign of life was given, in microseconds since the epoch; 0 for never.
    beaten_at: AtomicI64,
}

impl Service {
    /// Makes this service a node among others. To be called once, before [`Service::run_background`], which gives its signs
    /// of life.
    pub fn join(&self, membership: Membership) {
        let started_at = self.now();
        let member = Member { of: membership, started_at, beaten_at: AtomicI64::new(0) };
        if self.state().member.set(member).is_err() {
            tracing::error!("this process is a node already");
        }
    }

    /// The id and name of this node, where it is one.
    pub fn node(&self) -> Option<(NodeId, String)> {
        self.state().member.get().map(|member| (member.of.id, member.of.name.clone()))
    }

    /// The region of this node, where it is one.
    pub(crate) fn region(&self) -> Option<&str> {
        self.state().member.get().map(|member| member.of.region.as_str())
    }

    /// What this node says of itself at the moment, as JSON, where it is one.
    pub(crate) fn own_report(&self) -> Option<String> {
        self.state().member.get().map(|member| (member.of.report)())
    }

    /// Gives a sign of life, if it is time for one, and registers where the database does not know that this node runs.
    pub(super) async fn beat(&self) -> Result<()> {
        let Some(member) = self.state().member.get() else { return Ok(()) };
        let now = self.now();
        let last = Timestamp::from_micros(member.beaten_at.load(Ordering::Relaxed));
        let interval = i64::try_from(sign_of_life(self.store().db().dialect()).as_micros()).unwrap_or(i64::MAX);
        let continuity = &self.state().continuity;
        if continuity.is_listed() && (0..interval).contains(&(now.micros() - last.micros())) {
            return Ok(());
        }
        // This process signed nothing before it started.
        let settled = self.settled_at().max(member.started_at.min(now));
        let report = (member.of.report)();
        let id = member.of.id;
        let known = if last == Timestamp::default() {
            None
        } else {
            let report = report.clone();
            self.store()
                .write(WriteOptions::default().idempotent(), move |tx| {
                    let report = report.clone();
                    Box::pin(async move { nodes::heartbeat(tx, id, now, settled, &report).await.map_err(Error::from) })
                })
                .await?
        };
        let wanted = match known {
            Some(wanted) => wanted,
            None => self.register(member, report, now, settled).await?,
        };
        member.beaten_at.store(now.micros(), Ordering::Relaxed);
        continuity.vouch(settled);
        continuity.set_listed(true);
        (member.of.wanted)(wanted);
        Ok(())
    }

    /// Every node that has registered, for a node that watches over all of them.
    pub async fn fleet(&self) -> Result<Vec<NodeRow>> {
        Ok(nodes::all_nodes(&mut self.store().reader()).await?)
    }

    /// Lets this node hear at once what an operator has just said of it, and not only with its next sign of life.
    pub(crate) async fn hear(&self, node: NodeId) {
        let Some(member) = self.state().member.get().filter(|member| member.of.id == node) else { return };
        // Long ago, but not never, which would be a new process.
        member.beaten_at.fetch_min(1, Ordering::Relaxed);
        if let Err(error) = self.beat().await {
            tracing::debug!(%error, "what was said of this node will be heard later");
        }
    }

    async fn register(&self, member: &Member, report: String, now: Timestamp, settled: Timestamp) -> Result<Wanted> {
        let row = NodeRow {
            id: member.of.id,
            name: member.of.name.clone(),
            region: member.of.region.clone(),
            version: member.of.version.clone(),
            state: NodeState::Running,
            wanted: Wanted::Serve,
            started_at: member.started_at,
            seen_at: now,
            settled_at: settled,
            lost_from: Timestamp::default(),
            lost_until: Timestamp::default(),
            report,
        };
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                let row = row.clone();
                Box::pin(async move { nodes::register(tx, &row).await.map_err(Error::from) })
            })
            .await?;
        tracing::info!(node = %member.of.id, name = member.of.name, "registered");
        Ok(Wanted::Serve)
    }

    /// From here on this node carries no floating seats on without the database: nobody waits for it.
    pub fn step_back(&self) {
        self.state().continuity.set_listed(false);
    }

    /// Notes that this node ends in order. To be called when nothing is signed any more and everything is written.
    ///
    /// # Errors
    /// Where the database cannot be asked: others then wait for this node as for one that vanished.
    pub async fn leave(&self) -> Result<()> {
        let Some(member) = self.state().member.get() else { return Ok(()) };
        if !self.settle().await? {
            return Ok(());
        }
        let (id, now) = (member.of.id, self.now());
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                Box::pin(async move { nodes::stop(tx, id, now).await.map_err(Error::from) })
            })
            .await
    }

    /// Which floating seats may be given to another device, where a lease of theirs lasts for `lease`.
    pub(crate) fn reclaim(&self, lease: Seconds) -> Reclaim {
        // Its row speaks of an earlier process until this one has registered.
        let registered = |member: &&Member| member.beaten_at.load(Ordering::Relaxed) != 0;
        let member = self.state().member.get().filter(registered);
        let node = member.map_or(NodeId::from_bytes([0; 16]), |member| member.of.id);
        // Another node may have been told other bounds than this one: what is waited for is the longest that any may have.
        Reclaim { node, settled_at: self.settled_at(), alone: Bounds::default().floating, lease }
    }
}
