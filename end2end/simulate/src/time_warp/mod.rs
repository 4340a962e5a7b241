//! A million devices with their habits, through outages of an hour to forty days, on the real decisions.
//!
//! Each device lives on its own, from one moment that matters to the next; what nodes can do at once is looked at
//! afterwards. While an outage lasts, its first days are those of any longer one, so one life goes through all of them:
//! at the end of each, a copy of the device sees the service come back.

pub mod client;
mod device;
pub mod freshness;
mod habits;
mod plans;
pub mod report;
pub mod storm;

pub use device::{Cause, Device, Service, Sight};
pub use freshness::{Freshness, Out};
pub use plans::{Plan, Server};
pub use report::{Recovery, Report};

use client::Time;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// When every outage begins: a Wednesday at ten in the morning, UTC.
pub const OUTAGE: Time = 1_804_068_000;

/// The lengths of outages, in seconds.
pub const LENGTHS: [i64; 10] =
    [HOUR, DAY, 3 * DAY, 7 * DAY, 13 * DAY, 14 * DAY, 20 * DAY, 29 * DAY, 31 * DAY, 40 * DAY];

/// For how long a recovery is looked at.
pub const RECOVERY: i64 = 3 * DAY;

/// What is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Everything: nothing answers.
    Whole,
    /// The database: nodes carry leases on within their bounds.
    Database,
}

/// How much is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Devices.
    pub devices: u64,
    /// The seed.
    pub seed: u64,
    /// What is gone.
    pub outage: Outage,
}

/// Lets every device live through the outage, and through the recovery after each of the [`LENGTHS`]. `None` only where
/// the plans could not be made.
pub fn run(config: Config) -> Option<Report> {
    let mut server = Server::new()?;
    let mut report = Report::new(config);
    let service = match config.outage {
        Outage::Whole => Service::Gone,
        Outage::Database => Service::Continuity(OUTAGE),
    };
    for index in 0..config.devices {
        let Some(mut device) = Device::new(config.seed, index, OUTAGE, &mut server) else { continue };
        device.live(OUTAGE, Service::Up, Time::MAX, &mut server, &mut |_, _| {});
        if device.finished {
            continue;
        }
        report.begin(&device);
        for (place, length) in LENGTHS.into_iter().enumerate() {
            let plan = device.plan;
            let mut see = |at: Time, sight: Sight| report.see(plan, at, sight);
            device.live(OUTAGE + length, service, OUTAGE, &mut server, &mut see);
            if device.is_overdue() {
                let back = OUTAGE + length;
                match recover(&device, back, &mut server) {
                    Back::Renewed(at) => report.recover(place, &device, back, Some(at)),
                    Back::Missing => report.recover(place, &device, back, None),
                    // Its trial ended meanwhile: it will not have another lease.
                    Back::Ended => {}
                }
            }
        }
        report.attempts += device.attempts;
    }
    report.close();
    Some(report)
}

/// What becomes of an overdue device.
enum Back {
    Renewed(Time),
    Ended,
    Missing,
}

/// Lets a copy of the device see the service come back at `back`.
fn recover(device: &Device, back: Time, server: &mut Server) -> Back {
    let mut device = device.clone();
    device.first_renewed = None;
    // In steps, so that it does not go on living for days after it has what it wants.
    for step in 1..=RECOVERY / (6 * HOUR) {
        device.live(back + step * 6 * HOUR, Service::Up, Time::MAX, server, &mut |_, _| {});
        match device.first_renewed {
            Some(at) => return Back::Renewed(at),
            None if device.finished => return Back::Ended,
            None => {}
        }
    }
    Back::Missing
}

/// How many renew in the busiest second of the next day, if `devices` have all just renewed in the same one: what the
/// jitter of `ren` makes of a storm.
pub fn echo(devices: u64, seed: u64) -> Option<u32> {
    let mut server = Server::new()?;
    let mut rng = crate::rng::Rng::of(seed, 5);
    let mut seconds: std::collections::BTreeMap<Time, u32> = std::collections::BTreeMap::new();
    for _ in 0..devices {
        let lease = server.renew(Plan::Perpetual, None, 0, OUTAGE, &mut rng)?;
        *seconds.entry(lease.ren).or_insert(0) += 1;
    }
    seconds.into_values().max()
}

/// The leases that are alive when the outage begins, and until when each of them is good: the truth against which a computed
/// freshness is compared.
pub fn leases(devices: u64, seed: u64) -> Option<Vec<(Plan, Out)>> {
    let mut server = Server::new()?;
    let mut leases = Vec::new();
    for index in 0..devices {
        let Some(mut device) = Device::new(seed, index, OUTAGE, &mut server) else { continue };
        device.live(OUTAGE, Service::Up, Time::MAX, &mut server, &mut |_, _| {});
        if !device.finished {
            leases.extend(Out::played(device.lease(), OUTAGE).map(|out| (device.plan, out)));
        }
    }
    Some(leases)
}

#[cfg(test)]
mod tests;
