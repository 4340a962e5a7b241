//! The verdict: what the application may do now.

use super::{Reading, State, stored::Stored, time};
use crate::{
    claims::{Denial, Entitlements, KeyManifest, Lease, LeaseVerdict},
    refusal::Refusal,
};
use holdfast_domain::{DenialCode, EntitlementValue, Seconds, UnixSeconds, decide::Mode};
use serde::{Deserialize, Serialize};

/// The verdict on the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Full rights.
    Licensed,
    /// Full rights, on trial.
    Trial {
        /// Days left, rounded up.
        days_left: i64,
    },
    /// Full rights, although the server could not be reached for long.
    Grace {
        /// The hard stop.
        until: UnixSeconds,
    },
    /// The plan's fallback entitlements.
    Limited,
    /// No rights: the time is over.
    Expired,
    /// No rights.
    Invalid {
        /// Why.
        #[serde(flatten)]
        reason: InvalidReason,
    },
}

/// Why there are no rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum InvalidReason {
    /// Nothing is stored, or nothing that verifies: activate, or activate again.
    NotActivated,
    /// The lease begins later.
    NotYetValid {
        /// When.
        from: UnixSeconds,
    },
    /// A denial: the license was withdrawn.
    Revoked,
    /// A denial: the license is paused.
    Suspended,
    /// A denial: the seat was given up or taken away.
    Released,
    /// A denial: the lease belongs to another device.
    DeviceMismatch,
}

/// The very rule that gives a verdict. In its formula `T` is the effective time, and the other names are claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A verified denial applies.
    Denied,
    /// Nothing is stored.
    Nothing,
    /// A lease is stored, and nothing verifies it, or it is not for this device.
    Unusable,
    /// The lease begins later.
    Early,
    /// Within the lease proper.
    Lease,
    /// Between the end of the lease and its hard stop.
    Grace,
    /// Within a lease that grants the plan's fallback only.
    Limited,
    /// Past the hard stop, where the lease leaves a fallback.
    Fallback,
    /// Past the hard stop.
    Ended,
    /// The clock was behind for so long that a lease is judged as if it were past its hard stop.
    ClockBehind,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 10] = [
        Self::Denied,
        Self::Nothing,
        Self::Unusable,
        Self::Early,
        Self::Lease,
        Self::Grace,
        Self::Limited,
        Self::Fallback,
        Self::Ended,
        Self::ClockBehind,
    ];

    /// The condition that is met, in the names of the claims.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Denied => "eff ≤ T",
            Self::Nothing => "no lease, no denial",
            Self::Unusable => "no lease that verifies, no denial",
            Self::Early => "T < nbf",
            Self::Lease => "nbf ≤ T ≤ soft",
            Self::Grace => "soft < T ≤ exp",
            Self::Limited => "mode = limited, nbf ≤ T ≤ exp",
            Self::Fallback => "exp < T, fb present",
            Self::Ended => "exp < T, no fb",
            Self::ClockBehind => "clock behind by more than 26 h, for 72 h of running",
        }
    }
}

/// The verdict with everything that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that gives it.
    pub rule: Rule,
    /// Overlay without effect on rights: the clock was set back.
    pub clock_suspect: bool,
    /// Overlay without effect on rights: the stored state was damaged.
    pub store_damaged: bool,
    /// Overlay without effect on rights: a newer version of the application is needed to read what the server sends.
    pub update_needed: bool,
    /// The effective time of the verdict.
    pub time: UnixSeconds,
    /// The entitlements in force; empty where there are no rights.
    pub entitlements: Entitlements,
    /// The verified lease.
    pub lease: Option<Lease>,
    /// A verified denial that no lease has overcome, whether it applies already or not.
    pub denial: Option<Denial>,
    /// The verified key manifest.
    pub manifest: Option<KeyManifest>,
    /// Why a stored lease could not be used.
    pub stored_refusal: Option<Refusal>,
    /// The moment, in effective time, at which the verdict changes if nothing happens until then.
    pub changes_at: Option<UnixSeconds>,
}

impl Standing {
    /// How documents stand at `at` that were verified elsewhere, on a device whose clock was never set back.
    pub fn of(lease: Option<Lease>, denial: Option<Denial>, at: UnixSeconds) -> Self {
        judge(&State::default(), Stored::verified(lease, denial), Reading { wall: at, elapsed: Seconds(0) }, at)
    }

    /// Whether the application may run with full rights.
    pub const fn entitled(&self) -> bool {
        matches!(self.verdict, Verdict::Licensed | Verdict::Trial { .. } | Verdict::Grace { .. })
    }

    /// The value of an entitlement in force, if it is granted.
    pub fn entitlement(&self, code: &str) -> Option<&EntitlementValue> {
        self.entitlements.get(code)
    }
}

/// Judges the verified documents at `now`.
pub(super) fn judge(state: &State, stored: Stored, reading: Reading, now: UnixSeconds) -> Standing {
    let Stored { manifest, lease, denial, lease_refusal, .. } = stored;
    let denied = denial.as_ref().filter(|denial| now >= denial.eff);
    let overdrawn = time::is_overdrawn(state, reading);
    let (rule, verdict, entitlements) = match (denied, &lease) {
        (Some(denial), _) => (Rule::Denied, denied_verdict(denial.code), Entitlements::new()),
        (None, Some(lease)) => lease_verdict(lease, now, overdrawn),
        (None, None) => {
            let rule = if lease_refusal.is_some() { Rule::Unusable } else { Rule::Nothing };
            (rule, Verdict::Invalid { reason: InvalidReason::NotActivated }, Entitlements::new())
        }
    };
    // A lease of another device or product, or of a newer version, is whole; it only is not ours to use.
    let foreign = [Refusal::Device, Refusal::Product, Refusal::Version, Refusal::KidUnknown];
    let unreadable = lease_refusal.is_some_and(|refusal| !foreign.contains(&refusal));
    Standing {
        verdict,
        rule,
        clock_suspect: state.suspect,
        store_damaged: state.damaged || unreadable,
        update_needed: state.update_needed || lease_refusal == Some(Refusal::Version),
        time: now,
        entitlements,
        changes_at: changes_at(lease.as_ref(), denial.as_ref(), now),
        lease,
        denial,
        manifest,
        stored_refusal: lease_refusal,
    }
}

const fn denied_verdict(code: DenialCode) -> Verdict {
    let reason = match code {
        DenialCode::Expired => return Verdict::Expired,
        DenialCode::Revoked => InvalidReason::Revoked,
        DenialCode::Suspended => InvalidReason::Suspended,
        DenialCode::Released => InvalidReason::Released,
        DenialCode::DeviceMismatch => InvalidReason::DeviceMismatch,
    };
    Verdict::Invalid { reason }
}

fn lease_verdict(lease: &Lease, now: UnixSeconds, overdrawn: bool) -> (Rule, Verdict, Entitlements) {
    let full = || lease.ent.clone();
    if overdrawn && now <= lease.exp {
        // A clock that was behind for too long: as if the hard stop had passed.
        let (_, verdict, entitlements) = ended(lease);
        return (Rule::ClockBehind, verdict, entitlements);
    }
    match lease.verdict(now) {
        LeaseVerdict::NotYetValid => {
            let reason = InvalidReason::NotYetValid { from: lease.nbf };
            (Rule::Early, Verdict::Invalid { reason }, Entitlements::new())
        }
        LeaseVerdict::Licensed => (Rule::Lease, Verdict::Licensed, full()),
        LeaseVerdict::Trial => {
            (Rule::Lease, Verdict::Trial { days_left: time::days_up(lease.soft.since(now)) }, full())
        }
        LeaseVerdict::Grace => (Rule::Grace, Verdict::Grace { until: lease.exp }, full()),
        LeaseVerdict::Limited => (Rule::Limited, Verdict::Limited, full()),
        LeaseVerdict::Expired => ended(lease),
    }
}

/// What remains of a lease after its hard stop.
fn ended(lease: &Lease) -> (Rule, Verdict, Entitlements) {
    match &lease.fb {
        Some(fallback) => (Rule::Fallback, Verdict::Limited, fallback.clone()),
        None => (Rule::Ended, Verdict::Expired, Entitlements::new()),
    }
}

/// The next boundary after `now`.
fn changes_at(lease: Option<&Lease>, denial: Option<&Denial>, now: UnixSeconds) -> Option<UnixSeconds> {
    let eff = denial.map(|denial| denial.eff);
    if eff.is_some_and(|eff| eff <= now) {
        return None;
    }
    let boundaries = lease.into_iter().flat_map(|lease| {
        let past = |end: UnixSeconds| end.plus(Seconds(1));
        let soft = (lease.mode != Mode::Limited).then(|| past(lease.soft));
        [Some(lease.nbf), soft, Some(past(lease.exp))]
    });
    boundaries.chain([eff]).flatten().filter(|boundary| *boundary > now).min()
}
