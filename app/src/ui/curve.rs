//! How something goes over time, drawn by the server: labelled in place, with the table behind it.
//!
//! Places are in percent of the width, so that the drawing fits any window while its text keeps its size; the lines alone
//! are stretched.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{When, WhenText};

/// Everything that is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curve {
    /// What stands at some heights: how many hundredths above the base, and text.
    pub grid: Vec<(u8, String)>,
    /// The lines; with two of them the first is how it is, the second how it would be.
    pub lines: Vec<Line>,
    /// Points of the last line that have a name.
    pub marks: Vec<Mark>,
    /// What stands along the time axis: place and text.
    pub ticks: Vec<(String, String)>,
    /// The same as a table: when, and the value of each line.
    pub rows: Vec<(When, Vec<String>)>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its path, in a square of a thousand.
    pub path: String,
    /// How it goes on in what has only begun.
    pub begun: Option<String>,
}

/// A point of a line that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where it is.
    pub at: String,
    /// How many hundredths of the height it lies above the base.
    pub height: u8,
    /// What it is.
    pub text: String,
    /// Whether the text stands before the point, because there is no room behind it.
    pub before: bool,
}

/// How high the plot is, in pixels.
const HEIGHT: i32 = 160;

/// Draws the curve.
#[component]
pub fn CurveChart(
    /// What is drawn.
    curve: Curve,
    /// What it shows, for those who cannot see it.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let Curve { grid, lines, marks, ticks, rows } = curve;
    let two = lines.len() > 1;
    // Where the plot begins, below the names of the marks.
    let top = if marks.is_empty() { 24 } else { 15 + 19 * i32::try_from(marks.len()).unwrap_or(3) };
    let y = |height: u8| top + HEIGHT - HEIGHT * i32::from(height) / 100;
    let grid = grid
        .into_iter()
        .map(|(height, text)| {
            let at = y(height);
            view! {
                <line class="chart-grid" x1="0" x2="100%" y1=at y2=at />
                <text class="chart-text" x="100%" y=at - 5 text-anchor="end">{text}</text>
            }
        })
        .collect_view();
    let axis = ticks
        .into_iter()
        .enumerate()
        .map(|(place, (x, text))| {
            let anchor = if place == 0 { "start" } else { "middle" };
            view! {
                <line class="chart-grid" x1=x.clone() x2=x.clone() y1=top + HEIGHT y2=top + HEIGHT + 5 />
                <text class="chart-text" x=x y=top + HEIGHT + 20 text-anchor=anchor>{text}</text>
            }
        })
        .collect_view();
    let names = marks
        .into_iter()
        .zip(0i32..)
        .map(|(mark, row)| {
            let (at, anchor) = (14 + row * 19, if mark.before { "end" } else { "start" });
            let shift = if mark.before { "-6" } else { "6" };
            view! {
                <line class="chart-mark" x1=mark.at.clone() x2=mark.at.clone() y1=at - 10 y2=y(mark.height) />
                <circle class="chart-dot" cx=mark.at.clone() cy=y(mark.height) r="3.5" />
                <text class="chart-name" x=mark.at y=at dx=shift text-anchor=anchor>{mark.text}</text>
            }
        })
        .collect_view();
    let paths = lines
        .iter()
        .zip(0usize..)
        .map(|(line, place)| {
            let class = if two && place == 0 { "chart-line quiet" } else { "chart-line" };
            let begun = line.begun.clone().map(|path| {
                view! { <path class=format!("{class} begun") d=path vector-effect="non-scaling-stroke" /> }
            });
            view! {
                <path class=class d=line.path.clone() vector-effect="non-scaling-stroke" />
                {begun}
            }
        })
        .collect_view();
    let key = two.then(|| {
        view! {
            <p class="chart-key">
                {lines
                    .iter()
                    .zip(0usize..)
                    .map(|(line, place)| {
                        let class = if place == 0 { "chart-line quiet" } else { "chart-line" };
                        view! {
                            <span>
                                <svg width="24" height="8" aria-hidden="true"><path class=class d="M0 4H24" /></svg>
                                {line.name.clone()}
                            </span>
                        }
                    })
                    .collect_view()}
            </p>
        }
    });
    view! {
        <figure class="chart">
            {key}
            <svg class="chart-plot" role="img" aria-label=label.clone() width="100%" height=top + HEIGHT + 28>
                {grid}
                {axis}
                <svg x="0" y=top width="100%" height=HEIGHT viewBox="0 0 1000 1000" preserveAspectRatio="none">
                    {paths}
                </svg>
                {names}
            </svg>
            <details class="more">
                <summary>"As a table"</summary>
                <div class="table-wrap" tabindex="0" role="region" aria-label=format!("{label}, as a table")>
                    <CurveTable lines rows />
                </div>
            </details>
        </figure>
    }
}

#[cfg(feature = "ssr")]
pub use server::Plot;

#[cfg(feature = "ssr")]
mod server {
    use std::fmt::Write as _;

    use holdfast_domain::Seconds;

    use crate::ui::time::span;

    /// The time axis of a curve, from now to a little after its end.
    pub struct Plot {
        until: i64,
        step: i64,
    }

    /// What a tick may stand for, in seconds.
    const STEPS: [i64; 22] = [
        1,
        5,
        15,
        60,
        300,
        600,
        1_800,
        3_600,
        7_200,
        21_600,
        43_200,
        86_400,
        172_800,
        432_000,
        864_000,
        1_728_000,
        2_592_000,
        5_184_000,
        10_368_000,
        31_557_600,
        63_115_200,
        315_576_000,
    ];

    impl Plot {
        /// For what ends in so many seconds.
        pub fn new(end: i64) -> Self {
            let until = end.max(1).saturating_add(end / 25).saturating_add(1);
            let step = STEPS.into_iter().find(|step| until / step <= 5).unwrap_or(until);
            Self { until, step }
        }

        /// Its length in seconds.
        pub const fn until(&self) -> i64 {
            self.until
        }

        /// Tenths of a percent of the width.
        fn place(&self, seconds: i64) -> i64 {
            let place = i128::from(seconds) * 1_000 / i128::from(self.until);
            i64::try_from(place).unwrap_or(1_000).clamp(0, 1_000)
        }

        /// Where so many seconds from now are.
        pub fn percent(&self, seconds: i64) -> String {
            let place = self.place(seconds);
            format!("{}.{}%", place / 10, place % 10)
        }

        /// Whether a name there must stand before its point.
        pub fn is_late(&self, seconds: i64) -> bool {
            self.place(seconds) > 600
        }

        /// What stands along the axis.
        pub fn ticks(&self) -> Vec<(String, String)> {
            let ticks = (0..).map(|n| n * self.step).take_while(|at| self.place(*at) <= 930);
            ticks.map(|at| (self.percent(at), if at == 0 { "now".to_owned() } else { span(Seconds(at)) })).collect()
        }

        /// The path through these points: seconds from now, and the share.
        pub fn path(&self, points: impl Iterator<Item = (i64, f64)>) -> String {
            let mut path = String::new();
            for (at, share) in points {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{command}{} {:.1}", self.place(at), (1.0 - share) * 1_000.0);
            }
            path
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_axis_has_few_ticks_at_round_places() {
            let texts =
                |end: i64| Plot::new(end).ticks().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
            assert_eq!(texts(30 * 86_400), "now 10 d 20 d");
            assert_eq!(texts(1_200), "now 5 min 10 min 15 min");
            assert_eq!(texts(0), "now 1 s", "an axis has a length");
        }

        #[test]
        fn a_path_lies_within_its_square() {
            let plot = Plot::new(96);
            assert_eq!(plot.path([(0, 1.0), (50, 0.5), (100, 0.0)].into_iter()), "M0 0.0L500 500.0L1000 1000.0");
            assert_eq!((plot.percent(50).as_str(), plot.is_late(50), plot.is_late(70)), ("50.0%", false, true));
        }
    }
}

/// The numbers behind a curve.
#[component]
fn CurveTable(lines: Vec<Line>, rows: Vec<(When, Vec<String>)>) -> impl IntoView {
    view! {
        <table class="rows">
            <thead>
                <tr>
                    <th scope="col">"When"</th>
                    {lines.into_iter().map(|line| view! { <th scope="col" class="right">{line.name}</th> }).collect_view()}
                </tr>
            </thead>
            <tbody>
                {rows
                    .into_iter()
                    .map(|(when, shares)| {
                        view! {
                            <tr>
                                <td><WhenText when /></td>
                                {shares.into_iter().map(|share| view! { <td class="right num">{share}</td> }).collect_view()}
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}
