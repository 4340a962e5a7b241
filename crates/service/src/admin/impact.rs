//! Who loses access by an act, and when: said before the act, from what is known of each device's last lease.

use super::views::{Impact, SeatImpact};
use holdfast_domain::{Email, SeatId, Seconds, Timestamp};

/// The greatest number of seats that an impact names one by one.
pub const NAMED: usize = 200;

/// What is known of one device.
#[derive(Clone, Debug)]
pub struct DeviceFacts {
    /// The seat.
    pub seat: SeatId,
    /// The device's name.
    pub name: Option<String>,
    /// The person it belongs to.
    pub user: Option<Email>,
    /// When it was last heard of: when its newest known lease was signed.
    pub last_seen: Timestamp,
    /// The hard stop of that lease.
    pub offline_until: Timestamp,
}

/// Adds up what ending the access of `devices` at `effective` (from `now` on) does to them, each asked to renew
/// `renew_after` after its last lease. A device whose lease has run out already loses nothing and is not counted.
pub fn of(devices: Vec<DeviceFacts>, renew_after: Seconds, effective: Option<Timestamp>, now: Timestamp) -> Impact {
    let effective = effective.unwrap_or(now).max(now);
    // Renewals are spread by a quarter either way: a device that is later than the latest did not come on line.
    let latest = Seconds(renew_after.0.saturating_add(renew_after.0 / 4));
    let mut seats: Vec<SeatImpact> = devices
        .into_iter()
        .filter(|device| device.offline_until > effective)
        .map(|device| {
            let overdue = device.last_seen.plus(latest) < now;
            let due = device.last_seen.plus(renew_after);
            SeatImpact {
                seat: device.seat,
                name: device.name,
                user: device.user,
                last_seen: device.last_seen,
                expected_at: (!overdue).then(|| due.max(effective).min(device.offline_until)),
                at_the_latest: device.offline_until,
            }
        })
        .collect();
    seats.sort_by_key(|seat| (seat.expected_at.unwrap_or(seat.at_the_latest), seat.seat));
    let day = now.plus(Seconds::DAY);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let soon =
        seats.iter().filter(|seat| seat.expected_at.is_some_and(|at| at <= day) || seat.at_the_latest <= day).count();
    let mut impact = Impact {
        devices: count(seats.len()),
        within_a_day: count(soon),
        when_next_online: count(seats.len() - soon),
        at_the_latest: seats.iter().map(|seat| seat.at_the_latest).max(),
        seats,
    };
    impact.seats.truncate(NAMED);
    impact
}

impl Impact {
    /// The impacts of several licenses as one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.devices += other.devices;
        self.within_a_day += other.within_a_day;
        self.when_next_online += other.when_next_online;
        self.at_the_latest = self.at_the_latest.max(other.at_the_latest);
        self.seats.extend(other.seats);
        self.seats.sort_by_key(|seat| (seat.expected_at.unwrap_or(seat.at_the_latest), seat.seat));
        self.seats.truncate(NAMED);
        self
    }

    /// One line for people: "7 devices; 5 within a day, 2 when they are next online, at the latest on 2026-03-03".
    pub fn sentence(&self) -> String {
        let Some(latest) = self.at_the_latest else { return "No device loses access.".to_owned() };
        let date = &super::import::dates::rfc_3339(latest)[..10];
        let noun = if self.devices == 1 { "device" } else { "devices" };
        let parts: Vec<String> = [
            (self.within_a_day > 0).then(|| format!("{} within a day", self.within_a_day)),
            (self.when_next_online > 0).then(|| format!("{} when next online", self.when_next_online)),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("{} {noun}; {}, at the latest on {date}", self.devices, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn device(n: u8, seen: Seconds, offline: Seconds) -> DeviceFacts {
        DeviceFacts {
            seat: SeatId::from_bytes([n; 16]),
            name: None,
            user: None,
            last_seen: NOW.plus(seen),
            offline_until: NOW.plus(offline),
        }
    }

    #[test]
    fn devices_that_renew_daily_lose_access_within_a_day_and_absent_ones_when_they_return() {
        let devices = vec![
            device(1, Seconds::hours(-3), Seconds::days(30)),
            device(2, Seconds::hours(-20), Seconds::days(29)),
            device(3, Seconds::days(-10), Seconds::days(20)),
            device(4, Seconds::days(-40), Seconds::days(-10)),
        ];
        let impact = of(devices, Seconds::DAY, None, NOW);
        assert_eq!((impact.devices, impact.within_a_day, impact.when_next_online), (3, 2, 1));
        assert_eq!(impact.at_the_latest, Some(NOW.plus(Seconds::days(30))));
        let third = impact.seats.iter().find(|seat| seat.seat == SeatId::from_bytes([3; 16])).unwrap();
        assert_eq!(third.expected_at, None);
        assert_eq!(impact.sentence(), "3 devices; 2 within a day, 1 when next online, at the latest on 2027-02-14");
    }

    #[test]
    fn a_later_date_spares_who_has_run_out_by_then() {
        let devices = vec![device(1, Seconds(0), Seconds::days(2)), device(2, Seconds(0), Seconds::days(9))];
        let impact = of(devices, Seconds::hours(1), Some(NOW.plus(Seconds::days(3))), NOW);
        assert_eq!(impact.devices, 1);
        assert_eq!(impact.seats[0].expected_at, Some(NOW.plus(Seconds::days(3))));
        assert_eq!((impact.within_a_day, impact.when_next_online), (0, 1));
        assert_eq!(of(Vec::new(), Seconds::DAY, None, NOW).sentence(), "No device loses access.");
    }
}
