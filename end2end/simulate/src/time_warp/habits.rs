//! When a device is in use, and what its clock says: drawn from the device's own seed, day by day, with nothing to store.

use super::{client::Time, plans::Plan};
use crate::rng::{Rng, mix};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// How a device is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Monday to Friday, in an office.
    Desk,
    /// The same on a laptop, now and then at the weekend.
    Laptop,
    /// Some evenings.
    Home,
    /// Twice a month.
    Rare,
    /// Always, with a restart every week.
    Server,
}

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// Off by so many seconds.
    Good(i64),
    /// Off by so many seconds on every other day or so: another operating system keeps it in local time.
    DualBoot(i64),
    /// Begins in the past at every start, and is set right after so many seconds.
    FlatBattery(i64),
}

/// The habits of a device.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    seed: u64,
    kind: Kind,
    zone: i64,
    begins: i64,
    lasts: i64,
    away: (i64, i64),
    clock: Clock,
    /// The office whose address the device shares, if it is in one: the smaller the number, the larger the office.
    pub office: Option<u32>,
}

/// The shares of time zones, in hours from UTC and parts of a hundred.
const ZONES: [(i64, i64); 8] = [(-8, 14), (-5, 18), (-3, 5), (0, 12), (1, 28), (3, 5), (5, 8), (8, 10)];
/// Where a clock with a flat battery begins: the first second of 2015.
const FLAT: Time = 1_420_070_400;

impl Habit {
    /// The habits of a device with a plan. `from` is a day (since the epoch) around which long absences lie.
    pub fn of(plan: Plan, from: i64, rng: &mut Rng) -> Self {
        let kind = match (plan, rng.index(100)) {
            (Plan::Build, 0..80) | (_, 92..100) => Kind::Server,
            (Plan::Floating, 0..50) | (_, 0..38) => Kind::Desk,
            (Plan::Floating, _) | (_, 38..74) => Kind::Laptop,
            (_, 74..86) => Kind::Home,
            _ => Kind::Rare,
        };
        let mut share = rng.within(0, 100);
        let zone = ZONES.into_iter().find(|(_, part)| {
            share -= part;
            share < 0
        });
        let (begins, lasts) = match kind {
            Kind::Desk | Kind::Laptop => (rng.within(7 * HOUR, 10 * HOUR), rng.within(7 * HOUR, 11 * HOUR)),
            Kind::Home | Kind::Rare => (rng.within(17 * HOUR, 21 * HOUR), rng.within(HOUR, 4 * HOUR)),
            Kind::Server => (rng.within(0, DAY), 7 * DAY),
        };
        let away = match kind {
            Kind::Server => (0, 0),
            // A laptop that is closed for weeks, a holiday: most of them within two months around the outage.
            _ if rng.chance(300) => {
                let begins = from + rng.within(-45, 45);
                (begins, begins + rng.within(5, 29))
            }
            _ => (0, 0),
        };
        let clock = match rng.index(1_000) {
            0..940 => Clock::Good(rng.within(-90, 90)),
            940..970 => Clock::Good(rng.within(-2 * HOUR, 2 * HOUR)),
            970..990 => Clock::DualBoot(rng.within(-12, 13) * HOUR),
            990..997 => Clock::FlatBattery(rng.within(30, 1_200)),
            // Nobody ever sets it.
            997..999 => Clock::FlatBattery(i64::MAX),
            _ => Clock::Good(rng.within(20, 400) * DAY),
        };
        // Offices of very different sizes: the logarithm of the number is even.
        let office = match kind {
            Kind::Desk | Kind::Laptop => Some(1u32 << (3 + rng.index(15))).map(|size| size + rng.bits32() % size),
            _ => None,
        };
        Self {
            seed: rng.bits(),
            kind,
            zone: zone.map_or(0, |(hours, _)| hours * HOUR),
            begins,
            lasts,
            away,
            clock,
            office,
        }
    }

    /// Whether the device is in use on a day of its own calendar.
    fn works(&self, day: i64) -> bool {
        if (self.away.0..self.away.1).contains(&day) {
            return false;
        }
        let weekday = (day + 3).rem_euclid(7) < 5;
        let per_mille = match (self.kind, weekday) {
            (Kind::Server, _) => 1_000,
            (Kind::Desk, true) => 940,
            (Kind::Desk, false) => 0,
            (Kind::Laptop, true) => 900,
            (Kind::Laptop, false) => 80,
            (Kind::Home, _) => 350,
            (Kind::Rare, _) => 60,
        };
        Rng::new(mix(self.seed ^ day.unsigned_abs())).chance(per_mille)
    }

    /// The first time in use that ends after `now`: from when to when. `None` where there is none for half a year.
    pub fn session(&self, now: Time) -> Option<(Time, Time)> {
        if self.kind == Kind::Server {
            let begins = (now - self.begins).div_euclid(self.lasts) * self.lasts + self.begins;
            return Some((begins, begins + self.lasts));
        }
        let today = (now + self.zone).div_euclid(DAY);
        (today - 1..today + 180).filter(|day| self.works(*day)).find_map(|day| {
            let shift = Rng::new(mix(self.seed ^ day.unsigned_abs() ^ 0xabcd)).within(-HOUR / 2, HOUR / 2);
            let begins = day * DAY + self.begins - self.zone + shift;
            let ends = begins + self.lasts;
            (ends > now).then_some((begins, ends))
        })
    }

    /// What the clock says at `now`, in a time of use that began at `began`.
    pub fn wall(&self, now: Time, began: Time) -> Time {
        match self.clock {
            Clock::Good(offset) => now + offset,
            Clock::DualBoot(offset) => {
                let other = mix(self.seed ^ began.unsigned_abs()) & 1 == 0;
                if other { now + offset } else { now }
            }
            Clock::FlatBattery(until) if now - began < until => FLAT + (now - began),
            Clock::FlatBattery(_) => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desks_are_used_on_weekdays_and_servers_always() {
        let mut rng = Rng::new(3);
        let (mut weekend, mut weekday) = (0, 0);
        for _ in 0..2_000 {
            let habit = Habit::of(Plan::Perpetual, 20_000, &mut rng);
            let mut now = 20_000 * DAY;
            while let Some((begins, ends)) = habit.session(now).filter(|_| now < 20_014 * DAY) {
                assert!(begins < ends && ends > now);
                if habit.kind == Kind::Desk {
                    let day = (begins + habit.zone).div_euclid(DAY);
                    if (day + 3).rem_euclid(7) < 5 { weekday += 1 } else { weekend += 1 }
                }
                now = ends;
            }
        }
        assert!(weekday > 1_000, "{weekday}");
        assert_eq!(weekend, 0);
    }
}
