//! The four documents as typed claims.

use holdfast_domain::{
    EntitlementValue, Seconds, UnixSeconds,
    decide::{DenialCode, Mode},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

use crate::key::PublicKey;

/// The greatest `v` this crate reads.
pub const VERSION: i64 = 1;

/// What kind of document it is. `typ` names the purpose, so that no document can be passed off as one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A lease.
    Lease,
    /// A signed denial.
    Denial,
    /// A product's revocation list.
    Revocations,
    /// A vendor's key manifest, signed by the root key.
    Keys,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Lease, Self::Denial, Self::Revocations, Self::Keys];

    /// The header's `typ`.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Lease => "holdfast-lease+jwt",
            Self::Denial => "holdfast-denial+jwt",
            Self::Revocations => "holdfast-revocations+jwt",
            Self::Keys => "holdfast-keys+jwt",
        }
    }

    /// The purpose of this `typ`, if it is one of ours.
    pub fn from_typ(typ: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.typ() == typ)
    }
}

/// A document of the profile: its claims, and where to find what [`crate::verify`] compares.
pub trait Document: Serialize + DeserializeOwned + PartialEq {
    /// The kind of document.
    const PURPOSE: Purpose;

    /// The claim `v`.
    fn version(&self) -> i64;

    /// The claim `iat`: when it was signed, by the server's clock.
    fn issued_at(&self) -> UnixSeconds;

    /// The claim `aud`, where the document has one.
    fn product(&self) -> Option<&str> {
        None
    }

    /// The claim `sub`, where the document has one.
    fn license(&self) -> Option<&str> {
        None
    }

    /// The claim `dev`, where the document has one.
    fn device(&self) -> Option<&str> {
        None
    }

    /// Whether claims of the right type contradict each other (refusal `claims`).
    fn contradicts_itself(&self) -> bool {
        false
    }
}

/// Entitlements in a document: code to value. Any code is read, also one that the server would not hand out today, so
/// that a new convention for codes never makes a lease unreadable.
pub type Entitlements = BTreeMap<String, EntitlementValue>;

/// The entitlements of the vocabulary in the form in which documents carry them.
pub fn entitlements(granted: &holdfast_domain::Entitlements) -> Entitlements {
    granted.iter().map(|(code, value)| (code.to_string(), value.clone())).collect()
}

/// A lease: the one document an application needs in order to know that it is licensed (lease profile, "Lease claims").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Version of the claims, 1.
    pub v: i64,
    /// Vendor id.
    pub iss: String,
    /// Product id.
    pub aud: String,
    /// License id.
    pub sub: String,
    /// Seat id.
    pub seat: String,
    /// Id of this lease, unique.
    pub jti: String,
    /// Device hash, see [`crate::device_hash`].
    pub dev: String,
    /// Plan code.
    pub plan: String,
    /// Full, trial or limited.
    pub mode: Mode,
    /// What it unlocks.
    pub ent: Entitlements,
    /// What remains after `exp` when no denial has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fb: Option<Entitlements>,
    /// Signed at, by the server's clock.
    pub iat: UnixSeconds,
    /// Valid from.
    pub nbf: UnixSeconds,
    /// Do not renew before.
    pub ren: UnixSeconds,
    /// End of the lease proper.
    pub soft: UnixSeconds,
    /// The hard stop: `soft` plus the plan's grace.
    pub exp: UnixSeconds,
    /// End of the license; absent for a perpetual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lic: Option<UnixSeconds>,
    /// Grows with every lease of a seat.
    pub seq: i64,
    /// The device's own Ed25519 public key (base64url), where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpk: Option<String>,
    /// Renewals in a row granted in continuity mode; absent when 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cont: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// What a lease says at a moment, by its own times alone (test vectors, `verdict`). What a client makes of it, with its
/// stored state and its clock, is [`crate::client::Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseVerdict {
    /// `now < nbf`.
    NotYetValid,
    /// Mode `licensed`, up to `soft`.
    Licensed,
    /// Mode `trial`, up to `soft`.
    Trial,
    /// Mode `limited`, up to `exp`: such a lease has no grace with fuller rights.
    Limited,
    /// `soft < now <= exp`.
    Grace,
    /// `now > exp`.
    Expired,
}

impl Lease {
    /// What the lease says at `now`. All boundaries are inclusive: at `nbf`, `soft` and `exp` themselves the lease is
    /// still what it was.
    pub fn verdict(&self, now: UnixSeconds) -> LeaseVerdict {
        match self.mode {
            _ if now < self.nbf => LeaseVerdict::NotYetValid,
            _ if now > self.exp => LeaseVerdict::Expired,
            Mode::Limited => LeaseVerdict::Limited,
            _ if now > self.soft => LeaseVerdict::Grace,
            Mode::Licensed => LeaseVerdict::Licensed,
            Mode::Trial => LeaseVerdict::Trial,
        }
    }

    /// The lease's whole span, from `iat` to `exp`; never negative.
    pub fn span(&self) -> Seconds {
        Seconds(self.exp.since(self.iat).0.max(0))
    }
}

impl Document for Lease {
    const PURPOSE: Purpose = Purpose::Lease;

    fn version(&self) -> i64 {
        self.v
    }

    fn issued_at(&self) -> UnixSeconds {
        self.iat
    }

    fn product(&self) -> Option<&str> {
        Some(&self.aud)
    }

    fn license(&self) -> Option<&str> {
        Some(&self.sub)
    }

    fn device(&self) -> Option<&str> {
        Some(&self.dev)
    }

    fn contradicts_itself(&self) -> bool {
        self.nbf > self.soft || self.soft > self.exp
    }
}

/// A signed denial: the only thing that may end a running entitlement early (lease profile, "Denial claims").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Version of the claims, 1.
    pub v: i64,
    /// Vendor id.
    pub iss: String,
    /// Product id.
    pub aud: String,
    /// License id.
    pub sub: String,
    /// Seat id, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// Id of this denial, unique.
    pub jti: String,
    /// Device hash.
    pub dev: String,
    /// Signed at, by the server's clock.
    pub iat: UnixSeconds,
    /// When it takes effect.
    pub eff: UnixSeconds,
    /// Why.
    pub code: DenialCode,
    /// Echo of the request's nonce.
    pub nonce: String,
    /// The seat's next sequence number.
    pub seq: i64,
    /// An https URL a person can open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Document for Denial {
    const PURPOSE: Purpose = Purpose::Denial;

    fn version(&self) -> i64 {
        self.v
    }

    fn issued_at(&self) -> UnixSeconds {
        self.iat
    }

    fn product(&self) -> Option<&str> {
        Some(&self.aud)
    }

    fn license(&self) -> Option<&str> {
        Some(&self.sub)
    }

    fn device(&self) -> Option<&str> {
        Some(&self.dev)
    }
}

/// A product's revocation list (lease profile, "Revocation list claims").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// Version of the claims, 1.
    pub v: i64,
    /// Vendor id.
    pub iss: String,
    /// Product id.
    pub aud: String,
    /// Signed at, by the server's clock.
    pub iat: UnixSeconds,
    /// Not to be relied on after.
    pub exp: UnixSeconds,
    /// Grows with every list.
    pub seq: i64,
    /// Revoked license ids, sorted.
    pub licenses: Vec<String>,
    /// Revoked seat ids, sorted.
    pub seats: Vec<String>,
}

impl Document for RevocationList {
    const PURPOSE: Purpose = Purpose::Revocations;

    fn version(&self) -> i64 {
        self.v
    }

    fn issued_at(&self) -> UnixSeconds {
        self.iat
    }

    fn product(&self) -> Option<&str> {
        Some(&self.aud)
    }
}

/// A vendor's key manifest (lease profile, "Key manifest claims"): read it with [`crate::verify_manifest`] only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyManifest {
    /// Version of the claims, 1.
    pub v: i64,
    /// Vendor id.
    pub iss: String,
    /// Signed at, by the server's clock.
    pub iat: UnixSeconds,
    /// Grows with every manifest.
    pub seq: i64,
    /// Base addresses of the vendor's servers, the preferred one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<String>>,
    /// The vendor's issuing keys.
    pub keys: Vec<ManifestKey>,
}

impl Document for KeyManifest {
    const PURPOSE: Purpose = Purpose::Keys;

    fn version(&self) -> i64 {
        self.v
    }

    fn issued_at(&self) -> UnixSeconds {
        self.iat
    }
}

/// One issuing key in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestKey {
    /// The key's name.
    pub kid: String,
    /// The raw public key in base64url.
    pub x: String,
    /// The product whose documents it signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// What it may sign.
    #[serde(rename = "use", default)]
    pub uses: Vec<KeyUse>,
    /// Documents signed before are not accepted (compared with the document's `iat`); absent means unbounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixSeconds>,
    /// Documents signed after are not accepted; absent, or 0, means unbounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<UnixSeconds>,
    /// Whether it is in use.
    pub status: KeyStatus,
}

impl ManifestKey {
    /// An active issuing key of a product for all three uses, without bounds in time.
    pub fn issuing(key: PublicKey, product: impl Into<String>) -> Self {
        Self {
            kid: key.kid().to_string(),
            x: key.to_b64u(),
            aud: Some(product.into()),
            uses: vec![KeyUse::Lease, KeyUse::Denial, KeyUse::Revocations],
            nbf: None,
            exp: None,
            status: KeyStatus::Active,
        }
    }
}

/// What a key may sign. A use that this version does not know is kept apart, so that a newer manifest stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Leases.
    Lease,
    /// Denials.
    Denial,
    /// Revocation lists.
    Revocations,
    /// Something newer; gives no right.
    #[serde(other)]
    Unknown,
}

impl KeyUse {
    /// The use a document of this purpose needs; `None` for a manifest, which only a pinned root key signs.
    pub const fn of(purpose: Purpose) -> Option<Self> {
        match purpose {
            Purpose::Lease => Some(Self::Lease),
            Purpose::Denial => Some(Self::Denial),
            Purpose::Revocations => Some(Self::Revocations),
            Purpose::Keys => None,
        }
    }
}

/// Whether an issuing key is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Signs new documents.
    Active,
    /// Signs nothing new; what it signed stays valid.
    Retiring,
    /// Nothing it signed is accepted.
    Revoked,
    /// Something newer: the key is left out, so that what it signs is unknown rather than bad.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_own_typ() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_typ(purpose.typ()), Some(purpose));
        }
        assert_eq!(Purpose::from_typ("JWT"), None);
    }

    #[test]
    fn entitlements_keep_codes_and_values() {
        let granted = holdfast_domain::Entitlements::from([
            ("export.pdf".parse().unwrap(), EntitlementValue::ON),
            ("users".parse().unwrap(), EntitlementValue::Integer(5)),
        ]);
        assert_eq!(
            serde_json::to_value(entitlements(&granted)).unwrap(),
            serde_json::json!({"export.pdf": true, "users": 5})
        );
    }
}
