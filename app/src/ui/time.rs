//! Points in time, written by the server so that the first render is the same on both sides.

use std::time::Duration;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::Refresh;

/// A point in time as a screen shows it: how far away, and exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// "in 9 d 4 h" or "3 min ago".
    pub relative: String,
    /// "2026-11-21 22:39 CET": in the viewer's zone, or in UTC where it is not known.
    pub absolute: String,
    /// RFC 3339, for machines.
    pub iso: String,
}

/// A point in time with its exact value on hover.
#[component]
pub fn WhenText(
    /// The point in time.
    when: When,
    /// Whether the exact value stands in the text and the distance on hover.
    #[prop(optional)]
    exact: bool,
) -> impl IntoView {
    let (text, title) = if exact { (when.absolute, when.relative) } else { (when.relative, when.absolute) };
    view! {
        <time datetime=when.iso title=title>
            {text}
        </time>
    }
}

/// How long it is until a point in time, counted down while one looks. When it has come, what the page shows is read again.
#[component]
pub fn Countdown(
    /// How many seconds it is away.
    seconds: i64,
    /// The point in time.
    at: When,
) -> impl IntoView {
    let left = RwSignal::new(seconds);
    let refresh = use_context::<Refresh>();
    Effect::new(move |_| {
        let tick = move || {
            let Some(now) = left.try_get_untracked().filter(|now| *now > 0) else { return };
            left.set(now - 1);
            if let (1, Some(Refresh(count))) = (now, refresh) {
                count.update(|count| *count += 1);
            }
        };
        if let Ok(every) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || every.clear());
        }
    });
    let text = move || {
        let left = left.get();
        format!("{} min {} s", left / 60, left % 60)
    };
    view! { <time class="num" datetime=at.iso title=at.absolute role="timer">{text}</time> }
}

#[cfg(feature = "ssr")]
mod server {
    use holdfast_domain::{Seconds, Timestamp};
    use jiff::tz::TimeZone;

    use super::When;
    use crate::ctx;

    impl When {
        /// `at`, seen from `now`, for whoever asks.
        pub fn new(at: Timestamp, now: Timestamp) -> Self {
            let exact = exact(at);
            Self {
                relative: relative(at, now),
                absolute: clock(exact, &ctx::zone(), "%Y-%m-%d %H:%M"),
                iso: exact.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            }
        }
    }

    fn exact(at: Timestamp) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default()
    }

    /// A point in time that is written in RFC 3339, to the second, for whoever asks. As it is where it is none.
    pub fn to_the_second(iso: &str) -> String {
        let at = iso.parse::<jiff::Timestamp>();
        at.map_or_else(|_| iso.to_owned(), |at| clock(at, &ctx::zone(), "%Y-%m-%d %H:%M:%S"))
    }

    /// What clocks of the zone show, with what it is called there at that time.
    fn clock(at: jiff::Timestamp, zone: &TimeZone, pattern: &str) -> String {
        let info = zone.to_offset_info(at);
        let name = info.abbreviation();
        // Some zones have no letters of their own: "-03".
        let letters = if name.starts_with(['+', '-']) { "UTC" } else { "" };
        format!("{} {letters}{name}", at.to_zoned(zone.clone()).strftime(pattern))
    }

    /// A day in words, for whoever asks: "14 January 2027".
    pub fn day(at: Timestamp) -> String {
        exact(at).to_zoned(ctx::zone()).strftime("%-d %B %Y").to_string()
    }

    impl When {
        /// What lies so far after `from`: how far, closely enough to tell one hundredth from the next, and exactly.
        pub fn closely(from: Timestamp, left: Seconds) -> Self {
            Self { relative: span_closely(left), ..Self::new(from.plus(left), from) }
        }
    }

    fn relative(at: Timestamp, now: Timestamp) -> String {
        let away = at.since(now);
        match away.0 {
            -9..=9 => "just now".to_owned(),
            10.. => format!("in {}", span(away)),
            _ => format!("{} ago", span(Seconds(-away.0))),
        }
    }

    /// A length of time that is right to within 1 %: "9 d 4 h", "29 d 23 h", "20 min 12 s".
    pub fn span_closely(length: Seconds) -> String {
        let seconds = length.0.max(0);
        // A hundred of a unit are enough to leave the smaller ones out.
        let ((size, unit), (small_size, small)) = match seconds {
            ..6_000 => ((60, "min"), (1, "s")),
            6_000..360_000 => ((3_600, "h"), (60, "min")),
            360_000..8_640_000 => ((86_400, "d"), (3_600, "h")),
            _ => return format!("{} d", seconds / 86_400),
        };
        match (seconds / size, seconds % size / small_size) {
            (0, rest) => format!("{rest} {small}"),
            (whole, 0) => format!("{whole} {unit}"),
            (whole, rest) => format!("{whole} {unit} {rest} {small}"),
        }
    }

    /// A length of time in its two largest units: "9 d 4 h", "14 d", "20 min".
    pub fn span(length: Seconds) -> String {
        const UNITS: [(i64, &str); 5] = [(31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let seconds = length.0.max(0);
        let Some(first) = UNITS.iter().position(|(size, _)| seconds >= *size) else { return "0 s".to_owned() };
        let (size, unit) = UNITS[first];
        let whole = seconds / size;
        // From ten of a unit on, the next smaller one no longer matters to anybody.
        let next = UNITS.get(first + 1).filter(|(size, _)| whole < 10 && *size >= 60);
        match next.map(|(small, unit)| (seconds % size / small, unit)) {
            Some((rest, small)) if rest > 0 => format!("{whole} {unit} {rest} {small}"),
            _ => format!("{whole} {unit}"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn lengths_show_their_two_largest_units() {
            let cases = [
                (0, "0 s"),
                (59, "59 s"),
                (61, "1 min"),
                (1_200, "20 min"),
                (5_400, "1 h 30 min"),
                (9 * 86_400 + 4 * 3_600 + 59, "9 d 4 h"),
                (14 * 86_400 + 3_600, "14 d"),
                (400 * 86_400, "1 y 34 d"),
            ];
            for (seconds, text) in cases {
                assert_eq!(span(Seconds(seconds)), text);
            }
        }

        #[test]
        fn close_lengths_are_right_to_a_hundredth() {
            let cases = [
                (0, "0 s"),
                (75, "1 min 15 s"),
                (1_212, "20 min 12 s"),
                (10 * 86_400 + 2 * 3_600, "10 d 2 h"),
                (29 * 86_400 + 23 * 3_600 + 3_599, "29 d 23 h"),
                (86_400 + 6 * 3_600 + 900, "30 h 15 min"),
                (59, "59 s"),
                (200 * 86_400 + 3_600, "200 d"),
            ];
            for (seconds, text) in cases {
                assert_eq!(span_closely(Seconds(seconds)), text);
            }
        }

        #[test]
        fn points_in_time_look_both_ways() {
            let now = Timestamp::from_seconds(1_000_000);
            assert_eq!(When::new(now.plus(Seconds(3_600)), now).relative, "in 1 h");
            assert_eq!(When::new(now.plus(Seconds(-7_200)), now).relative, "2 h ago");
            assert_eq!(When::new(now, now).relative, "just now");
            assert_eq!(When::new(Timestamp::from_seconds(0), now).absolute, "1970-01-01 00:00 UTC");
            assert_eq!(When::new(Timestamp::from_micros(i64::MAX), now).iso.len(), 20);
            assert_eq!(day(Timestamp::from_seconds(1_800_000_000)), "15 January 2027");
        }

        #[test]
        fn clocks_show_the_time_of_their_zone_also_when_it_changes() {
            for (zone, at, text) in [
                ("UTC", "2026-11-21T21:39:00Z", "2026-11-21 21:39 UTC"),
                ("Europe/Berlin", "2026-11-21T21:39:00Z", "2026-11-21 22:39 CET"),
                ("Europe/Berlin", "2026-07-21T23:39:00Z", "2026-07-22 01:39 CEST"),
                // The hour that is left out, and the one that comes twice.
                ("Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29 01:59 CET"),
                ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00 CEST"),
                ("America/New_York", "2026-11-01T05:30:00Z", "2026-11-01 01:30 EDT"),
                ("America/New_York", "2026-11-01T06:30:00Z", "2026-11-01 01:30 EST"),
                // By half an hour and by three quarters; a year that ends earlier; without letters.
                ("Australia/Lord_Howe", "2026-12-31T13:00:00Z", "2027-01-01 00:00 UTC+11"),
                ("Australia/Lord_Howe", "2026-07-01T00:00:00Z", "2026-07-01 10:30 UTC+1030"),
                ("Asia/Kathmandu", "2026-07-01T00:00:00Z", "2026-07-01 05:45 UTC+0545"),
                ("America/Sao_Paulo", "2027-01-01T00:00:00Z", "2026-12-31 21:00 UTC-03"),
            ] {
                let shown = clock(at.parse().unwrap(), &TimeZone::get(zone).unwrap(), "%Y-%m-%d %H:%M");
                assert_eq!(shown, text, "{zone}");
            }
        }
    }
}

#[cfg(feature = "ssr")]
pub use server::{day, span, span_closely, to_the_second};
