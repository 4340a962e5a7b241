//! The plans that are sold, and what the real server decides for their seats.

use super::client::{Lease, Time};
use crate::rng::Rng;
use holdfast_domain::{
    Decision, DeviceHash, Entitlements, License, LicenseId, LicenseModel, LicenseStatus, PlanId, ProductId, Seat,
    SeatId, SeatModel, SeatState, Seconds, Terms, Timestamp, UnixSeconds, VendorId,
    continuity::{Bounds, Proven, carry_on},
    decide,
    decide::Jitter,
};

const DAY: i64 = 86_400;

/// A plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    /// Node-locked for ever, 14 days and 16 of grace.
    Perpetual,
    /// The same for a year at a time, renewed a day before it ends.
    Subscription,
    /// The same for ever, with something left after the grace.
    Fallback,
    /// Floating, 20 minutes.
    Floating,
    /// Build machines, 3 days and 11 of grace.
    Build,
    /// A trial of 30 days.
    Trial,
}

impl Plan {
    /// Every plan.
    pub const ALL: [Self; 6] =
        [Self::Perpetual, Self::Subscription, Self::Fallback, Self::Floating, Self::Build, Self::Trial];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Perpetual => "node-locked",
            Self::Subscription => "node-locked, by the year",
            Self::Fallback => "node-locked, with fallback",
            Self::Floating => "floating",
            Self::Build => "build machines",
            Self::Trial => "trial",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Perpetual => 0,
            Self::Subscription => 1,
            Self::Fallback => 2,
            Self::Floating => 3,
            Self::Build => 4,
            Self::Trial => 5,
        }
    }

    /// Whether it has the default terms of a node-locked license.
    pub const fn is_default(self) -> bool {
        matches!(self, Self::Perpetual | Self::Subscription | Self::Fallback)
    }

    fn terms(self) -> Terms {
        let mut terms = match self {
            Self::Perpetual | Self::Fallback => Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked),
            Self::Subscription => {
                let duration = Seconds::days(365);
                Terms::defaults(LicenseModel::Subscription { duration }, SeatModel::NodeLocked)
            }
            Self::Floating => Terms::defaults(LicenseModel::Perpetual, SeatModel::Floating),
            Self::Build => {
                let terms = Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked);
                Terms { lease: Seconds::days(3), grace: Seconds::days(11), ..terms }
            }
            Self::Trial => Terms::defaults(LicenseModel::Trial { duration: Seconds::days(30) }, SeatModel::NodeLocked),
        };
        if self == Self::Fallback {
            terms.fallback = Some(Entitlements::new());
        }
        terms
    }
}

/// The server, as far as it decides on one seat.
pub struct Server {
    licenses: Vec<(License, Seat)>,
    device: DeviceHash,
    bounds: Bounds,
}

impl Server {
    /// A server that sells every plan.
    pub fn new() -> Option<Self> {
        let (bytes, device) = ([7; 16], DeviceHash::from_bytes([7; 32]));
        let license = |plan: Plan| {
            let license = License {
                id: LicenseId::from_bytes(bytes),
                vendor: VendorId::from_bytes(bytes),
                product: ProductId::from_bytes(bytes),
                plan: PlanId::from_bytes(bytes),
                plan_code: "pro".parse().ok()?,
                customer: None,
                order: None,
                status: LicenseStatus::Active,
                status_reason: None,
                status_effective_at: None,
                terms: plan.terms().checked().ok()?,
                overrides: Entitlements::new(),
                expires_at: None,
                created_at: Timestamp::default(),
            };
            let seat = Seat {
                id: SeatId::from_bytes(bytes),
                license: license.id,
                device,
                user: None,
                state: SeatState::Active,
                seq: 0,
                device_key: None,
                borrowed_until: None,
                lease_ends_at: Timestamp::default(),
                claimed_at: Timestamp::default(),
            };
            Some((license, seat))
        };
        let licenses = Plan::ALL.into_iter().map(license).collect::<Option<_>>()?;
        Some(Self { licenses, device, bounds: Bounds::default() })
    }

    /// The next lease of a seat at `now` with the database, `None` where the license has ended.
    pub fn renew(&mut self, plan: Plan, end: Option<Time>, presented: i64, now: Time, rng: &mut Rng) -> Option<Lease> {
        let (license, seat) = self.licenses.get_mut(plan.index())?;
        license.expires_at = end.map(Timestamp::from_seconds);
        match decide(license, seat, &self.device, Timestamp::from_seconds(now), Jitter(rng.bits16())) {
            Decision::Grant(grant) => Some(Lease::of(&grant, presented, 0)),
            Decision::Deny(_) => None,
        }
    }

    /// The next lease without the database, which was last known at `known`. A floating seat that has lapsed needs a
    /// transaction, and so gets none.
    pub fn carry_on(&self, plan: Plan, lease: &Lease, known: Time, now: Time, rng: &mut Rng) -> Option<Lease> {
        if plan == Plan::Floating && now > lease.soft {
            return None;
        }
        let proven = Proven {
            mode: lease.mode,
            entitlements: Entitlements::new(),
            fallback: lease.fallback.then(Entitlements::new),
            issued: UnixSeconds(lease.iat),
            renew: UnixSeconds(lease.ren),
            soft: UnixSeconds(lease.soft),
            exp: UnixSeconds(lease.exp),
            license_end: lease.lic.map(UnixSeconds),
            in_a_row: lease.cont,
            usual: None,
        };
        let (known, now) = (Timestamp::from_seconds(known), Timestamp::from_seconds(now));
        let (grant, in_a_row) = carry_on(&proven, self.bounds, known, now, Jitter(rng.bits16()))?;
        Some(Lease::of(&grant, lease.seq, in_a_row))
    }
}

/// When a license of `plan` that is running at `now` ends.
pub fn end_of(plan: Plan, now: Time, rng: &mut Rng) -> Option<Time> {
    match plan {
        Plan::Subscription => Some(now + rng.within(2 * DAY, 366 * DAY)),
        Plan::Trial => Some(now + rng.within(DAY, 30 * DAY)),
        Plan::Perpetual | Plan::Fallback | Plan::Floating | Plan::Build => None,
    }
}
