//! What shipped applications send and get: the bodies of the runtime calls as types (HTTP API, "Runtime").
//!
//! Unknown members are tolerated (an old server meets new clients); types are strict. Texts that only describe a device
//! are tidied, never refused: a strange host name must not keep anybody from activating.

use holdfast_domain::{Code, DeviceHash, Email, Entitlements, LicenseId, LicenseState, SeatId, Timestamp};
use holdfast_lease::PublicKey;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A client's random text that the denial to this very request must echo: 1 to 256 printable ASCII characters without
/// spaces, in whatever encoding a client likes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce in `text`; `None` where it is too short, too long or of another alphabet.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("a nonce has 1 to 256 printable ASCII characters and no spaces"))
    }
}

/// A device's own Ed25519 public key, checked as every key of a document is. On the wire: base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceKey(pub PublicKey);

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PublicKey::from_b64u(&String::deserialize(deserializer)?).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for DeviceKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_b64u())
    }
}

/// A signature by a device's own key. On the wire: 64 bytes in base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof(pub [u8; 64]);

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(…)")
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::prelude::*;
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.as_slice().try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("a proof is a 64-byte signature in base64url"))
    }
}

impl Serialize for Proof {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::prelude::*;
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The device that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its hash (lease profile, claim `dev`).
    pub hash: DeviceHash,
    /// What people call it; shown to its owner.
    #[serde(default, deserialize_with = "tidy")]
    pub name: Option<String>,
    /// Its operating system and machine type, as the application puts it.
    #[serde(default, deserialize_with = "tidy")]
    pub platform: Option<String>,
    /// The version of the application that asks.
    #[serde(default, deserialize_with = "tidy")]
    pub app_version: Option<String>,
    /// Its own public key, where it has one: renewals must then be signed by it.
    #[serde(default)]
    pub public_key: Option<DeviceKey>,
}

impl Device {
    /// A device of which nothing but its hash is known.
    pub const fn new(hash: DeviceHash) -> Self {
        Self { hash, name: None, platform: None, app_version: None, public_key: None }
    }
}

fn tidy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.as_deref().and_then(tidied))
}

/// A describing text without control characters and outer white space, cut to 100 characters; nothing left is `None`.
pub(super) fn tidied(text: &str) -> Option<String> {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let short: String = clean.trim().chars().take(100).collect();
    Some(short.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// Claims a seat.
#[derive(Clone, Deserialize)]
pub struct Activate {
    /// The license key as the person pasted it.
    pub key: String,
    /// The device that takes the seat.
    pub device: Device,
    /// The person it belongs to, for a license with named users.
    #[serde(default)]
    pub user: Option<Email>,
    /// Echoed by a denial.
    pub nonce: Nonce,
    /// The `seq` of the newest key manifest the client has.
    #[serde(default)]
    pub manifest_seq: Option<i64>,
    /// For how long to borrow a floating seat, in seconds; clipped to what the plan allows.
    #[serde(default)]
    pub borrow_seconds: Option<u32>,
}

impl fmt::Debug for Activate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret.
        f.debug_struct("Activate").field("device", &self.device.hash).finish_non_exhaustive()
    }
}

/// Asks for the next lease of a seat.
#[derive(Clone, Debug, Deserialize)]
pub struct Renew {
    /// The stored lease.
    pub lease: String,
    /// Echoed by a denial.
    pub nonce: Nonce,
    /// The `seq` of the newest key manifest the client has.
    #[serde(default)]
    pub manifest_seq: Option<i64>,
    /// The signature by the device's own key over [`holdfast_lease::renewal_proof_message`], where the lease has `dpk`.
    #[serde(default)]
    pub proof: Option<Proof>,
    /// The device that asks; where absent, the one of the lease.
    #[serde(default)]
    pub device: Option<Device>,
}

/// Gives a seat up.
#[derive(Clone, Debug, Deserialize)]
pub struct Release {
    /// The stored lease.
    pub lease: String,
    /// The client's nonce.
    pub nonce: Nonce,
}

/// Frees another device's seat from inside the application.
#[derive(Clone, Deserialize)]
pub struct ReleaseOther {
    /// The license key: whoever has it owns the license's seats.
    pub key: String,
    /// The client's nonce.
    pub nonce: Nonce,
}

impl fmt::Debug for ReleaseOther {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReleaseOther").finish_non_exhaustive()
    }
}

/// Asks about a key without claiming anything.
#[derive(Clone, Deserialize)]
pub struct Validate {
    /// The license key.
    pub key: String,
    /// The device to ask for; without it the license alone is judged.
    #[serde(default)]
    pub device_hash: Option<DeviceHash>,
    /// Echoed by a denial.
    pub nonce: Nonce,
}

impl fmt::Debug for Validate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validate").field("device_hash", &self.device_hash).finish_non_exhaustive()
    }
}

/// Starts the device's one trial, or returns to it.
#[derive(Clone, Debug, Deserialize)]
pub struct StartTrial {
    /// The trial plan's code; without it the product's first trial plan.
    #[serde(default)]
    pub plan: Option<Code>,
    /// The device.
    pub device: Device,
    /// Echoed by a denial.
    pub nonce: Nonce,
    /// The `seq` of the newest key manifest the client has.
    #[serde(default)]
    pub manifest_seq: Option<i64>,
}

/// A seat as its own device sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// Its id.
    pub id: SeatId,
    /// The license it is a place on.
    pub license: LicenseId,
    /// The device's name, where it gave one.
    pub name: Option<String>,
    /// The person it belongs to, for a named-user license.
    pub user: Option<Email>,
    /// When it was taken.
    pub claimed_at: Timestamp,
    /// Until when it is borrowed, where it is.
    pub borrowed_until: Option<Timestamp>,
}

/// The answer to an activation or to the start of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activated {
    /// The signed lease.
    pub lease: String,
    /// The seat.
    pub seat: SeatView,
    /// The key manifest, where the client's is older.
    pub keys: Option<String>,
    /// Whether the device had this seat already: `200` instead of `201`.
    pub again: bool,
}

/// The answer to a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The signed lease.
    pub lease: String,
    /// The key manifest, where the client's is older.
    pub keys: Option<String>,
}

/// The code in [`Validated::codes`] for a key that is unknown, malformed or of another product.
pub const CODE_LICENSE_NOT_FOUND: &str = "license_not_found";
/// The code in [`Validated::codes`] for a device without a seat, while seats are free.
pub const CODE_NOT_ACTIVATED: &str = "not_activated";
/// The code in [`Validated::codes`] for a device without a seat, while none is free.
pub const CODE_SEAT_LIMIT_REACHED: &str = "seat_limit_reached";

/// The answer to a validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// Whether the license may be used (on the device, where one was given).
    pub valid: bool,
    /// Every reason against it; empty where valid.
    pub codes: Vec<String>,
    /// The license; absent for an unknown key.
    pub license: Option<LicenseSummary>,
    /// The signed denial, where the license is refused and a device was given.
    pub denial: Option<String>,
}

impl Validated {
    /// Whether the key was unknown: what a server counts as a guess.
    pub fn is_unknown_key(&self) -> bool {
        self.license.is_none()
    }
}

/// A license as the holder of its key may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseSummary {
    /// Its id.
    pub id: LicenseId,
    /// The plan's code.
    pub plan: Code,
    /// How it stands now.
    pub state: LicenseState,
    /// Its end; absent for a perpetual one.
    pub expires_at: Option<Timestamp>,
    /// The number of seats.
    pub seats: u32,
    /// What it unlocks now: past its end, what its plan leaves.
    pub entitlements: Entitlements,
}

/// A signed document that any cache may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDocument {
    /// The compact encoding.
    pub token: String,
    /// A strong entity tag, in quotes: changes whenever the token does.
    pub etag: String,
}

impl SignedDocument {
    /// `token` with the entity tag that follows from its bytes.
    pub fn new(token: String) -> Self {
        use base64::prelude::*;
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::digest(token.as_bytes());
        let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..15]));
        Self { token, etag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "5a4ca2a81e4c0f30b4c5d97d96b936199f5fa58546195ba557494a7c25e5cf8a";

    #[test]
    fn nonces_are_bounded_and_printable() {
        for good in ["n", "A-Z_09az", "dGVzdA==", "a+b/c.d", &"n".repeat(256)] {
            assert!(Nonce::parse(good).is_some(), "{good}");
        }
        for bad in ["", &"n".repeat(257), "with space", "line\nbreak", "ünïcödé-nonce"] {
            assert!(Nonce::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_activation_is_read_strictly_and_tolerates_what_is_new() {
        let body = format!(
            r#"{{"key":"ABCDE-12345","device":{{"hash":"{HASH}","name":"  Ann's\tPC \n","platform":"","future":1}},"nonce":"nonce-12345","other":{{}}}}"#
        );
        let read: Activate = serde_json::from_str(&body).unwrap();
        assert_eq!(read.device.name.as_deref(), Some("Ann's PC"));
        assert_eq!(read.device.platform, None);
        assert_eq!(read.device.app_version, None);
        assert!(!format!("{read:?}").contains("ABCDE"));
        assert!(serde_json::from_str::<Activate>(&body.replace("nonce-12345", "a space")).is_err());
        assert!(serde_json::from_str::<Activate>(&body.replace(HASH, "ff")).is_err());
        assert!(serde_json::from_str::<Activate>(&body.replace("\"ABCDE-12345\"", "5")).is_err());
    }

    #[test]
    fn over_long_device_names_are_cut_and_weak_device_keys_refused() {
        let device: Device =
            serde_json::from_value(serde_json::json!({"hash": HASH, "name": "x".repeat(5_000)})).unwrap();
        assert_eq!(device.name.map(|name| name.len()), Some(100));
        let weak = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(serde_json::from_value::<Device>(serde_json::json!({"hash": HASH, "public_key": weak})).is_err());
    }

    #[test]
    fn an_entity_tag_follows_the_bytes() {
        let one = SignedDocument::new("a.b.c".into());
        assert_eq!(one.etag, SignedDocument::new("a.b.c".into()).etag);
        assert_ne!(one.etag, SignedDocument::new("a.b.d".into()).etag);
        assert!(one.etag.starts_with('"') && one.etag.ends_with('"'));
    }
}
