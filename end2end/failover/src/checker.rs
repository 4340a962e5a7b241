//! Decides about a history: what was lost, oversold, wrongly refused or could not be started. Pure, so that it can be shown
//! histories which really are bad.
//!
//! An operation that failed may have happened or not, at any time after it began. The rules below only call wrong what is
//! wrong in every such case.

use crate::history::{Act, Device, History, License, Micros, Operation, Outcome};
use std::collections::BTreeMap;

/// What is wrong with a history, each with a sentence for the person who looks into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Acknowledged, and not in the database afterwards.
    pub lost: Vec<String>,
    /// More devices on a license than it has seats.
    pub oversold: Vec<String>,
    /// Refused although entitled.
    pub wrong_denials: Vec<String>,
    /// An application with a valid lease that did not start with its rights.
    pub failed_launches: Vec<String>,
}

impl Findings {
    /// All sentences, with what kind of finding each is.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("lost", &self.lost),
            ("oversold", &self.oversold),
            ("wrong denial", &self.wrong_denials),
            ("failed launch", &self.failed_launches),
        ]
        .into_iter()
        .flat_map(|(kind, found)| found.iter().map(move |text| (kind, text.as_str())))
    }
}

/// A time that never comes.
const NEVER: Micros = Micros::MAX;

/// When a device had a seat, as far as its own operations tell.
struct Holding {
    device: Device,
    /// From the acknowledgement of a claim to the beginning of the release: it had the seat then, whatever else is true.
    sure: Vec<(Micros, Micros)>,
    /// From the beginning of the first claim that may have succeeded to the end of the last release that did: outside of
    /// it, it had none.
    possible: Option<(Micros, Micros)>,
    /// What has to be stored in the end; `None` where both are right.
    finally: Option<bool>,
}

/// Judges a history.
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    let mut of_license: BTreeMap<License, Vec<Holding>> = BTreeMap::new();
    for ((license, device), operations) in by_device(history) {
        let holding = holding(device, &operations);
        check_stored(history, license, &holding, &mut findings);
        check_launches(history, license, &operations, &mut findings);
        of_license.entry(license).or_default().push(holding);
    }
    for (&license, &seats) in &history.seats {
        let holdings = of_license.get(&license).map_or(&[][..], Vec::as_slice);
        check_oversold(history, license, seats, holdings, &mut findings);
    }
    for operation in &history.operations {
        let holdings = of_license.get(&operation.license).map_or(&[][..], Vec::as_slice);
        check_refusal(history, operation, holdings, &mut findings);
    }
    findings
}

/// The same history, with every claim and release around the time of a frozen node marked as one of which an attempt may still
/// be carried out later. A load balancer may have given the frozen node up and sent the request to another one; whoever asked
/// does not see that, and the first attempt is still in the frozen node's hand when it thaws.
pub fn with_hidden_tries(mut operations: Vec<Operation>, frozen: &[(Micros, Micros)]) -> Vec<Operation> {
    for operation in &mut operations {
        let around = frozen.iter().any(|&(from, until)| operation.begun <= until && from <= operation.ended);
        if around && matches!(operation.act, Act::Activate | Act::Release) {
            operation.lost_tries = operation.lost_tries.max(1);
        }
    }
    operations
}

/// The operations of each device on its license, in the order of their beginnings. Reads are nobody's.
fn by_device(history: &History) -> BTreeMap<(License, Device), Vec<&Operation>> {
    let mut sorted: BTreeMap<(License, Device), Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.act != Act::Read) {
        sorted.entry((operation.license, operation.device)).or_default().push(operation);
    }
    for operations in sorted.values_mut() {
        operations.sort_by_key(|operation| operation.begun);
    }
    sorted
}

fn holding(device: Device, operations: &[&Operation]) -> Holding {
    let mut holding = Holding { device, sure: Vec::new(), possible: None, finally: Some(false) };
    // Whether some attempt to claim may still be on its way: then no release is the last word. And the other way round.
    let (mut pending, mut releasing) = (false, false);
    for operation in operations {
        match (operation.act, &operation.outcome) {
            (Act::Activate, outcome) => {
                let done = *outcome == Outcome::Done;
                let unknown = matches!(outcome, Outcome::Failed(_));
                pending |= unknown || operation.lost_tries > 0;
                if done || pending {
                    let begun = holding.possible.map_or(operation.begun, |(begun, _)| begun);
                    holding.possible = Some((begun, NEVER));
                }
                if done && !releasing {
                    if holding.sure.last().is_none_or(|(_, until)| *until != NEVER) {
                        holding.sure.push((operation.ended, NEVER));
                    }
                    holding.finally = Some(true);
                } else if pending || releasing {
                    holding.finally = holding.finally.filter(|stored| *stored && !releasing);
                }
            }
            (Act::Release, outcome) => {
                if let Some((_, until)) = holding.sure.last_mut() {
                    *until = (*until).min(operation.begun);
                }
                let done = *outcome == Outcome::Done;
                releasing |= !done || operation.lost_tries > 0;
                if done && !pending {
                    if let Some((_, until)) = &mut holding.possible {
                        *until = operation.ended;
                    }
                    holding.finally = Some(false);
                } else {
                    holding.finally = None;
                }
            }
            _ => {}
        }
    }
    holding
}

fn check_stored(history: &History, license: License, holding: &Holding, findings: &mut Findings) {
    let device = holding.device;
    for copy in &history.copies {
        let name = &copy.name;
        match (holding.finally, copy.devices.contains(&device)) {
            (Some(true), false) => {
                findings.lost.push(format!("the seat of device {device} on license {license} is not on {name}"));
            }
            (Some(false), true) => {
                findings.lost.push(format!(
                    "device {device} on license {license} has a seat on {name} that it gave up or never got"
                ));
            }
            _ => {}
        }
    }
}

fn check_launches(history: &History, license: License, operations: &[&Operation], findings: &mut Findings) {
    let mut entitled = false;
    for operation in operations {
        match (operation.act, &operation.outcome) {
            (Act::Activate, Outcome::Done) => entitled = true,
            (Act::Release, _) => entitled = false,
            (Act::Launch, Outcome::NotEntitled(why)) if entitled && !is_revoked(history, license, operation.ended) => {
                findings.failed_launches.push(format!(
                    "device {} on license {license} started without its rights after {}: {why}",
                    operation.device,
                    seconds(operation.begun)
                ));
            }
            _ => {}
        }
    }
}

fn check_oversold(history: &History, license: License, seats: usize, holdings: &[Holding], findings: &mut Findings) {
    for copy in &history.copies {
        let stored = holdings.iter().filter(|holding| copy.devices.contains(&holding.device)).count();
        if stored > seats {
            findings
                .oversold
                .push(format!("license {license} has {seats} seats and {stored} devices on {}", copy.name));
        }
    }
    // Who surely had a seat at the same moment: it can only grow where somebody's sure time begins.
    for &(at, _) in holdings.iter().flat_map(|holding| &holding.sure) {
        let together = holdings
            .iter()
            .filter(|holding| holding.sure.iter().any(|&(from, until)| from <= at && at < until))
            .count();
        if together > seats {
            let at = seconds(at);
            findings.oversold.push(format!("license {license} has {seats} seats and {together} devices after {at}"));
            return;
        }
    }
}

fn check_refusal(history: &History, operation: &Operation, holdings: &[Holding], findings: &mut Findings) {
    let Operation { act, device, license, begun, ended, outcome, .. } = operation;
    let own = holdings.iter().find(|holding| holding.device == *device);
    let owns = own.is_some_and(|own| own.sure.iter().any(|&(from, until)| from <= *begun && *ended <= until));
    let wrong = match (act, outcome) {
        (Act::Read | Act::Launch, _) | (_, Outcome::Done | Outcome::Failed(_) | Outcome::NotEntitled(_)) => None,
        _ if is_revoked(history, *license, *ended) => None,
        (Act::Activate, Outcome::SeatLimit) => {
            let seats = history.seats.get(license).copied().unwrap_or(0);
            let others = holdings
                .iter()
                .filter(|holding| holding.device != *device)
                .filter(|holding| holding.possible.is_some_and(|(from, until)| from <= *ended && *begun <= until))
                .count();
            if owns {
                Some("it has a seat already".to_owned())
            } else {
                (others < seats).then(|| format!("at most {others} of {seats} seats were taken"))
            }
        }
        (Act::Activate, Outcome::Denied(why)) => Some(why.clone()),
        // Between its own acts a device holds its seat, and a renewal of it is never refused.
        (_, Outcome::Denied(why)) => owns.then(|| why.clone()),
        (_, Outcome::SeatLimit) => Some("no seat is asked for".to_owned()),
    };
    if let Some(why) = wrong {
        let at = seconds(*begun);
        let act = act.name();
        findings.wrong_denials.push(format!("{act} of device {device} on license {license} after {at}: {why}"));
    }
}

fn is_revoked(history: &History, license: License, at: Micros) -> bool {
    history.revoked.get(&license).is_some_and(|revoked| *revoked <= at)
}

fn seconds(at: Micros) -> String {
    format!("{}.{:03} s", at / 1_000_000, at / 1_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Copy;

    fn operation(act: Act, device: Device, begun: Micros, ended: Micros, outcome: Outcome) -> Operation {
        Operation { act, device, license: 0, begun, ended, outcome, lost_tries: 0 }
    }

    fn lost() -> Outcome {
        Outcome::Failed("no answer".to_owned())
    }

    /// A history of one license with two seats. Both copies hold the same devices.
    fn history(operations: Vec<Operation>, stored: &[Device]) -> History {
        let copy = |name: &str| Copy { name: name.to_owned(), devices: stored.iter().copied().collect() };
        History { seats: [(0, 2)].into(), operations, copies: vec![copy("one"), copy("two")], ..History::default() }
    }

    fn is_clean(history: &History) -> bool {
        check(history) == Findings::default()
    }

    fn activate(device: Device, at: Micros) -> Operation {
        operation(Act::Activate, device, at, at + 5, Outcome::Done)
    }

    #[test]
    fn a_good_history_is_clean() {
        let operations = vec![
            activate(1, 10),
            activate(2, 20),
            operation(Act::Activate, 3, 30, 35, Outcome::SeatLimit),
            activate(2, 40),
            operation(Act::Renew, 1, 50, 55, Outcome::Done),
            operation(Act::Launch, 1, 60, 61, Outcome::Done),
            operation(Act::Release, 1, 70, 75, Outcome::Done),
            activate(3, 80),
            operation(Act::Renew, 2, 90, 95, lost()),
            operation(Act::Read, 0, 90, 95, lost()),
        ];
        assert_eq!(check(&history(operations, &[2, 3])), Findings::default());
    }

    #[test]
    fn a_lost_acknowledged_claim_is_found_on_the_copy_that_lacks_it() {
        let mut bad = history(vec![activate(1, 10)], &[1]);
        assert!(is_clean(&bad));
        bad.copies[1].devices.clear();
        let found = check(&bad);
        assert_eq!(found.lost.len(), 1, "{found:?}");
        assert!(found.lost[0].contains("device 1") && found.lost[0].contains("two"), "{found:?}");
    }

    #[test]
    fn a_claim_that_was_lost_after_an_earlier_failure_is_lost_all_the_same() {
        let operations = vec![operation(Act::Activate, 1, 0, 5, lost()), activate(1, 10)];
        assert_eq!(check(&history(operations, &[])).lost.len(), 2);
        // And one that was acknowledged stays owed when asking again fails.
        let operations = vec![activate(1, 10), operation(Act::Activate, 1, 20, 25, lost())];
        assert_eq!(check(&history(operations, &[])).lost.len(), 2);
    }

    #[test]
    fn a_lost_release_is_found_unless_a_claim_may_have_come_late() {
        let released = operation(Act::Release, 1, 20, 25, Outcome::Done);
        assert_eq!(check(&history(vec![activate(1, 10), released.clone()], &[1])).lost.len(), 2);
        let mut slow = activate(1, 10);
        slow.lost_tries = 1;
        assert!(is_clean(&history(vec![slow, released], &[1])));
    }

    #[test]
    fn a_claim_that_a_frozen_node_may_still_carry_out_is_told_from_a_lost_release() {
        let released = operation(Act::Release, 1, 200, 205, Outcome::Done);
        let operations = vec![activate(1, 100), released];
        let lost = |operations| check(&history(operations, &[1])).lost.len();
        assert_eq!(lost(operations.clone()), 2);
        assert_eq!(lost(with_hidden_tries(operations.clone(), &[(103, 150)])), 0);
        assert_eq!(lost(with_hidden_tries(operations, &[(500, 600)])), 2, "no node was frozen then");
    }

    #[test]
    fn a_release_that_may_come_late_leaves_both_open() {
        let operations = vec![activate(1, 0), operation(Act::Release, 1, 10, 15, lost()), activate(1, 20)];
        for stored in [&[][..], &[1]] {
            assert!(is_clean(&history(operations.clone(), stored)));
        }
    }

    #[test]
    fn what_failed_may_be_stored_or_not() {
        for stored in [&[][..], &[1]] {
            assert!(is_clean(&history(vec![operation(Act::Activate, 1, 0, 5, lost())], stored)));
            let operations = vec![activate(1, 0), operation(Act::Release, 1, 10, 15, lost())];
            assert!(is_clean(&history(operations, stored)));
        }
    }

    #[test]
    fn a_seat_that_nobody_was_given_is_not_stored() {
        let operations = vec![activate(1, 0), activate(2, 0), operation(Act::Activate, 3, 10, 15, Outcome::SeatLimit)];
        assert_eq!(check(&history(operations, &[1, 2, 3])).lost.len(), 2);
    }

    #[test]
    fn an_oversold_seat_is_found_in_what_was_acknowledged() {
        let found = check(&history(vec![activate(1, 10), activate(2, 20), activate(3, 30)], &[1, 2, 3]));
        // Both copies, and the moment.
        assert_eq!(found.oversold.len(), 3, "{found:?}");
        // Sold three times at the same moment although only two are left in the end.
        let mut operations = vec![activate(1, 10), activate(2, 20), activate(3, 30)];
        operations.push(operation(Act::Release, 1, 50, 55, Outcome::Done));
        let found = check(&history(operations, &[2, 3]));
        assert_eq!(found.oversold.len(), 1, "{found:?}");
    }

    #[test]
    fn a_seat_that_changes_hands_is_not_oversold() {
        // The release began before the others' claim was acknowledged.
        let operations = vec![
            activate(1, 10),
            activate(2, 20),
            operation(Act::Release, 1, 30, 40, Outcome::Done),
            operation(Act::Activate, 3, 29, 35, Outcome::Done),
        ];
        assert_eq!(check(&history(operations, &[2, 3])), Findings::default());
    }

    #[test]
    fn an_oversold_seat_is_found_where_only_the_database_knows() {
        let operations = vec![activate(1, 10), activate(2, 20), operation(Act::Activate, 3, 30, 35, lost())];
        assert_eq!(check(&history(operations, &[1, 2, 3])).oversold.len(), 2);
    }

    #[test]
    fn a_full_license_that_is_not_full_is_a_wrong_denial() {
        let operations = vec![activate(1, 10), operation(Act::Activate, 3, 30, 35, Outcome::SeatLimit)];
        assert_eq!(check(&history(operations, &[1])).wrong_denials.len(), 1);
        // A claim of unknown outcome may have taken the other seat, at any time since.
        let operations = vec![
            activate(1, 10),
            operation(Act::Activate, 2, 20, 25, lost()),
            operation(Act::Activate, 3, 300, 305, Outcome::SeatLimit),
        ];
        assert!(is_clean(&history(operations, &[1])));
        // One that begins only afterwards has not.
        let operations = vec![
            activate(1, 10),
            operation(Act::Activate, 3, 30, 35, Outcome::SeatLimit),
            operation(Act::Activate, 2, 40, 45, lost()),
        ];
        assert_eq!(check(&history(operations, &[1])).wrong_denials.len(), 1);
    }

    #[test]
    fn a_device_that_has_a_seat_is_never_told_that_there_is_none() {
        let operations =
            vec![activate(1, 10), activate(2, 20), operation(Act::Activate, 1, 30, 35, Outcome::SeatLimit)];
        assert_eq!(check(&history(operations, &[1, 2])).wrong_denials.len(), 1);
    }

    #[test]
    fn a_denied_renewal_is_wrong_until_the_license_is_revoked() {
        let denied = || Outcome::Denied("revoked".to_owned());
        let operations = vec![activate(1, 10), operation(Act::Renew, 1, 30, 35, denied())];
        let mut history = history(operations, &[1]);
        assert_eq!(check(&history).wrong_denials.len(), 1);
        history.revoked.insert(0, 40);
        assert_eq!(check(&history).wrong_denials.len(), 1, "it was not revoked yet");
        history.revoked.insert(0, 33);
        assert!(is_clean(&history), "it was being revoked");
    }

    #[test]
    fn a_denied_activation_of_a_good_license_is_wrong() {
        let operations = vec![operation(Act::Activate, 1, 30, 35, Outcome::Denied("license_not_found".to_owned()))];
        assert_eq!(check(&history(operations, &[])).wrong_denials.len(), 1);
    }

    #[test]
    fn a_denied_renewal_after_a_release_is_right() {
        let operations = vec![
            activate(1, 10),
            operation(Act::Release, 1, 20, 25, lost()),
            operation(Act::Renew, 1, 30, 35, Outcome::Denied("released".to_owned())),
        ];
        assert!(is_clean(&history(operations, &[])));
    }

    #[test]
    fn a_failed_launch_is_found() {
        let launch = |at| operation(Act::Launch, 1, at, at + 1, Outcome::NotEntitled("invalid".to_owned()));
        assert_eq!(check(&history(vec![activate(1, 10), launch(20)], &[1])).failed_launches.len(), 1);
        // Before the activation and after the release there is nothing to start with.
        let operations = vec![launch(5), activate(1, 10), operation(Act::Release, 1, 20, 25, lost()), launch(30)];
        assert!(is_clean(&history(operations, &[])));
    }
}
