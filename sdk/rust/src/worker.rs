//! The background task: renews in its own time, in its own thread, with its own deadlines.

use crate::core::Core;
use holdfast_lease::client::{Action, Event};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The longest sleep: the mark is saved this often, and a clock that was set is noticed.
const LONGEST_REST: Duration = Duration::from_mins(10);
/// The shortest pause between two calls, whatever anybody says.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// Starts the task. Where the system has no thread to spare, the application works on without it and tries again at the
/// next launch.
pub(crate) fn start(core: &Arc<Core>) -> bool {
    let core = core.clone();
    thread::Builder::new().name("holdfast".into()).spawn(move || run(&core)).is_ok()
}

fn run(core: &Core) {
    while !core.is_stopped() {
        core.adopt();
        let applied = core.apply(&Event::Tick);
        core.save_if_wanted();
        let until_change = applied.standing.changes_at.map(|at| at.since(applied.standing.time).0);
        let pause = match applied.action {
            Action::Revalidate { .. } => {
                core.renew();
                SHORTEST_REST
            }
            Action::FetchManifest { .. } => {
                core.fetch_manifest(None);
                SHORTEST_REST
            }
            Action::Wait { seconds, .. } => seconds_until([Some(seconds.0), until_change]),
            Action::Nothing => seconds_until([None, until_change]),
        };
        if core.is_stopped() {
            return;
        }
        core.rest(pause.clamp(SHORTEST_REST, LONGEST_REST));
    }
}

/// The shortest of the given times in seconds.
fn seconds_until(times: [Option<i64>; 2]) -> Duration {
    times
        .into_iter()
        .flatten()
        .min()
        .map_or(LONGEST_REST, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
