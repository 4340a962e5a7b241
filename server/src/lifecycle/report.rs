//! What a node says of itself: measured here, read by the others and by people.

use super::measured::{Facts, Measured};
use crate::{
    AppState,
    config::{Config, ServeConfig},
    health::Health,
    state::WeakState,
};
use holdfast_domain::Timestamp;
use holdfast_fleet::{
    Micros, NodeMode, NodeReport, Usage,
    report::{ClockReport, DatabaseReport, DatabaseRole, KeyKind, KeyReport},
};
use holdfast_service::runtime::KeyEnding;
use holdfast_store::{Db, Dialect, replication::MemberRole, signing_keys};
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Of how many products the denials are reported.
const DENIALS: usize = 5;
/// How many keys of each kind are reported.
const KEYS: usize = 5;

/// Measures one node.
#[derive(Clone)]
pub(super) struct Reporter {
    /// Weak, because the use cases hold on to what reports of them.
    state: WeakState,
    pub serve: ServeConfig,
    pub health: Health,
    endpoints: Vec<String>,
    data_dir: PathBuf,
    /// How many connections are open.
    open: Arc<AtomicUsize>,
    /// What is measured in the background.
    pub measured: Measured,
    started_at: Timestamp,
}

impl Reporter {
    pub fn new(state: &AppState, config: &Config, open: Arc<AtomicUsize>, measured: Measured) -> Self {
        Self {
            state: state.downgrade(),
            serve: state.serve().clone(),
            health: state.health().clone(),
            endpoints: config.endpoints.clone(),
            data_dir: config.data_dir.clone(),
            open,
            measured,
            started_at: state.service().now(),
        }
    }

    /// Everything that can be measured at this moment.
    pub fn report(&self) -> NodeReport {
        self.state.upgrade().map(|state| self.of(&state)).unwrap_or_default()
    }

    fn of(&self, state: &AppState) -> NodeReport {
        let (serve, service, health) = (&self.serve, state.service(), &self.health);
        let (latency, errors) = state.load().answers();
        let facts = self.measured.facts();
        let known = service.runtime_status().known_at;
        let away = health.mode() == crate::health::Mode::Continuity;
        let bound = service.settings().continuity.longest;
        NodeReport {
            node: serve.node_name.clone(),
            region: serve.region.clone(),
            version: crate::VERSION.to_owned(),
            mode: mode(health.mode()),
            endpoints: self.endpoints.clone(),
            started_at: Some(self.started_at),
            continuity_since: known.filter(|_| away),
            continuity_until: known.filter(|_| away).map(|known| known.plus(bound)),
            requests: Some(usage(state.load().working() as u64, state.load().places() as u64)),
            connections: Some(usage(self.open.load(Ordering::Relaxed) as u64, serve.max_connections as u64)),
            latency: Some(latency),
            errors: Some(errors),
            database: Some(database(service.store().db(), &facts)),
            change_feed_age: service
                .runtime_status()
                .feed_age
                .map(|age| Micros::from_millis(age.0.saturating_mul(1_000))),
            clock: health
                .clock_offset()
                .map(|offset| ClockReport { to_database: Some(offset), to_peers: facts.to_peers }),
            disk: self.disk(),
            memory: memory(),
            descriptors: descriptors(),
            denials: service.denials_lately(DENIALS),
            certificate_expires_at: facts.certificate_expires_at,
            keys: service.keys_ending(KEYS).into_iter().map(key).collect(),
            jobs: facts.jobs,
            restore: facts.restore,
            outbox: facts.outbox,
            mail: facts.mail,
        }
    }

    fn disk(&self) -> Option<Usage> {
        let system = rustix::fs::statvfs(&self.data_dir).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        // What only root may fill does not count as there.
        let limit = bytes(system.f_blocks.saturating_sub(system.f_bfree).saturating_add(system.f_bavail));
        Some(usage(limit.saturating_sub(bytes(system.f_bavail)), limit))
    }
}

/// The database as this node sees it.
fn database(db: &Db, facts: &Facts) -> DatabaseReport {
    let micros = |span: Duration| Micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX));
    let (used, limit) = db.pool_use();
    let role = match (db.dialect(), facts.replication.map(|replication| replication.role)) {
        (Dialect::Sqlite, _) | (_, Some(MemberRole::Single)) => DatabaseRole::Single,
        (_, Some(MemberRole::Primary)) => DatabaseRole::Primary,
        (_, Some(MemberRole::Replica)) => DatabaseRole::Replica,
        (_, None) => DatabaseRole::Unknown,
    };
    DatabaseReport {
        role,
        replication_lag: facts.replication.and_then(|replication| replication.lag).map(micros),
        pool: Some(usage(u64::from(used), u64::from(limit))),
        pool_wait_p99: db.pool_wait_p99().map(micros),
    }
}

fn key(ending: KeyEnding) -> KeyReport {
    let kind = match ending.kind {
        signing_keys::KeyKind::Root => KeyKind::Root,
        signing_keys::KeyKind::Issuing => KeyKind::Issuing,
    };
    KeyReport { kid: ending.kid, kind, expires_at: ending.at }
}

const fn usage(used: u64, limit: u64) -> Usage {
    Usage { used, limit }
}

const fn mode(mode: crate::health::Mode) -> NodeMode {
    use crate::health::Mode;
    match mode {
        Mode::Normal => NodeMode::Normal,
        Mode::Continuity => NodeMode::Continuity,
        Mode::Draining => NodeMode::Draining,
        Mode::Starting => NodeMode::Starting,
        Mode::Sealed => NodeMode::Sealed,
        Mode::Clock => NodeMode::Clock,
    }
}

/// Resident bytes of the process, of those that its control group or else the machine gives it.
fn memory() -> Option<Usage> {
    let resident: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let machine = || {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kib| kib.saturating_mul(1_024))
    };
    Some(usage(resident.saturating_mul(rustix::param::page_size() as u64), group.or_else(machine)?))
}

/// Open file descriptors, of those that the process may have.
fn descriptors() -> Option<Usage> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    Some(usage(open as u64, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_and_descriptors_are_within_their_limits() {
        for measured in [memory().unwrap(), descriptors().unwrap()] {
            assert!(measured.used > 0 && measured.used < measured.limit, "{measured:?}");
        }
    }
}
