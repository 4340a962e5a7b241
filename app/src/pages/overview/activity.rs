//! Activations and renewals over time, as the overview draws them.

use serde::{Deserialize, Serialize};

use crate::ui::curve::Curve;

/// Something that was counted day by day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// What.
    pub name: String,
    /// How often in all, and today.
    pub sum: String,
    /// Day by day.
    pub curve: Curve,
}

#[cfg(feature = "ssr")]
pub use server::counted;

#[cfg(feature = "ssr")]
mod server {
    use holdfast_domain::Timestamp;
    use holdfast_service::admin::activity::DayOfActivity;

    use super::Counted;
    use crate::{
        pages::serve::number,
        ui::{
            When,
            curve::{Curve, Line, Mark},
        },
    };

    /// Activations and renewals; nothing where nothing was counted and nobody `uses` anything yet.
    pub fn counted(days: &[DayOfActivity], uses: bool) -> Vec<Counted> {
        if !uses && days.iter().all(|day| day.activations == 0 && day.renewals == 0) {
            return Vec::new();
        }
        let of = |name: &str, count: fn(&DayOfActivity) -> u64| {
            let days: Vec<(Timestamp, u64)> = days.iter().map(|day| (day.day, count(day))).collect();
            let ((_, today), whole) = days.split_last()?;
            let sum = number(whole.iter().map(|(_, count)| count).sum());
            let sum = format!("{sum} in the last {} days, {} today so far.", whole.len(), number(*today));
            Some(Counted { name: name.to_owned(), sum, curve: curve(name, &days) })
        };
        [of("Activations", |day| day.activations), of("Renewals", |day| day.renewals)].into_iter().flatten().collect()
    }

    /// Whole days as a line, and what today is so far as a part of its own: a day that has only begun would look like a fall.
    fn curve(name: &str, days: &[(Timestamp, u64)]) -> Curve {
        let top = top(days.iter().map(|(_, count)| *count).max().unwrap_or(0));
        let last = days.len().saturating_sub(1);
        let place = |at: usize| at * 1_000 / last.max(1);
        let point = |(at, (_, count)): (usize, &(Timestamp, u64))| {
            format!("{} {}", place(at), 1_000 - count.saturating_mul(1_000) / top)
        };
        let points: Vec<String> = days.iter().enumerate().map(point).collect();
        let (from, whole) = (last.saturating_sub(1), points.get(..last).unwrap_or_default());
        let path = if whole.is_empty() { String::new() } else { format!("M{}", whole.join("L")) };
        let begun = points.get(from..).filter(|_| last > 0).map(|points| format!("M{}", points.join("L")));
        let today = days.last().map(|(_, count)| Mark {
            at: "100.0%".to_owned(),
            height: u8::try_from(count.saturating_mul(100) / top).unwrap_or(100),
            text: format!("today, so far: {}", number(*count)),
            before: true,
        });
        // A week apart on a month, and so many times as far on what is longer.
        let ticks = days.iter().enumerate().take(last).step_by(7 * last.div_ceil(30).max(1));
        let ticks = ticks.map(|(at, (day, _))| (place(at), date(*day, "%-d %b"))).take_while(|(at, _)| *at <= 930);
        let row = |(at, (day, count)): (usize, &(Timestamp, u64))| {
            let iso = date(*day, "%Y-%m-%d");
            let relative = if at == 0 { format!("{iso} (today, so far)") } else { iso.clone() };
            (When { relative, absolute: "A day in UTC".to_owned(), iso }, vec![number(*count)])
        };
        Curve {
            grid: [(100, top), (50, top / 2), (0, 0)].map(|(height, count)| (height, number(count))).to_vec(),
            lines: vec![Line { name: name.to_owned(), path, begun }],
            marks: today.into_iter().collect(),
            ticks: ticks.map(|(at, text)| (format!("{}.{}%", at / 10, at % 10), text)).collect(),
            rows: days.iter().rev().enumerate().map(row).collect(),
        }
    }

    fn date(day: Timestamp, form: &str) -> String {
        jiff::Timestamp::from_microsecond(day.micros()).unwrap_or_default().strftime(form).to_string()
    }

    /// A round number, of which half is whole, that is not less than `most`.
    fn top(most: u64) -> u64 {
        let mut round = (0..18).flat_map(|zeros| [2, 4, 10].map(|digits| digits * 10_u64.pow(zeros)));
        round.find(|top| *top >= most).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    mod tests {
        use holdfast_domain::Seconds;

        use super::*;

        fn days(activations: &[u64]) -> Vec<DayOfActivity> {
            let first = Timestamp::from_seconds(86_400 * 20_420);
            let day = |(n, activations): (i64, &u64)| DayOfActivity {
                day: first.plus(Seconds::days(n)),
                activations: *activations,
                renewals: 0,
            };
            (0..).zip(activations).map(day).collect()
        }

        #[test]
        fn whole_days_are_drawn_and_today_as_far_as_it_is() {
            let [activations, renewals] = counted(&days(&[0, 3, 1_200, 7]), false).try_into().unwrap();
            assert_eq!(activations.sum, "1,203 in the last 3 days, 7 today so far.");
            let curve = activations.curve;
            assert_eq!(curve.grid, [(100, "2,000".to_owned()), (50, "1,000".to_owned()), (0, "0".to_owned())]);
            assert_eq!(curve.lines[0].path, "M0 1000L333 999L666 400");
            assert_eq!(curve.lines[0].begun.as_deref(), Some("M666 400L1000 997"));
            assert_eq!((curve.marks[0].text.as_str(), curve.marks[0].height), ("today, so far: 7", 0));
            assert_eq!(curve.ticks, [("0.0%".to_owned(), "28 Nov".to_owned())]);
            let rows: Vec<_> = curve.rows.iter().map(|(when, cells)| (when.relative.as_str(), &*cells[0])).collect();
            let told = [
                ("2025-12-01 (today, so far)", "7"),
                ("2025-11-30", "1,200"),
                ("2025-11-29", "3"),
                ("2025-11-28", "0"),
            ];
            assert_eq!(rows, told);
            assert_eq!(renewals.sum, "0 in the last 3 days, 0 today so far.");
        }

        #[test]
        fn what_began_today_is_not_flat() {
            let [activations, _] = counted(&days(&[0, 0, 0, 5]), false).try_into().unwrap();
            let (line, mark) = (&activations.curve.lines[0], &activations.curve.marks[0]);
            assert_eq!(
                (line.path.as_str(), line.begun.as_deref()),
                ("M0 1000L333 1000L666 1000", Some("M666 1000L1000 500"))
            );
            assert_eq!((mark.at.as_str(), mark.height, mark.before), ("100.0%", 50, true));
            // The first day there is.
            let [activations, _] = counted(&days(&[5]), false).try_into().unwrap();
            let line = &activations.curve.lines[0];
            assert_eq!((line.path.as_str(), line.begun.as_deref()), ("", None));
        }

        #[test]
        fn days_that_are_drawn_far_apart_have_their_dates_far_apart() {
            let ticks = |whole: usize| {
                let [activations, _] = counted(&days(&vec![1; whole + 1]), true).try_into().unwrap();
                activations.curve.ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
            };
            assert_eq!(ticks(30), "28 Nov, 5 Dec, 12 Dec, 19 Dec");
            assert_eq!(ticks(90), "28 Nov, 19 Dec, 9 Jan, 30 Jan");
        }

        #[test]
        fn nothing_is_drawn_before_there_is_anything() {
            assert_eq!(counted(&days(&[0; 31]), false), []);
            assert_eq!(counted(&days(&[0; 31]), true).len(), 2);
            assert_eq!([0, 2, 3, 5, 11, 41, u64::MAX].map(top), [2, 2, 4, 10, 20, 100, u64::MAX]);
        }
    }
}
