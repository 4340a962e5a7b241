//! The bodies of the runtime calls as the API description shows them. What comes in is read by the use cases' own types;
//! a test keeps the two alike.

use crate::api::{time::Rfc3339, v1::words::LicenseStateWord};
use holdfast_domain::{Entitlements, LicenseState};
use serde::Serialize;
use utoipa::ToSchema;

/// A device.
#[derive(Serialize, ToSchema)]
pub struct Device {
    /// SHA-256 of the device's fingerprint and the product, 64 lower-case hex digits.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "5a4ca2a81e4c0f30b4c5d97d96b936199f5fa58546195ba557494a7c25e5cf8a")]
    pub hash: String,
    /// What people call it, cut to 100 characters; shown to its owner.
    #[schema(required = false)]
    pub name: Option<String>,
    /// Its operating system and machine type.
    #[schema(required = false)]
    pub platform: Option<String>,
    /// The version of the application.
    #[schema(required = false)]
    pub app_version: Option<String>,
    /// Its own Ed25519 public key, base64url: renewals must then be signed by it.
    #[schema(required = false, pattern = "^[A-Za-z0-9_-]{43}$")]
    pub public_key: Option<String>,
}

/// Claims a seat.
#[derive(Serialize, ToSchema)]
pub struct Activate {
    /// The license key as the person pasted it.
    pub key: String,
    /// The device that takes the seat.
    pub device: Device,
    /// The e-mail address of the person, for a license with named users.
    #[schema(required = false)]
    pub user: Option<String>,
    /// A random text that a denial echoes.
    #[schema(pattern = "^[!-~]{1,256}$", example = "c29tZS1yYW5kb20")]
    pub nonce: String,
    /// The `seq` of the newest key manifest the client has.
    #[schema(required = false)]
    pub manifest_seq: Option<i64>,
    /// For how long to borrow a floating seat, in seconds.
    #[schema(required = false)]
    pub borrow_seconds: Option<u32>,
}

/// A seat was claimed.
#[derive(Serialize, ToSchema)]
pub struct Activated {
    /// The signed lease.
    pub lease: String,
    /// The seat's id.
    pub seat: String,
    /// The signed key manifest, where the client's is older.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

/// Asks for the next lease.
#[derive(Serialize, ToSchema)]
pub struct Renew {
    /// The stored lease.
    pub lease: String,
    /// A random text that a denial echoes.
    #[schema(pattern = "^[!-~]{1,256}$")]
    pub nonce: String,
    /// The `seq` of the newest key manifest the client has.
    #[schema(required = false)]
    pub manifest_seq: Option<i64>,
    /// The signature by the device's own key, where the lease has `dpk`.
    #[schema(required = false)]
    pub proof: Option<String>,
    /// The device that asks; where absent, the one of the lease.
    #[schema(required = false)]
    pub device: Option<Device>,
}

/// The next lease.
#[derive(Serialize, ToSchema)]
pub struct Renewed {
    /// The signed lease.
    pub lease: String,
    /// The signed key manifest, where the client's is older.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

/// Gives a seat up.
#[derive(Serialize, ToSchema)]
pub struct Release {
    /// The stored lease.
    pub lease: String,
    /// A random text.
    #[schema(pattern = "^[!-~]{1,256}$")]
    pub nonce: String,
}

/// Frees another device's seat.
#[derive(Serialize, ToSchema)]
pub struct ReleaseOther {
    /// The license key.
    pub key: String,
    /// A random text.
    #[schema(pattern = "^[!-~]{1,256}$")]
    pub nonce: String,
}

/// Asks about a key.
#[derive(Serialize, ToSchema)]
pub struct Validate {
    /// The license key.
    pub key: String,
    /// The device to ask for; without it the license alone is judged.
    #[schema(required = false, pattern = "^[0-9a-f]{64}$")]
    pub device_hash: Option<String>,
    /// A random text that a denial echoes.
    #[schema(pattern = "^[!-~]{1,256}$")]
    pub nonce: String,
}

/// What holds for a key.
#[derive(Serialize, ToSchema)]
pub struct Validated {
    /// Whether the license may be used (on the device, where one was given).
    pub valid: bool,
    /// Every reason against it; empty where valid.
    pub codes: Vec<String>,
    /// The license; absent for an unknown key.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseSummary>,
    /// The signed denial, where the license is refused and a device was given.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<String>,
}

/// A license as the holder of its key may see it.
#[derive(Serialize, ToSchema)]
pub struct LicenseSummary {
    /// Its id.
    pub id: String,
    /// The plan's code.
    pub plan: String,
    /// How it stands: `active`, `suspended`, `revoked` or `expired`.
    #[schema(value_type = LicenseStateWord)]
    pub status: LicenseState,
    /// Its end; absent for a perpetual one.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Rfc3339>,
    /// The number of seats.
    pub seats: u32,
    /// What it unlocks now, past its end what its plan leaves: code to `true`, an integer or a text.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub entitlements: Entitlements,
}

/// The key manifest.
#[derive(Serialize, ToSchema)]
pub struct KeyManifest {
    /// The signed key manifest.
    pub keys: String,
}

/// The revocation list.
#[derive(Serialize, ToSchema)]
pub struct Revocations {
    /// The signed revocation list.
    pub revocations: String,
}

/// Starts a trial.
#[derive(Serialize, ToSchema)]
pub struct StartTrial {
    /// The trial plan's code; without it the product's first trial plan.
    #[schema(required = false)]
    pub plan: Option<String>,
    /// The device.
    pub device: Device,
    /// A random text that a denial echoes.
    #[schema(pattern = "^[!-~]{1,256}$")]
    pub nonce: String,
    /// The `seq` of the newest key manifest the client has.
    #[schema(required = false)]
    pub manifest_seq: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_service::runtime;

    fn device() -> Device {
        Device { hash: "ab".repeat(32), name: Some("PC".into()), platform: None, app_version: None, public_key: None }
    }

    fn text() -> String {
        "nonce-0123".to_owned()
    }

    #[test]
    fn what_is_described_is_what_is_read() {
        fn reads<T: serde::de::DeserializeOwned>(described: &impl Serialize) {
            serde_json::from_value::<T>(serde_json::to_value(described).unwrap()).unwrap();
        }
        reads::<runtime::Activate>(&Activate {
            key: "ABCDE-12345".into(),
            device: device(),
            user: Some("ann@example.com".into()),
            nonce: text(),
            manifest_seq: Some(1),
            borrow_seconds: Some(60),
        });
        reads::<runtime::Renew>(&Renew {
            lease: text(),
            nonce: text(),
            manifest_seq: None,
            proof: None,
            device: Some(device()),
        });
        reads::<runtime::Release>(&Release { lease: text(), nonce: text() });
        reads::<runtime::ReleaseOther>(&ReleaseOther { key: text(), nonce: text() });
        reads::<runtime::Validate>(&Validate { key: text(), device_hash: Some("ab".repeat(32)), nonce: text() });
        reads::<runtime::StartTrial>(&StartTrial {
            plan: Some("trial".into()),
            device: device(),
            nonce: text(),
            manifest_seq: None,
        });
    }
}
