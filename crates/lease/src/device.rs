//! The hash under which a device is known.

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

#[cfg(test)]
mod tests {
    use super::device_hash;

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
