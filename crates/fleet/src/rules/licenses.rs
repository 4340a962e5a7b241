//! Many licenses that end together: within a day, or in the very same minute.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, words},
    observe::{Ends, ProductSeen},
};
use crate::{
    finding::{
        Severity::{self, Critical, Info, Warning},
        Subject,
    },
    number,
};
use holdfast_domain::{Seconds, Timestamp};

const DAY: f64 = 86_400.0;
/// A date is exact; what a rule says comes an hour before the lead that is promised, for the time until it is evaluated.
const EARLY: f64 = 3_600.0;
/// How far ahead ends are looked up, in days.
const HORIZON: f64 = 45.0;

/// Many licenses end within a day.
pub(super) const CLIFF: Rule = Rule {
    code: Code::ExpiryCliff,
    watches: "ends of licenses of a product in any 24 h of the next 45 d: at least 50, a tenth of all, and 4 times a usual day",
    failure: "those customers lose what they paid for, all at once, if nobody renews",
    levels: &[(Info, "30 d left"), (Warning, "14 d left"), (Critical, "3 d left")],
    lead: Lead::Before(Seconds::days(14)),
    cure: "Open the list of licenses that end then, and ask whether that is meant. If so, write to the customers and make \
           sure that renewals are sold and recorded; if not, extend them together from the list.",
    confirm: Seconds(0),
    settle: Seconds::hours(1),
    measure: |view| view.seen.products.iter().filter_map(|product| cliff(view.now, product)).collect(),
};

/// Many licenses end in the same minute.
pub(super) const SAME_MINUTE: Rule = Rule {
    code: Code::ExpirySameMinute,
    watches: "ends of licenses of a product in one and the same minute: at least 20, and a hundredth of all",
    failure: "all of them turn to the server, and their owners to support, in that minute",
    levels: &[(Info, "30 d left"), (Warning, "7 d left")],
    lead: Lead::Before(Seconds::days(7)),
    cure: "Usually an import or a campaign gave all of them the same end. Spread the ends over some days from the list of \
           licenses (extend, never shorten).",
    confirm: Seconds(0),
    settle: Seconds::hours(1),
    measure: |view| view.seen.products.iter().filter_map(|product| same_minute(view.now, product)).collect(),
};

/// The severity with the time left; `relax` stretches the thresholds, for clearing.
fn by_left(left: f64, days: [(f64, Severity); 3], relax: f64) -> Option<Severity> {
    days.into_iter().filter(|(days, _)| left <= days.mul_add(DAY, EARLY) * relax).map(|(_, severity)| severity).max()
}

/// The first 24 hours in which at least `least` licenses end: when they begin, and how many end in them.
fn first_day(ends: &[Ends], least: f64) -> Option<(Timestamp, u64)> {
    ends.iter().enumerate().find_map(|(i, first)| {
        let day = ends.get(i..)?.iter().take_while(|end| end.at < first.at.plus(Seconds::DAY));
        let licenses = day.fold(0u64, |sum, end| sum.saturating_add(end.licenses));
        (number::count(licenses) >= least).then_some((first.at, licenses))
    })
}

fn cliff(now: Timestamp, seen: &ProductSeen) -> Option<Measure> {
    const DAYS: [(f64, Severity); 3] = [(30.0, Info), (14.0, Warning), (3.0, Critical)];
    let mut ends: Vec<Ends> = seen.ends_by_hour.clone()?;
    ends.retain(|end| end.at.plus(Seconds::HOUR) > now);
    ends.sort_by_key(|end| end.at);
    let all = ends.iter().fold(0u64, |sum, end| sum.saturating_add(end.licenses));
    let usual = number::count(all) / HORIZON;
    let least = 50f64.max(0.1 * number::count(seen.active_licenses)).max(4.0 * usual);
    let found = |least: f64, relax: f64| {
        let (at, licenses) = first_day(&ends, least)?;
        let left = number::between(now, at).max(0.0);
        Some((by_left(left, DAYS, relax), left, licenses))
    };
    let (up, down) = (found(least, 1.0), found(0.8 * least, 1.02));
    let judged = (up.and_then(|(severity, ..)| severity), down.and_then(|(severity, ..)| severity));
    let shown = up.or(down);
    Some(Measure::new(Subject::Product(seen.product), judged, shown.map(|(_, left, _)| left), || {
        let (licenses, left) = shown.map_or((0, 0.0), |(_, left, licenses)| (licenses, left));
        format!("{licenses} of {} licenses end within 24 h, from {} on", seen.active_licenses, words(left))
    }))
}

fn same_minute(now: Timestamp, seen: &ProductSeen) -> Option<Measure> {
    const DAYS: [(f64, Severity); 3] = [(30.0, Info), (7.0, Warning), (7.0, Warning)];
    let minutes = seen.ends_by_minute.as_ref()?;
    let least = 20f64.max(0.01 * number::count(seen.active_licenses));
    let found = |least: f64, relax: f64| {
        let full =
            minutes.iter().filter(|end| end.at.plus(Seconds::MINUTE) > now && number::count(end.licenses) >= least);
        let first = full.min_by_key(|end| end.at)?;
        let left = number::between(now, first.at).max(0.0);
        Some((by_left(left, DAYS, relax), left, first.licenses))
    };
    let (up, down) = (found(least, 1.0), found(0.8 * least, 1.02));
    let judged = (up.and_then(|(severity, ..)| severity), down.and_then(|(severity, ..)| severity));
    let shown = up.or(down);
    Some(Measure::new(Subject::Product(seen.product), judged, shown.map(|(_, left, _)| left), || {
        let (licenses, left) = shown.map_or((0, 0.0), |(_, left, licenses)| (licenses, left));
        format!("{licenses} licenses end in the same minute, in {}", words(left))
    }))
}
