//! What comes by itself, if nothing is heard of the server until then.

use super::{Standing, Verdict};
use holdfast_domain::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};

/// What comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The lease begins (`nbf`).
    Begins,
    /// The client asks for the next lease (`ren`).
    RenewalDue,
    /// The lease proper ends (`soft`).
    LeaseEnds,
    /// The grace ends, and the lease with it (`exp`).
    GraceEnds,
    /// The license ends (`lic`).
    LicenseEnds,
    /// A denial that was announced applies (`eff`).
    DenialApplies,
}

/// One moment to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coming {
    /// What it is.
    pub turn: Turn,
    /// When. At the end of something it still holds, and no longer a second later.
    pub at: UnixSeconds,
    /// The verdict from then on.
    pub then: Verdict,
}

impl Standing {
    /// What comes after [`Self::time`], in its order. Nothing once a denial applies: that only an answer can change.
    pub fn outlook(&self) -> Vec<Coming> {
        let (lease, denial) = (self.lease.as_ref(), self.denial.as_ref());
        let mut turns: Vec<(Turn, UnixSeconds)> = Vec::new();
        if let Some(lease) = lease {
            turns.extend([(Turn::Begins, lease.nbf), (Turn::RenewalDue, lease.ren), (Turn::LeaseEnds, lease.soft)]);
            // Where there is no grace, the lease ends once; and with its license, that is what ends.
            turns.extend((lease.exp != lease.soft).then_some((Turn::GraceEnds, lease.exp)));
            turns.retain(|(_, at)| lease.lic != Some(*at));
            turns.extend(lease.lic.map(|end| (Turn::LicenseEnds, end)));
        }
        let eff = denial.map(|denial| denial.eff);
        turns.retain(|(_, at)| eff.is_none_or(|eff| *at < eff));
        turns.extend(eff.map(|eff| (Turn::DenialApplies, eff)));
        turns.retain(|(_, at)| *at > self.time);
        turns.sort_by_key(|(turn, at)| (*at, *turn));
        let coming = |(turn, at): (Turn, UnixSeconds)| {
            let from = match turn {
                Turn::LeaseEnds | Turn::GraceEnds | Turn::LicenseEnds => at.plus(Seconds(1)),
                Turn::Begins | Turn::RenewalDue | Turn::DenialApplies => at,
            };
            Coming { turn, at, then: Self::of(lease.cloned(), denial.cloned(), from).verdict }
        };
        turns.into_iter().map(coming).collect()
    }
}
