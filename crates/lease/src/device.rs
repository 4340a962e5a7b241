//! The hash under which a device is known, and what a device's own key signs.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The claim `dev`: SHA-256 over `"holdfast-device-v1" 0x00 product-id 0x00 fingerprint`, as 64 lower-case hex digits.
///
/// `fingerprint` is whatever the application identifies the device by; it never leaves the device. `product` is the
/// product id, so that two vendors cannot compare their customers' devices. A product id never contains a zero byte.
pub fn device_hash(product: &str, fingerprint: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(b"holdfast-device-v1\0")
        .chain_update(product)
        .chain_update([0])
        .chain_update(fingerprint)
        .finalize();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a device's own key signs to prove that a renewal comes from the device: `"holdfast-renewal-v1" 0x00 nonce 0x00
/// SHA-256(lease)`.
///
/// `nonce` is the request's nonce (it never contains a zero byte) and `lease` the compact encoding of the presented
/// lease. The signature over these bytes is the member `proof` of the renewal.
pub fn renewal_proof_message(nonce: &str, lease: &str) -> Vec<u8> {
    let digest = Sha256::digest(lease.as_bytes());
    [b"holdfast-renewal-v1\0", nonce.as_bytes(), b"\0", digest.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::{device_hash, renewal_proof_message};

    #[test]
    fn the_proof_covers_the_nonce_and_the_lease() {
        let message = renewal_proof_message("nonce-123", "a.b.c");
        assert!(message.starts_with(b"holdfast-renewal-v1\0nonce-123\0"));
        assert_eq!(message.len(), 20 + 9 + 1 + 32);
        assert_ne!(message, renewal_proof_message("nonce-124", "a.b.c"));
        assert_ne!(message, renewal_proof_message("nonce-123", "a.b.d"));
    }

    #[test]
    fn the_hash_is_that_of_the_profile() {
        // printf 'holdfast-device-v1\0prd_1\0machine-42' | sha256sum
        assert_eq!(
            device_hash("prd_1", b"machine-42"),
            "5a4ca2a81e4c0f30b4c5d97d96b936199f5fa58546195ba557494a7c25e5cf8a"
        );
        assert_ne!(device_hash("prd_1", b"a"), device_hash("prd_2", b"a"));
    }
}
