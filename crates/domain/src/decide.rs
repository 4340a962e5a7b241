//! The server's decision on a seat: a lease, or a denial with all its reasons.
//!
//! Pure, so that a running server, a test at any moment and the support desk's "explain" give the same answer. The
//! rules are those of the lease profile ("Defaults", "Denial claims") and of the vocabulary ("License status").

use crate::{
    entitlement::Entitlements,
    license::{License, LicenseStatus},
    plan::{LicenseModel, SeatModel, Terms},
    seat::{DeviceHash, Seat, SeatState},
    time::{Seconds, Timestamp, UnixSeconds},
};
use serde::{Deserialize, Serialize};

/// What a lease grants (claim `mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything the license unlocks.
    Licensed,
    /// The same, on trial.
    Trial,
    /// The plan's fallback only, because the license ran out.
    Limited,
}

/// The code of a denial document (lease profile, "Denial claims").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialCode {
    /// The presented lease belongs to another device.
    DeviceMismatch,
    /// The license was withdrawn.
    Revoked,
    /// The license is paused.
    Suspended,
    /// The license ran out and its plan has no fallback.
    Expired,
    /// The seat was given up or taken away.
    Released,
}

impl DenialCode {
    /// The stable name, as in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceMismatch => "device_mismatch",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Released => "released",
        }
    }
}

/// One reason for a denial, with the date from which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What it is.
    pub code: DenialCode,
    /// From when it holds.
    pub effective: UnixSeconds,
}

/// A denial: at least one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The code the document carries: that of the reason that holds first, and of those the weightiest.
    pub code: DenialCode,
    /// When the denial takes effect: when that reason does, never before now.
    pub effective: UnixSeconds,
    /// Every reason, in the order of [`DenialCode`].
    pub reasons: Vec<Reason>,
}

impl Denial {
    /// The denial for these reasons, in whichever order they come; `None` for none.
    pub fn of(reasons: Vec<Reason>) -> Option<Self> {
        denial(reasons)
    }
}

/// What the next lease of a seat says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Full, trial or limited.
    pub mode: Mode,
    /// What it unlocks.
    pub entitlements: Entitlements,
    /// What remains after `exp` without a denial.
    pub fallback: Option<Entitlements>,
    /// Valid from, and signed at.
    pub issued: UnixSeconds,
    /// Do not renew before.
    pub renew: UnixSeconds,
    /// End of the lease proper.
    pub soft: UnixSeconds,
    /// The hard stop.
    pub exp: UnixSeconds,
    /// End of the license; absent for a perpetual one.
    pub license_end: Option<UnixSeconds>,
}

/// The answer to "may this seat go on".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes, with this lease.
    Grant(Grant),
    /// No, for these reasons.
    Deny(Denial),
}

/// A random number that spreads the renewals of many clients: 0 to 65 535 over the whole jitter of a quarter either way.
#[derive(Clone, Copy, Debug)]
pub struct Jitter(pub u16);

impl Jitter {
    /// No shift at all.
    pub const NONE: Self = Self(32_768);

    pub(crate) fn apply(self, span: Seconds) -> Seconds {
        let quarter = i128::from(span.0) / 4;
        let shift = quarter * (i128::from(self.0) - 32_768) / 32_768;
        Seconds(span.0.saturating_add(i64::try_from(shift).unwrap_or(0)))
    }
}

/// Decides on a seat that asks for its next lease at `now` from the device `device`.
///
/// `license` and its terms are the current ones, `seat` the one asked for. The result depends on nothing else.
pub fn decide(license: &License, seat: &Seat, device: &DeviceHash, now: Timestamp, jitter: Jitter) -> Decision {
    let mut reasons = license_reasons(license, now);
    let at_once = now.seconds();
    if seat.device != *device {
        reasons.insert(0, Reason { code: DenialCode::DeviceMismatch, effective: at_once });
    }
    if seat.state == SeatState::Released {
        reasons.push(Reason { code: DenialCode::Released, effective: at_once });
    }
    denial(reasons).map_or_else(|| Decision::Grant(grant(license, seat.borrowed_until, now, jitter)), Decision::Deny)
}

/// Decides on a seat whose device presents a lease that lasts until `exp`. A "no" that is announced for later than that is
/// none yet: until then the customer is entitled, so the seat goes on.
pub fn decide_renewal(
    license: &License,
    seat: &Seat,
    device: &DeviceHash,
    exp: UnixSeconds,
    now: Timestamp,
    jitter: Jitter,
) -> Decision {
    match decide(license, seat, device, now, jitter) {
        Decision::Deny(denial) if denial.effective > exp.max(now.seconds()) => {
            Decision::Grant(grant(license, seat.borrowed_until, now, jitter))
        }
        decision => decision,
    }
}

/// Decides whether `license` as such may be used at `now`, before any seat exists: what an activation or a validation
/// asks first. `None` for yes.
pub fn decide_license(license: &License, now: Timestamp) -> Option<Denial> {
    denial(license_reasons(license, now))
}

fn license_reasons(license: &License, now: Timestamp) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let decided = license.status_effective_at.map_or(now, |at| at.max(now)).seconds();
    match license.status {
        LicenseStatus::Active => {}
        LicenseStatus::Suspended => reasons.push(Reason { code: DenialCode::Suspended, effective: decided }),
        LicenseStatus::Revoked => reasons.push(Reason { code: DenialCode::Revoked, effective: decided }),
    }
    if license.expires_at.is_some_and(|end| now >= end) && license.terms.fallback.is_none() {
        reasons.push(Reason { code: DenialCode::Expired, effective: now.seconds() });
    }
    reasons
}

fn denial(mut reasons: Vec<Reason>) -> Option<Denial> {
    reasons.sort_by_key(|reason| reason.code);
    let Reason { code, effective } = *reasons.iter().min_by_key(|reason| (reason.effective, reason.code))?;
    Some(Denial { code, effective, reasons })
}

/// The lease that `license` grants at `now`, `borrowed_until` for a borrowed floating seat. Assumes that nothing speaks
/// against it.
pub fn grant(license: &License, borrowed_until: Option<Timestamp>, now: Timestamp, jitter: Jitter) -> Grant {
    let Terms { lease, grace, renew_after, ref fallback, .. } = license.terms;
    let issued = now.seconds();
    let license_end = license.expires_at.map(Timestamp::seconds);
    let ran_out = license.expires_at.is_some_and(|end| now >= end);
    let mode = match license.terms.model {
        _ if ran_out => Mode::Limited,
        LicenseModel::Trial { .. } => Mode::Trial,
        LicenseModel::Perpetual | LicenseModel::Subscription { .. } => Mode::Licensed,
    };
    let borrowed = borrowed_until
        .map(Timestamp::seconds)
        .filter(|until| license.terms.seat_model == SeatModel::Floating && *until > issued.plus(lease));
    // A lease ends with its license, except that a limited one begins after it.
    let clip = |at: UnixSeconds| if ran_out { at } else { license_end.map_or(at, |end| at.min(end)) };
    let (soft, exp) = match (mode, license_end, borrowed) {
        (Mode::Trial, Some(end), _) => (end, end),
        (_, _, Some(until)) => (clip(until), clip(until)),
        _ => (clip(issued.plus(lease)), clip(issued.plus(lease).plus(grace))),
    };
    let entitlements = license.entitlements_at(now);
    Grant {
        mode,
        entitlements,
        fallback: if ran_out { None } else { fallback.clone() },
        issued,
        renew: issued.plus(jitter.apply(renew_after)).min(soft),
        soft,
        exp,
        license_end,
    }
}
