//! Dates as other systems write them, each read in one way only or refused with the reason.

use holdfast_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// In which order day, month and year stand where a file writes them with slashes or dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 31/12/2026
    DayFirst,
    /// 12/31/2026
    MonthFirst,
}

/// Reads an end date: RFC 3339, `YYYY-MM-DD` (the license lasts through that day, UTC), `YYYY-MM-DD HH:MM[:SS]` (UTC),
/// whole Unix seconds, or day, month and year in the stated `order`. Never guesses between day and month.
///
/// # Errors
/// A sentence for people that says what is wrong.
pub fn parse_end(text: &str, order: Option<DateOrder>) -> Result<Timestamp, String> {
    let text = text.trim();
    let plausible = |seconds: i64| {
        // 2000-01-01 to 2200-01-01: whatever lies outside is a typing error or another unit.
        if (946_684_800..7_258_118_400).contains(&seconds) {
            Ok(Timestamp::from_seconds(seconds))
        } else {
            Err(format!("\"{}\" is not a date between the years 2000 and 2200", shorten(text)))
        }
    };
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.len() {
            9..=10 => plausible(text.parse().map_err(|_| unreadable(text))?),
            13 => plausible(text.parse::<i64>().map_err(|_| unreadable(text))? / 1_000),
            _ => Err(unreadable(text)),
        };
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let day = parse_day(date, order)?;
    match time {
        None => plausible((day + 1) * 86_400),
        Some(time) => plausible(day * 86_400 + parse_time(time).ok_or_else(|| unreadable(text))?),
    }
}

fn unreadable(text: &str) -> String {
    format!("\"{}\" is not a date; write it as 2026-12-31 or 2026-12-31T23:59:59Z", shorten(text))
}

/// At most 40 characters of what somebody typed, to be quoted in a message.
pub fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Days since the Unix epoch.
fn parse_day(text: &str, order: Option<DateOrder>) -> Result<i64, String> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return Err(unreadable(text)) };
    let (year, month, day) = if let Some(year) = number(a, 4..=4) {
        (year, number(b, 1..=2), number(c, 1..=2))
    } else {
        let (Some(first), Some(second), Some(year)) = (number(a, 1..=2), number(b, 1..=2), number(c, 4..=4)) else {
            return Err(unreadable(text));
        };
        match order {
            Some(DateOrder::DayFirst) => (year, Some(second), Some(first)),
            Some(DateOrder::MonthFirst) => (year, Some(first), Some(second)),
            None => {
                return Err(format!(
                    "\"{}\" could be day first or month first; say which, or write it as 2026-12-31",
                    shorten(text)
                ));
            }
        }
    };
    let (Some(month), Some(day)) = (month, day) else { return Err(unreadable(text)) };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return Err(format!("\"{}\" names a day that does not exist", shorten(text)));
    }
    Ok(days_from_civil(year, month, day))
}

/// Seconds after midnight UTC of `HH:MM[:SS[.fff]]` with an optional `Z` or offset; none means UTC.
fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) if text[at..].eq_ignore_ascii_case("z") => (&text[..at], 0),
        Some(at) => {
            let (hours, minutes) = text[at + 1..].split_once(':')?;
            let (hours, minutes) = (number(hours, 2..=2)?, number(minutes, 2..=2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            (&text[..at], if text.as_bytes()[at] == b'-' { -offset } else { offset })
        }
        None => (text, 0),
    };
    let mut parts = clock.trim().split(':');
    let hours = number(parts.next()?, 2..=2).filter(|h| *h < 24)?;
    let minutes = number(parts.next()?, 2..=2).filter(|m| *m < 60)?;
    let seconds = match parts.next() {
        None => 0,
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            number(fraction, 1..=9)?;
            number(whole, 2..=2).filter(|s| *s < 60)?
        }
    };
    parts.next().is_none().then_some(hours * 3_600 + minutes * 60 + seconds - offset)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since the Unix epoch of a date of the Gregorian calendar: years are counted from March, so that the leap day is
/// the last of its year.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date and time of `at` in UTC, `2026-03-01T12:00:00Z`; whole seconds, rounded down.
pub fn rfc_3339(at: Timestamp) -> String {
    let seconds = at.seconds().0;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day of a moment as people read it, in UTC, since nothing is known of where they are: "14 January 2027".
pub fn day(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = rfc_3339(at);
    let mut parts = text.split(['-', 'T']);
    let mut next = || parts.next().unwrap_or_default();
    let (year, month, day) = (next(), next(), next());
    let month = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!("{} {} {year}", day.trim_start_matches('0'), month.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_out() {
        assert_eq!(day(Timestamp::from_seconds(1_799_884_800)), "14 January 2027");
        assert_eq!(day(Timestamp::from_seconds(0)), "1 January 1970");
    }

    fn read(text: &str, order: Option<DateOrder>) -> Result<String, String> {
        parse_end(text, order).map(rfc_3339)
    }

    #[test]
    fn every_documented_form_is_read_in_one_way() {
        for (text, expected) in [
            ("2026-12-31", "2027-01-01T00:00:00Z"),
            ("2028-02-29", "2028-03-01T00:00:00Z"),
            ("2026/12/31", "2027-01-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2026-12-31T23:59:59Z"),
            ("2026-12-31t23:59:59.123z", "2026-12-31T23:59:59Z"),
            ("2026-12-31T23:59:59+02:00", "2026-12-31T21:59:59Z"),
            ("2026-12-31 23:59:59-05:30", "2027-01-01T05:29:59Z"),
            ("2026-12-31 23:59", "2026-12-31T23:59:00Z"),
            ("1798761599", "2026-12-31T23:59:59Z"),
            ("1798761599000", "2026-12-31T23:59:59Z"),
            (" 2100-02-28 ", "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(read(text, None).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(read("31/12/2026", Some(DateOrder::DayFirst)).as_deref(), Ok("2027-01-01T00:00:00Z"));
        assert_eq!(read("31.12.2026", Some(DateOrder::DayFirst)).as_deref(), Ok("2027-01-01T00:00:00Z"));
        assert_eq!(read("12/31/2026 08:00", Some(DateOrder::MonthFirst)).as_deref(), Ok("2026-12-31T08:00:00Z"));
    }

    #[test]
    fn what_could_mean_two_things_or_nothing_is_refused() {
        assert!(read("03/04/2026", None).unwrap_err().contains("day first or month first"));
        for text in [
            "31/12/26",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "never",
            "",
            "2026",
            "20261231",
            "2026-12-31T25:00:00Z",
            "2026-12-31T10",
            "2026-12-31T10:00:00+2",
            "1970-01-01",
            "9999-01-01",
            "２０２６-12-31",
            "2026-12-31T10:00:00Z; drop",
            "-1",
            "1e9",
            "99999999999999999999",
        ] {
            assert!(read(text, None).is_err(), "{text}");
        }
        assert!(read("12/31/2026", Some(DateOrder::DayFirst)).unwrap_err().contains("does not exist"));
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (0..60_000).step_by(17) {
            let text = rfc_3339(Timestamp::from_seconds(10_957 * 86_400 + day * 86_400));
            let (y, m, d) = (&text[..4], &text[5..7], &text[8..10]);
            assert_eq!(days_from_civil(y.parse().unwrap(), m.parse().unwrap(), d.parse().unwrap()), 10_957 + day);
        }
    }
}
