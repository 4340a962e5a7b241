//! What was seen in an outage and after it, as a table.

use super::{
    Config, Device, LENGTHS, OUTAGE, Outage, RECOVERY,
    client::Time,
    device::{Cause, Sight},
    freshness::{Freshness, Out},
    plans::Plan,
    storm::Capacity,
};
use std::{collections::BTreeMap, fmt};

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// The office whose address is looked at: one of the largest.
const OFFICE: u32 = 8;
/// What the nodes can do, as far as the report compares.
pub const CAPACITY: Capacity = Capacity { nodes: 3, each: 4_000, queue: 2 };

/// What came after the service was back.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Devices that should have renewed meanwhile.
    pub overdue: u64,
    /// Of those in use when the service came back, and until they had their lease: after how many seconds.
    pub running: Vec<u32>,
    /// Of those in use when the service came back: how many were switched off before they had it.
    pub switched_off: u64,
    /// How many had not got it within three days, most of them because they were off.
    pub missing: u64,
    /// Leases by the second.
    seconds: BTreeMap<u32, u32>,
    office: BTreeMap<u32, u32>,
}

impl Recovery {
    /// The greatest number of leases in a second.
    pub fn peak(&self) -> u32 {
        self.seconds.values().copied().max().unwrap_or(0)
    }

    /// The greatest number of leases in a minute behind one address.
    pub fn peak_of_office(&self) -> u32 {
        self.office.values().copied().max().unwrap_or(0)
    }

    /// After how many seconds so many parts of a thousand of the devices in use had their lease.
    pub fn after(&self, per_mille: usize) -> u32 {
        let place = (self.running.len() * per_mille).div_ceil(1_000).max(1);
        self.running.get(place - 1).copied().unwrap_or(0)
    }
}

/// What came of all devices.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was simulated.
    pub config: Config,
    /// Devices with each plan.
    pub devices: [u64; 6],
    /// Those of the largest office.
    pub office: u64,
    /// First sights by day of the outage, plan and what it was.
    sights: BTreeMap<(i64, Plan), BTreeMap<&'static str, u64>>,
    lockouts: BTreeMap<(i64, Plan, Cause), u64>,
    /// After each of the [`LENGTHS`].
    pub recoveries: Vec<Recovery>,
    /// Attempts to renew, before and during the outage.
    pub attempts: u64,
    /// Who would notice when, at the beginning of the outage.
    pub freshness: Freshness,
    /// The same for the default terms of a node-locked license.
    pub freshness_of_default: Freshness,
    out: Vec<(Plan, Out)>,
}

impl Report {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            devices: [0; 6],
            office: 0,
            sights: BTreeMap::new(),
            lockouts: BTreeMap::new(),
            recoveries: vec![Recovery::default(); LENGTHS.len()],
            attempts: 0,
            freshness: Freshness::of([]),
            freshness_of_default: Freshness::of([]),
            out: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, device: &Device) {
        self.devices[device.plan.index()] += 1;
        self.office += u64::from(device.habit.office == Some(OFFICE));
        self.out.extend(Out::played(device.lease(), OUTAGE).map(|out| (device.plan, out)));
    }

    pub(super) fn see(&mut self, plan: Plan, at: Time, sight: Sight) {
        let day = (at - OUTAGE).div_euclid(DAY);
        let name = match sight {
            Sight::Lockout(cause) => {
                *self.lockouts.entry((day, plan, cause)).or_insert(0) += 1;
                return;
            }
            Sight::Limited => "limited",
            Sight::Notice => "notices",
        };
        *self.sights.entry((day, plan)).or_default().entry(name).or_insert(0) += 1;
    }

    pub(super) fn recover(&mut self, place: usize, device: &Device, back: Time, renewed: Option<Time>) {
        let Some(recovery) = self.recoveries.get_mut(place) else { return };
        recovery.overdue += 1;
        let until = device.in_use_until();
        recovery.switched_off += u64::from(until.is_some_and(|until| renewed.is_none_or(|at| at > until)));
        let Some((at, after)) = renewed.and_then(|at| Some((at, u32::try_from(at - back).ok()?))) else {
            recovery.missing += 1;
            return;
        };
        *recovery.seconds.entry(after).or_insert(0) += 1;
        if device.habit.office == Some(OFFICE) {
            *recovery.office.entry(after / 60).or_insert(0) += 1;
        }
        if until.is_some_and(|until| at <= until) {
            recovery.running.push(after);
        }
    }

    pub(super) fn close(&mut self) {
        for recovery in &mut self.recoveries {
            recovery.running.sort_unstable();
        }
        let out = std::mem::take(&mut self.out);
        let default = out.iter().filter(|(plan, _)| plan.is_default());
        self.freshness_of_default = Freshness::of(default.map(|(_, out)| *out));
        self.freshness = Freshness::of(out.into_iter().map(|(_, out)| out));
    }

    /// Devices with the plans `of` that had no rights for the first time within so many days, for this cause.
    pub fn lockouts(&self, days: i64, cause: Cause, of: impl Fn(Plan) -> bool) -> u64 {
        let counts = self.lockouts.iter();
        counts.filter(|((day, plan, why), _)| *day < days && of(*plan) && *why == cause).map(|(_, count)| count).sum()
    }

    /// Notices of grace, or devices that were limited, within so many days.
    pub fn sights(&self, days: i64, name: &str, of: impl Fn(Plan) -> bool) -> u64 {
        let counts = self.sights.iter().filter(|((day, plan), _)| *day < days && of(*plan));
        counts.filter_map(|(_, counts)| counts.get(name)).sum()
    }

    /// Whether what must hold did: nobody with the default terms locked out by the outage in 13 days, and no recovery that
    /// asks for more than the nodes can do.
    pub fn holds(&self) -> bool {
        let peak = self.recoveries.iter().map(Recovery::peak).max().unwrap_or(0);
        self.lockouts(13, Cause::Outage, Plan::is_default) == 0 && u64::from(peak) <= CAPACITY.nodes * CAPACITY.each
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        0..HOUR => format!("{} min", seconds / 60),
        HOUR..DAY => format!("{}.{} h", seconds / HOUR, seconds % HOUR * 10 / HOUR),
        _ => format!("{}.{} d", seconds / DAY, seconds % DAY * 10 / DAY),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.config.outage {
            Outage::Whole => "Nothing answers",
            Outage::Database => "The database is gone; nodes carry leases on within their bounds",
        };
        writeln!(
            f,
            "{what}. {} devices, {} attempts to renew before and during it.",
            self.devices.iter().sum::<u64>(),
            self.attempts
        )?;
        for (who, freshness) in [("all", &self.freshness), ("node-locked", &self.freshness_of_default)] {
            let after = |at: Option<Time>| span(at.map_or(0, |at| at - OUTAGE));
            let (first, one) = (after(freshness.first()), after(freshness.when(10)));
            let half = after(freshness.when(500));
            writeln!(
                f,
                "By the leases out there ({who}): the first device stops after {first}, 1 % after {one}, half after {half}."
            )?;
        }
        writeln!(
            f,
            "\nLocked out for the first time within so many days, by plan and cause; limited; notices of grace:\n"
        )?;
        writeln!(f, "| plan (devices) | what | 1 | 3 | 7 | 13 | 14 | 20 | 29 | 31 | 40 |")?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for plan in Plan::ALL {
            for cause in Cause::ALL {
                self.row(f, plan, cause.name(), |days| self.lockouts(days, cause, |it| it == plan))?;
            }
            for name in ["limited", "notices"] {
                self.row(f, plan, name, |days| self.sights(days, name, |it| it == plan))?;
            }
        }
        self.write_recoveries(f)
    }
}

impl Report {
    fn row(&self, f: &mut fmt::Formatter<'_>, plan: Plan, what: &str, count: impl Fn(i64) -> u64) -> fmt::Result {
        if count(40) == 0 {
            return Ok(());
        }
        let cells: Vec<String> = LENGTHS.iter().skip(1).map(|length| count(length / DAY).to_string()).collect();
        writeln!(f, "| {} ({}) | {what} | {} |", plan.name(), self.devices[plan.index()], cells.join(" | "))
    }

    fn write_recoveries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nAfter the outage, paced by what clients stored; the nodes could do {} a second:\n",
            CAPACITY.nodes * CAPACITY.each
        )?;
        writeln!(
            f,
            "| outage | overdue | in use until renewed | half of them | 99 % | last | switched off before | still without after {} | peak a second | peak a minute of an office of {} |",
            span(RECOVERY),
            self.office
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for (length, recovery) in LENGTHS.into_iter().zip(&self.recoveries) {
            let after = |per_mille| span(i64::from(recovery.after(per_mille)));
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                span(length),
                recovery.overdue,
                recovery.running.len(),
                after(500),
                after(990),
                after(1_000),
                recovery.switched_off,
                recovery.missing,
                recovery.peak(),
                recovery.peak_of_office(),
            )?;
        }
        Ok(())
    }
}
