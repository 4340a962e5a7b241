//! What every history begins with: a vendor's keys and two licenses, shortened so that an hour shows what a month does.

use holdfast_domain::{
    DeviceHash, License, LicenseId, LicenseModel, LicenseStatus, PlanId, ProductId, SeatId, SeatModel, Seconds, Terms,
    Timestamp, UnixSeconds, VendorId,
};
use holdfast_lease::{KeyManifest, Keyring, ManifestKey, RootKeys, SigningKey, sign};

/// The second at which every history begins.
pub const START: i64 = 1_800_000_000;
/// The product of all licenses, as documents carry it.
pub const PRODUCT: &str = "prd_simulated";
/// A floating seat's lease.
pub const FLOATING_LEASE: Seconds = Seconds(600);
/// A node-locked seat's lease and grace.
const LOCKED: Seconds = Seconds(1_200);

/// The vendor's keys.
pub struct Keys {
    /// Signs leases and denials.
    pub issuing: SigningKey,
    /// Verifies them.
    pub keyring: Keyring,
    /// What applications pin.
    pub roots: RootKeys,
    /// The manifest that names the issuing key.
    pub manifest: String,
}

impl Keys {
    /// The same keys in every history.
    pub fn new() -> Option<Self> {
        let (root, issuing) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let keys = vec![ManifestKey::issuing(issuing.public_key(), PRODUCT)];
        let keyring = Keyring::load(&keys).ok()?;
        let manifest = KeyManifest {
            v: 1,
            iss: "vnd_simulated".to_owned(),
            iat: UnixSeconds(START),
            seq: 1,
            endpoints: None,
            keys,
        };
        let manifest = sign(&manifest, &root).ok()?;
        Some(Self { issuing, keyring, roots: RootKeys::one(root.public_key()), manifest })
    }
}

/// The floating license (0) or the node-locked one (1).
pub fn license_id(index: usize) -> LicenseId {
    LicenseId::from_bytes([u8::try_from(index + 1).unwrap_or(u8::MAX); 16])
}

/// A license of the cast.
pub fn license(index: usize, seats: u32) -> Option<License> {
    let mut terms = Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked);
    terms.seats = seats;
    if index == 0 {
        terms.seat_model = SeatModel::Floating;
        (terms.lease, terms.grace, terms.renew_after) = (FLOATING_LEASE, Seconds(0), Seconds(FLOATING_LEASE.0 / 3));
    } else {
        (terms.lease, terms.grace, terms.renew_after) = (LOCKED, LOCKED, Seconds(LOCKED.0 / 3));
    }
    let bytes = [9; 16];
    Some(License {
        id: license_id(index),
        vendor: VendorId::from_bytes(bytes),
        product: ProductId::from_bytes(bytes),
        plan: PlanId::from_bytes(bytes),
        plan_code: "pro".parse().ok()?,
        customer: None,
        order: None,
        status: LicenseStatus::Active,
        status_reason: None,
        status_effective_at: None,
        terms,
        overrides: holdfast_domain::Entitlements::new(),
        expires_at: None,
        created_at: Timestamp::from_seconds(START),
    })
}

/// The seat of a device on a license: always the same, since a device that comes back gets its own.
pub fn seat_id(license: LicenseId, device: usize) -> SeatId {
    let mut bytes = license.to_bytes();
    bytes[15] = u8::try_from(device).unwrap_or(u8::MAX);
    SeatId::from_bytes(bytes)
}

/// A device's hash.
pub fn device_hash(device: usize) -> DeviceHash {
    DeviceHash::from_bytes([u8::try_from(device).unwrap_or(u8::MAX); 32])
}

/// A seat's next number: greater than every one known, and at least the current second, as the server counts.
pub fn next_seq(presented: i64, known: i64, now: Timestamp) -> i64 {
    presented.max(known).saturating_add(1).max(now.seconds().0)
}
