//! What the freshness screen shows.

use serde::{Deserialize, Serialize};

use crate::ui::{When, curve::Curve};

/// What is asked: the address's query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Of which product.
    pub product: String,
    /// Of which customer.
    pub customer: String,
    /// Of which region.
    pub region: String,
    /// The plan whose change is tried.
    pub plan: String,
    /// The plan that `lease` and `grace` were chosen for: of another one they say nothing.
    pub of: String,
    /// The lease that is tried, in the plan's unit.
    pub lease: String,
    /// The grace that is tried, in the plan's unit.
    pub grace: String,
}

/// When some leases stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many leases, with thousands apart.
    pub leases: String,
    /// When the first stops; absent with the others where there are none.
    pub first: Option<When>,
    /// When 1 % have stopped.
    pub one_percent: Option<When>,
    /// When half have stopped.
    pub half: Option<When>,
    /// When the last stops.
    pub last: Option<When>,
    /// How many end with their licenses; empty for none.
    pub ending: String,
}

/// Leases that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What it is.
    pub name: String,
    /// Where it alone is shown.
    pub href: Option<String>,
    /// The figures.
    pub figures: Figures,
}

/// How a plan's lengths of time are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// In days.
    Days,
    /// In hours.
    Hours,
    /// In minutes.
    Minutes,
}

impl Unit {
    /// So many of it, in words.
    pub fn words(self, n: &str) -> String {
        let unit = match self {
            Self::Days => "day",
            Self::Hours => "hour",
            Self::Minutes => "minute",
        };
        if n == "1" { format!("1 {unit}") } else { format!("{n} {unit}s") }
    }
}

/// A plan with what is tried on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trying {
    /// Its id.
    pub plan: String,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Its lease, and the longest that can be chosen.
    pub lease: (i64, i64),
    /// Its grace, and the longest that can be chosen.
    pub grace: (i64, i64),
    /// The lease that is tried.
    pub tried_lease: i64,
    /// The grace that is tried.
    pub tried_grace: i64,
    /// Whether it is a trial, which lasts as long as it lasts.
    pub is_trial: bool,
    /// What would change, where something was tried.
    pub outcome: Option<Outcome>,
}

/// What would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In sentences.
    pub sentences: Vec<String>,
    /// Both curves.
    pub curve: Option<Curve>,
}

/// Everything the screen shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessView {
    /// What it is narrowed to, in words.
    pub narrowed: Option<String>,
    /// When the leases were counted.
    pub as_of: When,
    /// The figures.
    pub figures: Figures,
    /// The curve; absent where no lease stops for want of a server.
    pub curve: Option<Curve>,
    /// By product.
    pub products: Vec<Group>,
    /// By region.
    pub regions: Vec<Group>,
    /// The customers who would notice first.
    pub customers: Vec<Group>,
    /// Plans to try changes on: id and name.
    pub plans: Vec<(String, String)>,
    /// The plan chosen.
    pub trying: Option<Trying>,
}

/// How long a customer's computers go on by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safe {
    /// How many computers.
    pub devices: String,
    /// When the first stops.
    pub first: When,
    /// When the last stops.
    pub last: When,
}

#[cfg(feature = "ssr")]
pub use server::{curve, figures};

#[cfg(feature = "ssr")]
mod server {
    use holdfast_domain::{Seconds, Timestamp, UnixSeconds};
    use holdfast_service::admin::freshness::{Freshness, FreshnessView};

    use super::{Figures, Safe, Unit};
    use crate::{
        pages::serve::number,
        ui::{
            When,
            curve::{Curve, Line, Mark, Plot},
            time::span_closely,
        },
    };

    /// How many points a curve is drawn with: one for every few pixels.
    const POINTS: usize = 241;

    /// The figures in words.
    pub fn figures(figures: Freshness, ending: u64) -> Figures {
        let when = |left: Option<Seconds>| left.map(|left| When::closely(figures.as_of.into(), left));
        Figures {
            leases: number(figures.leases),
            first: when(figures.first),
            one_percent: when(figures.one_percent),
            half: when(figures.half),
            last: when(figures.last),
            ending: if ending == 0 { String::new() } else { number(ending) },
        }
    }

    impl Unit {
        /// The unit in seconds.
        pub const fn seconds(self) -> i64 {
            match self {
                Self::Days => 86_400,
                Self::Hours => 3_600,
                Self::Minutes => 60,
            }
        }

        /// The largest unit of which both lengths are whole numbers.
        pub fn of(lease: i64, grace: i64) -> Self {
            let whole = |unit: &Self| lease % unit.seconds() == 0 && grace % unit.seconds() == 0;
            [Self::Days, Self::Hours].into_iter().find(whole).unwrap_or(Self::Minutes)
        }

        /// How far a slider goes for a length of so many.
        pub fn most(self, now: i64) -> i64 {
            let usual = match self {
                Self::Days => 120,
                Self::Hours => 168,
                Self::Minutes => 240,
            };
            usual.max(now.saturating_mul(2))
        }
    }

    impl Safe {
        /// How long those leases go on; `None` for none.
        pub fn of(view: &FreshnessView) -> Option<Self> {
            let found = figures(view.figures(), view.ending);
            Some(Self { devices: found.leases, first: found.first?, last: found.last? })
        }
    }

    /// The share that still works over time: of `view`, and beside it of what it would be otherwise.
    pub fn curve(view: &FreshnessView, otherwise: Option<&FreshnessView>) -> Option<Curve> {
        let now = view.stops.as_of();
        let last = |view: &FreshnessView| view.stops.quantile(1.0).map_or(0, |at| at.since(now).0);
        let until = last(view).max(otherwise.map_or(0, last));
        if view.stops.total() == 0 || until <= 0 {
            return None;
        }
        let plot = Plot::new(until);
        let line = |name: &str, view: &FreshnessView| {
            let points = view.stops.curve(now.plus(Seconds(plot.until())), POINTS);
            let path = plot.path(points.iter().map(|(at, share)| (at.since(now).0, *share)));
            Line { name: name.to_owned(), path, begun: None }
        };
        let lines = match otherwise {
            None => vec![line("Still working", view)],
            Some(other) => vec![line("As it is", view), line("Changed", other)],
        };
        let shown = otherwise.unwrap_or(view);
        let found = shown.figures();
        let marks = [("First", 100, found.first), ("1 %", 99, found.one_percent), ("Half", 50, found.half)];
        let marks = marks.into_iter().filter_map(|(name, height, left)| {
            let left = left?;
            let text = format!("{name} {}", span_closely(left));
            Some(Mark { at: plot.percent(left.0), height, text, before: plot.is_late(left.0) })
        });
        let rows = (0..=12).map(|step| {
            let at = plot.until() / 12 * step;
            let moment: UnixSeconds = now.plus(Seconds(at));
            let mut shares = vec![percent(view.stops.working(moment))];
            shares.extend(otherwise.map(|other| percent(other.stops.working(moment))));
            (When::closely(Timestamp::from(now), Seconds(at)), shares)
        });
        let grid = [100, 50, 0].map(|height| (height, format!("{height} %"))).to_vec();
        Some(Curve { grid, lines, marks: marks.collect(), ticks: plot.ticks(), rows: rows.collect() })
    }

    fn percent(share: f64) -> String {
        let percent = (share * 1_000.0).round() / 10.0;
        format!("{percent} %")
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn lengths_are_chosen_in_the_unit_they_were_made_in() {
        assert_eq!(Unit::of(14 * 86_400, 16 * 86_400), Unit::Days);
        assert_eq!(Unit::of(36 * 3_600, 0), Unit::Hours);
        assert_eq!(Unit::of(1_200, 0), Unit::Minutes);
        assert_eq!((Unit::Days.words("1"), Unit::Minutes.words("20")), ("1 day".into(), "20 minutes".into()));
        assert_eq!((Unit::Days.most(14), Unit::Days.most(365)), (120, 730));
    }
}
