//! Denials that are heading for the breaker.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, Quantity, Steps, View, words},
    observe::{Denials, ProductSeen},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
};
use holdfast_domain::Seconds;

/// The window over which the breaker counts, in seconds.
const WINDOW: f64 = 600.0;

/// Denials are heading for the breaker.
pub(super) const RULE: Rule = Rule {
    code: Code::DenialSpike,
    watches: "signed denials of a product in 10 min against the number at which its breaker trips",
    failure: "the breaker trips: nothing of the product is denied any more until a person has looked",
    levels: &[(Warning, "60 % of the number"), (Critical, "90 % of the number, or tripped")],
    lead: Lead::Before(Seconds::minutes(3)),
    cure: "Look whose access ends and why (the product's denials by code and by who changed the license). If a refund \
           run or a mistaken change is behind it, undo it; if all of it is meant, confirm it, and the breaker lets it pass.",
    confirm: Seconds(0),
    settle: Seconds::minutes(10),
    measure: |view| view.seen.products.iter().filter_map(|product| of_product(view, product)).collect(),
};

fn of_product(view: &View<'_>, seen: &ProductSeen) -> Option<Measure> {
    let Denials { recent, limit, tripped } = seen.denials?;
    let share = number::count(recent) / number::count(limit.max(1));
    let judged = if tripped {
        (Some(Critical), Some(Critical))
    } else {
        Steps { warning: 0.6, critical: 0.9 }.level(share, 0.2)
    };
    let subject = Subject::Product(seen.product);
    let left = if tripped || share >= 1.0 {
        Some(0.0)
    } else {
        // At the pace at which the count grows; before there is one, as if it had grown for all of the ten minutes.
        let pace = view.series(Quantity::Denials, &subject).and_then(|series| series.time_to(1.0));
        pace.or_else(|| (recent > 0).then(|| WINDOW * (1.0 / share - 1.0)))
    };
    Some(Measure::new(subject, judged, left, || match left {
        _ if tripped => format!("the breaker has tripped: {recent} denials in 10 min, {limit} allowed"),
        Some(left) if left > 0.0 => {
            format!("{recent} / {limit} denials in 10 min, the breaker trips in {} at the present pace", words(left))
        }
        _ => format!("{recent} / {limit} denials in 10 min"),
    }))
}
