//! What a plan's change would do, in sentences.

use holdfast_domain::{LicenseModel, Seconds};
use holdfast_service::admin::freshness::WhatIf;

use crate::{pages::serve::number, ui::time::span_closely};

/// The sentences, the most important one first.
pub fn outcome(found: &WhatIf) -> Vec<String> {
    let WhatIf { plan, lease, grace, before, after } = found;
    let (was, would) = (before.figures(), after.figures());
    let Some((was_first, was_half)) = was.first.zip(was.half) else {
        return vec![format!("No device holds a lease of {} that a server would have to renew.", plan.name)];
    };
    if matches!(plan.terms.model, LicenseModel::Trial { .. }) {
        return vec!["The leases of a trial last as long as the trial, so nothing would change.".to_owned()];
    }
    let terms = format!("a lease of {} and a grace of {}", length(*lease), length(*grace));
    let mut sentences = match would.first.zip(would.half) {
        None => vec![format!(
            "If all licenses of {} had {terms}, their leases would outlast the licenses themselves: no device would notice.",
            plan.name
        )],
        Some((first, half)) => vec![format!(
            "If all licenses of {} had {terms}, the first of their {} would stop {}, and half of them {}.",
            plan.name,
            devices(would.leases),
            change(first, was_first),
            change(half, was_half),
        )],
    };
    let stopped = after.stops.stopping_at_once().saturating_sub(before.stops.stopping_at_once());
    if stopped > 0 {
        sentences
            .push(format!("{} had no contact for longer than that and would have stopped already.", devices(stopped)));
    }
    let reach = |lease: Seconds, grace: Seconds| Seconds(lease.0.saturating_add(grace.0));
    let (now, then) = (reach(plan.terms.lease, plan.terms.grace), reach(*lease, *grace));
    if now != then {
        sentences.push(format!(
            "The other side of it: a revocation would reach a device that stays off line after {} at the latest, instead of {}.",
            length(then),
            length(now)
        ));
    }
    sentences
}

fn devices(n: u64) -> String {
    if n == 1 { "1 device".to_owned() } else { format!("{} devices", number(n)) }
}

/// How long it would take, and how long it takes.
fn change(would: Seconds, was: Seconds) -> String {
    match (would.0 > 0, was.0 > 0) {
        (true, true) => format!("after {} instead of {}", span_closely(would), span_closely(was)),
        (true, false) => format!("after {} instead of at once", span_closely(would)),
        (false, true) => format!("at once instead of after {}", span_closely(was)),
        (false, false) => "at once, as now".to_owned(),
    }
}

/// A length of time that somebody chose: whole days as such.
fn length(span: Seconds) -> String {
    let days = span.0 / Seconds::DAY.0;
    if days > 0 && span.0 % Seconds::DAY.0 == 0 { format!("{days} d") } else { span_closely(span) }
}
