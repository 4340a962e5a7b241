//! Conversions between whole numbers and floating point, each with what it does at the ends of the range.

use holdfast_domain::{Seconds, Timestamp};

/// Microseconds in a second, as a divisor.
const MICROS: f64 = 1_000_000.0;

/// A count as a floating-point number. Counts beyond 2^53 lose their last digits, which no estimate here can feel.
#[expect(clippy::cast_precision_loss, reason = "estimates need no more than 53 bits")]
pub(crate) const fn count(n: u64) -> f64 {
    n as f64
}

/// A signed number as a floating-point number, with the same loss as [`count`].
#[expect(clippy::cast_precision_loss, reason = "estimates need no more than 53 bits")]
pub(crate) const fn signed(n: i64) -> f64 {
    n as f64
}

/// The number of items as a floating-point number.
#[expect(clippy::cast_precision_loss, reason = "a collection in memory is far smaller than 2^53")]
pub(crate) const fn size(n: usize) -> f64 {
    n as f64
}

/// Seconds from `earlier` to `later`, with fractions; negative where `later` comes first.
pub(crate) const fn between(earlier: Timestamp, later: Timestamp) -> f64 {
    signed(later.micros().saturating_sub(earlier.micros())) / MICROS
}

/// A length of time in whole seconds, rounded down; saturates, and is 0 for what is not a number.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and that is what is wanted")]
pub(crate) fn seconds(span: f64) -> Seconds {
    Seconds(span.floor() as i64)
}

/// A floating-point number as a count, rounded down; 0 for negative numbers and what is not a number; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, as wanted")]
pub(crate) const fn whole(n: f64) -> u64 {
    n as u64
}

/// A floating-point number as an index, rounded down; saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, as wanted")]
pub(crate) const fn index(n: f64) -> usize {
    n as usize
}

/// The median, which reorders `values`; `None` for none. Of an even number it is the upper one of the middle two.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let (_, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*median)
}
