//! Two processes of one application share a store: what both know is joined, not overwritten.

use super::{Setup, State, stored::Stored};
use holdfast_domain::{Seconds, UnixSeconds};

/// Joins the state of this process with what another process has stored meanwhile.
///
/// The newer lease, the newer manifest, the denial that the lease has not overcome and the later times win, whichever
/// side they are on; documents are verified first, so a damaged or foreign store adds none. What concerns retries
/// comes from the side of the lease. Call it with the store's lock held, just before writing, and with what was read
/// after another process wrote.
pub fn merge(setup: Setup<'_>, mine: &State, theirs: &State) -> State {
    let (my, their) = (Stored::load(setup, mine), Stored::load(setup, theirs));
    let given_up = |stored: &Stored, by: &State| {
        stored.lease.as_ref().is_some_and(|lease| by.released.is_some_and(|released| lease.seq <= released))
    };
    // A lease that one process gave up does not come back through another; otherwise the newest document decides.
    let theirs_leads = match (given_up(&my, theirs), given_up(&their, mine)) {
        (true, false) => true,
        (false, true) => false,
        _ => rank(&their) > rank(&my),
    };
    let (lead, other) = if theirs_leads { (theirs, mine) } else { (mine, theirs) };
    let mut merged = lead.clone();

    let seq = |stored: &Stored| stored.manifest.as_ref().map(|manifest| manifest.seq);
    let (lead_seq, other_seq) = if theirs_leads { (seq(&their), seq(&my)) } else { (seq(&my), seq(&their)) };
    if other_seq > lead_seq {
        // The manifest that verified the leading side's documents stays with them.
        if merged.lease_manifest.is_none() && (merged.lease.is_some() || merged.denial.is_some()) {
            merged.lease_manifest.clone_from(&lead.manifest);
        }
        merged.manifest.clone_from(&other.manifest);
    }
    (merged.wall, merged.wall_run) = later((mine.wall, mine.wall_run), (theirs.wall, theirs.wall_run));
    (merged.server, merged.server_run) = later((mine.server, mine.server_run), (theirs.server, theirs.server_run));
    if merged.lease.is_none() {
        merged.released = mine.released.max(theirs.released);
    }
    merged.notice_day = mine.notice_day.max(theirs.notice_day);
    merged.manifest_asked = mine.manifest_asked.max(theirs.manifest_asked);
    merged.bad_answers = mine.bad_answers.max(theirs.bad_answers);
    merged
}

/// How new the documents are: by the newest of them, and by a lease before none.
fn rank(stored: &Stored) -> (Option<(UnixSeconds, i64)>, bool) {
    let lease = stored.lease.as_ref().map(|lease| (lease.iat, lease.seq));
    let denial = stored.denial.as_ref().map(|denial| (denial.iat, denial.seq));
    (lease.max(denial), lease.is_some())
}

/// The later of two marks, its running time included.
fn later(
    mine: (Option<UnixSeconds>, Seconds),
    theirs: (Option<UnixSeconds>, Seconds),
) -> (Option<UnixSeconds>, Seconds) {
    let moment = |(time, run): (Option<UnixSeconds>, Seconds)| time.map(|time| time.plus(run));
    if moment(theirs) > moment(mine) { theirs } else { mine }
}
