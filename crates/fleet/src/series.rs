//! A short memory of one quantity, and when it will reach its limit at the present pace.
//!
//! The pace is a Theil–Sen slope (Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968): the median
//! of the slopes between all pairs of points. Up to 29 % of the points may be arbitrarily wrong without moving it far, so
//! a backup that fills a disk for a few minutes, or a burst of load, does not make a trend.

use crate::number;
use holdfast_domain::{Seconds, Timestamp};
use std::collections::VecDeque;

/// How a series remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Length of a bucket. Of all values in one bucket the greatest is kept: what reaches a limit is the peak, and the
    /// peaks of a saw-tooth (garbage collection, log rotation) rise only when something really grows.
    pub bucket: Seconds,
    /// How many buckets are remembered.
    pub buckets: usize,
    /// How many buckets there must be since the last reset before a slope is believed.
    pub enough: usize,
    /// A fall by more than this between two buckets is a reset: something was freed, rotated or restarted.
    pub reset: f64,
    /// After a fall by more than this all that was before is forgotten: someone did something about it. After a smaller one it counts
    /// until there are enough buckets for a new one: a log that is rotated goes on growing.
    pub forget: f64,
    /// A rise over the whole window smaller than this is no rise.
    pub floor: f64,
    /// Whether a rise must go on through every third of the window: one that stopped, or only just began, is no pace. For
    /// short windows, in which a single burst is most of what there is.
    pub sustained: bool,
    /// Whether the present value is the peak of the last two buckets instead of the last value: for a saw-tooth, whose
    /// last value says little.
    pub peaks: bool,
}

/// One bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// Number of the bucket: its start divided by its length.
    bucket: i64,
    /// The greatest value seen in it.
    value: f64,
    /// Counts up with every reset.
    segment: u32,
}

/// The last values of one quantity, in buckets of equal length. Bounded: memory does not grow with time.
#[derive(Clone, Debug)]
pub struct Series {
    shape: Shape,
    points: VecDeque<Point>,
    latest: Option<(Timestamp, f64)>,
    slope: Option<f64>,
}

impl Series {
    /// An empty series.
    pub const fn new(shape: Shape) -> Self {
        Self { shape, points: VecDeque::new(), latest: None, slope: None }
    }

    /// Adds the value measured at `at`. Values that are not newer than the last one, and those that are no numbers, are
    /// passed over. Gaps need nothing: the slope is that between the points that are there.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if !value.is_finite() || self.latest.is_some_and(|(last, _)| at <= last) {
            return;
        }
        self.latest = Some((at, value));
        let length = self.shape.bucket.0.max(1);
        let bucket = at.seconds().0.div_euclid(length);
        match self.points.back_mut() {
            Some(point) if point.bucket == bucket => point.value = point.value.max(value),
            _ => self.open(Point { bucket, value, segment: 0 }),
        }
    }

    /// Begins a new bucket; the one before is complete, and the slope follows from the complete ones.
    fn open(&mut self, mut point: Point) {
        if let Some(last) = self.points.back().copied() {
            let before = self.points.iter().rev().nth(1).filter(|before| before.segment == last.segment);
            let fall = before.map_or(0.0, |before| before.value - last.value);
            point.segment = last.segment + u32::from(fall > self.shape.reset);
            if let Some(last) = self.points.back_mut() {
                last.segment = point.segment;
            }
            if fall > self.shape.forget {
                self.slope = None;
                self.points.drain(..self.points.len().saturating_sub(1));
            }
            self.slope = self.trend().or(self.slope);
            if point.bucket - last.bucket > self.length() {
                self.points.clear();
                self.slope = None;
            }
        }
        self.points.push_back(point);
        let oldest = point.bucket - self.length();
        while self.points.front().is_some_and(|first| first.bucket <= oldest) {
            self.points.pop_front();
        }
    }

    /// The length of the window in buckets.
    fn length(&self) -> i64 {
        i64::try_from(self.shape.buckets).unwrap_or(i64::MAX)
    }

    /// The last value, and when it was measured.
    pub const fn latest(&self) -> Option<(Timestamp, f64)> {
        self.latest
    }

    /// The present value: the last one, or the peak of the last two buckets where the shape says so.
    pub fn level(&self) -> Option<f64> {
        let (_, latest) = self.latest?;
        let recent = self.points.iter().rev().take(2).filter(|_| self.shape.peaks);
        let segment = self.points.back().map_or(0, |last| last.segment);
        let peaks = recent.filter(|point| point.segment == segment).map(|point| point.value);
        Some(peaks.fold(latest, f64::max))
    }

    /// The pace in units a second over the complete buckets. `None` where there are too few to tell; 0 where what moves
    /// is only noise. A growth that slows down counts with its latest pace, one that speeds up with its latest pace up to
    /// twice that of the whole window.
    pub const fn slope(&self) -> Option<f64> {
        self.slope
    }

    /// How long it takes from the present value to `limit` at the present pace, in seconds: 0 where it is reached, `None`
    /// where it never will be or nobody can tell yet.
    pub fn time_to(&self, limit: f64) -> Option<f64> {
        let level = self.level()?;
        if level >= limit {
            return Some(0.0);
        }
        let slope = self.slope.filter(|slope| *slope > 0.0)?;
        Some((limit - level) / slope)
    }

    fn trend(&self) -> Option<f64> {
        let points: Vec<Point> = self.points.iter().copied().collect();
        let last = points.last()?;
        let peaks = Self::peaks(&points);
        if peaks.len() >= 3 && peaks.last().is_some_and(|peak| last.value <= peak.value + self.shape.reset) {
            // It is reset again and again, and has not outgrown that: what counts is whether the peaks rise.
            return Some(self.significant(&peaks, self.theil_sen(&peaks)?));
        }
        let run: Vec<Point> = points.iter().copied().filter(|point| point.segment == last.segment).collect();
        if run.len() < self.shape.enough {
            return None;
        }
        let whole = self.theil_sen(&run)?;
        let third = |n: usize| {
            let points = run.get(run.len() * n / 3..run.len() * (n + 1) / 3).filter(|points| points.len() >= 4);
            points.and_then(|points| self.theil_sen(points)).unwrap_or(whole)
        };
        let recent = third(2).min(2.0 * whole);
        let pace = if self.shape.sustained { recent.min(third(0)).min(third(1)) } else { recent };
        Some(self.significant(&run, if whole > 0.0 { pace } else { whole }))
    }

    /// The last and highest point of every segment that ended.
    fn peaks(points: &[Point]) -> Vec<Point> {
        points
            .windows(2)
            .filter(|pair| pair[0].segment != pair[1].segment)
            .map(|pair| Point { segment: 0, ..pair[0] })
            .collect()
    }

    /// The median slope between all pairs, in units a second.
    fn theil_sen(&self, points: &[Point]) -> Option<f64> {
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
        for (i, a) in points.iter().enumerate() {
            slopes.extend(points[i + 1..].iter().map(|b| (b.value - a.value) / number::signed(b.bucket - a.bucket)));
        }
        Some(number::median(&mut slopes)? / number::signed(self.shape.bucket.0.max(1)))
    }

    /// `slope`, or 0 where the rise over the points is not worth the name: below the floor, or within what the points
    /// scatter around the line (twice the median distance).
    fn significant(&self, points: &[Point], slope: f64) -> f64 {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
        let step = slope * number::signed(self.shape.bucket.0.max(1));
        let line = |point: &Point| point.value - step * number::signed(point.bucket - first.bucket);
        let mut offsets: Vec<f64> = points.iter().map(line).collect();
        let Some(middle) = number::median(&mut offsets) else { return 0.0 };
        let mut scatter: Vec<f64> = offsets.iter().map(|offset| (offset - middle).abs()).collect();
        let scatter = number::median(&mut scatter).unwrap_or(0.0);
        let rise = (step * number::signed(last.bucket - first.bucket)).abs();
        if rise < self.shape.floor.max(2.0 * scatter) { 0.0 } else { slope }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "minutes are small numbers")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape {
        bucket: Seconds::MINUTE,
        buckets: 48,
        enough: 12,
        reset: 5.0,
        forget: 25.0,
        floor: 1.0,
        sustained: false,
        peaks: false,
    };

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + 60 * minute)
    }

    fn series(values: impl IntoIterator<Item = (i64, f64)>) -> Series {
        let mut series = Series::new(SHAPE);
        for (minute, value) in values {
            series.push(at(minute), value);
        }
        series
    }

    fn slope_a_minute(series: &Series) -> f64 {
        series.slope().unwrap() * 60.0
    }

    #[test]
    fn nobody_can_tell_from_a_few_points() {
        assert_eq!(series((0..12).map(|m| (m, 5.0 * m as f64))).time_to(1_000.0), None);
        assert!(series((0..13).map(|m| (m, 5.0 * m as f64))).time_to(1_000.0).is_some());
    }

    #[test]
    fn a_line_ends_where_it_ends() {
        let left = series((0..40).map(|m| (m, m as f64))).time_to(100.0).unwrap();
        assert!((left - 61.0 * 60.0).abs() < 1.0, "{left}");
    }

    #[test]
    fn what_is_full_is_full() {
        assert_eq!(series([(0, 101.0)]).time_to(100.0), Some(0.0));
    }

    #[test]
    fn a_burst_makes_no_trend() {
        let burst = series((0..48).map(|m| (m, if (30..40).contains(&m) { 54.0 } else { 50.0 })));
        assert_eq!(burst.slope(), Some(0.0));
    }

    #[test]
    fn a_step_is_no_sustained_rise() {
        let step = |minutes: i64| (0..minutes).map(|m| (m, if m < 20 { 50.0 } else { 54.0 } + 0.1 * m as f64));
        let mut sustained = Series::new(Shape { sustained: true, ..SHAPE });
        step(44).for_each(|(minute, value)| sustained.push(at(minute), value));
        assert!(slope_a_minute(&sustained) <= 0.100_1, "{}", slope_a_minute(&sustained));
        assert!(slope_a_minute(&series(step(26))) > 0.15);
    }

    #[test]
    fn a_gap_does_not_matter() {
        let gap = series((0..40).filter(|m| !(10..25).contains(m)).map(|m| (m, m as f64)));
        assert!((slope_a_minute(&gap) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn after_a_reset_the_old_pace_is_forgotten() {
        let freed = series((0..40).map(|m| (m, if m < 24 { 50.0 + m as f64 } else { 20.0 })));
        assert_eq!(freed.slope(), Some(0.0));
    }

    #[test]
    fn a_log_that_is_rotated_goes_on_growing() {
        let rotated = series((0..30).map(|m| (m, if m < 24 { 50.0 + m as f64 } else { 40.0 + m as f64 })));
        assert!((slope_a_minute(&rotated) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn after_a_long_silence_the_old_pace_is_forgotten() {
        let silent = series((0..30).chain(200..205).map(|m| (m, m as f64)));
        assert_eq!(silent.slope(), None);
    }

    #[test]
    fn just_after_a_reset_nobody_can_tell() {
        let freed = series((0..30).map(|m| (m, if m < 24 { 50.0 + m as f64 } else { 20.0 })));
        assert_eq!(freed.slope(), None);
    }

    #[test]
    fn a_saw_tooth_is_no_growth() {
        let saw = series((0..48).map(|m| (m, 50.0 + 2.0 * (m % 10) as f64)));
        assert_eq!(saw.slope(), Some(0.0));
    }

    #[test]
    fn a_saw_tooth_whose_peaks_rise_grows() {
        let saw = series((0..48).map(|m| (m, 20.0 + 2.0 * (m % 10) as f64 + 0.5 * m as f64)));
        assert!((slope_a_minute(&saw) - 0.5).abs() < 0.05, "{}", slope_a_minute(&saw));
    }

    #[test]
    fn warming_up_is_no_leak() {
        let warm = series((0..48).map(|m| (m, 60.0 * (1.0 - (-m as f64 / 8.0).exp()))));
        assert!(slope_a_minute(&warm) < 0.08, "{}", slope_a_minute(&warm));
    }

    #[test]
    fn what_is_no_number_or_not_newer_is_passed_over() {
        let mut series = series([(5, 1.0)]);
        series.push(at(6), f64::NAN);
        series.push(at(4), 7.0);
        assert_eq!(series.latest(), Some((at(5), 1.0)));
    }

    proptest! {
        #[test]
        fn a_quarter_of_wild_points_does_not_matter(
            slope in 0.5f64..3.0,
            wild in prop::collection::btree_map(0i64..46, 0.0f64..4.0, 0..8),
        ) {
            let found = series((0..48).map(|m| (m, slope * m as f64 + wild.get(&m).unwrap_or(&0.0))));
            prop_assert!((slope_a_minute(&found) / slope - 1.0).abs() < 0.35, "{} for {slope}", slope_a_minute(&found));
        }

        #[test]
        fn memory_is_bounded(minutes in prop::collection::vec(0i64..100_000, 0..300)) {
            let found = series(minutes.into_iter().map(|m| (m, m as f64)));
            prop_assert!(found.points.len() <= SHAPE.buckets);
        }
    }
}
