//! Looks at the database in the background, so that asking how the node is never has to.

use super::measured::Measured;
use crate::health::Health;
use holdfast_domain::Seconds;
use holdfast_fleet::Micros;
use holdfast_service::Service;
use holdfast_store::replication::Follower;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often to look.
const EVERY: Duration = Duration::from_secs(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How far the clocks may differ (a node whose clock is off must not sign).
const CLOCKS_APART: Seconds = Seconds(30);

/// Looks until `stop` is cancelled.
pub(super) async fn run(service: Service, health: Health, measured: Measured, stop: CancellationToken) {
    let (mut was_reachable, mut follower) = (true, Follower::default());
    while timeout(EVERY, stop.cancelled()).await.is_err() {
        let reachable = look(&service, &health).await;
        if reachable != was_reachable {
            if reachable {
                tracing::info!("the database answers again");
            } else {
                tracing::warn!("the database does not answer: leases are renewed from what this node knows");
            }
            was_reachable = reachable;
        }
        let replication = match timeout(PATIENCE, follower.look(service.store().db())).await {
            Ok(Ok(replication)) if reachable => Some(replication),
            _ => None,
        };
        measured.note(|facts| facts.replication = replication);
    }
}

/// Looks once: whether the database answers, and whether its clock and this node's agree.
pub(super) async fn look(service: &Service, health: &Health) -> bool {
    let looked = timeout(PATIENCE, service.store().db().now()).await;
    let reachable = matches!(looked, Ok(Ok(_)));
    health.set_database(reachable);
    if let Ok(Ok(Some(theirs))) = looked {
        let ahead = service.now().micros().saturating_sub(theirs.micros());
        // To the microsecond they never agree, and 0 stands for not known.
        health.set_clock_offset(Micros(if ahead == 0 { 1 } else { ahead }));
        let apart = (ahead / 1_000_000).abs();
        let off = apart > CLOCKS_APART.0;
        if off {
            tracing::error!(apart, "this node's clock and the database's differ by too many seconds: not signing");
        }
        health.set_clock_off(off);
        service.set_clock_off(off);
    } else {
        // What was measured before the database went away says less and less of now.
        health.forget_clock_offset();
    }
    reachable
}
