//! Ed25519 keys: public ones checked when loaded, signing ones made from their seed only.

use crate::{jws, refusal::Refusal};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// The name of a key: the first 16 characters of base64url(SHA-256(raw public key)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid([u8; 16]);

impl Kid {
    /// The name of the key with these 32 raw bytes. Does not check the key.
    pub fn of(public_key: &[u8; 32]) -> Self {
        let digest = Sha256::digest(public_key);
        let mut text = [0; 16];
        // 16 characters of base64url carry exactly 12 bytes.
        for (group, out) in digest.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
            let bits = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
            for (character, shift) in out.iter_mut().zip([18, 12, 6, 0]) {
                *character = jws::ALPHABET[(bits >> shift) as usize & 63];
            }
        }
        Self(text)
    }

    /// The 16 characters.
    pub fn as_str(&self) -> &str {
        // The bytes come from the base64url alphabet, so this is always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

/// A public key that has passed the checks of the profile: 32 bytes, canonical, a point, not of small order.
///
/// The point is decompressed once, here, not at every verification.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    kid: Kid,
}

impl PublicKey {
    /// Loads a raw public key; [`Refusal::KeyInvalid`] for a weak or malformed one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| Refusal::KeyInvalid)?;
        if !is_canonical(bytes) {
            return Err(Refusal::KeyInvalid);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| Refusal::KeyInvalid)?;
        if key.is_weak() {
            return Err(Refusal::KeyInvalid);
        }
        Ok(Self { key, kid: Kid::of(bytes) })
    }

    /// Loads a key from unpadded base64url, the form in which a manifest and an application's configuration hold it.
    pub fn from_b64u(text: &str) -> Result<Self, Refusal> {
        Self::from_bytes(&jws::decode(text.as_bytes()).map_err(|_| Refusal::KeyInvalid)?)
    }

    /// The 32 raw bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The key in unpadded base64url (43 characters).
    pub fn to_b64u(self) -> String {
        jws::encode(self.key.as_bytes())
    }

    /// The key's name.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// Whether `signature` over `message` passes strict Ed25519 verification: canonical S, no small-order R, no
    /// validity by the cofactor alone.
    pub fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// Whether the y coordinate is below 2^255 - 19. The curve library would reduce it silently, so that one key would have
/// two encodings and two names.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    let all_ones = last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    !(all_ones && *first >= 0xed)
}

/// A signing key, derived from its 32-byte seed and from nothing else: a public key supplied by a caller next to the
/// seed would leak the secret.
///
/// The secret is wiped from memory when the value is dropped; `Debug` shows the public name only.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// The key of a seed. The caller wipes its own copy of the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let verifying = key.verifying_key();
        // A key derived from a seed is a multiple of the base point by a clamped scalar: canonical and never weak.
        let public = PublicKey { key: verifying, kid: Kid::of(verifying.as_bytes()) };
        Self { key, public }
    }

    /// The public half.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The key's name.
    pub const fn kid(&self) -> Kid {
        self.public.kid
    }

    /// The 64-byte Ed25519 signature over `message`.
    ///
    /// For documents use [`crate::sign`], which verifies its own output; this is for other uses of the same algorithm,
    /// such as the proof by a device key.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kid_is_the_start_of_the_hash_in_base64url() {
        for seed in 0..50 {
            let bytes = SigningKey::from_seed(&[seed; 32]).public_key().to_bytes();
            assert_eq!(Kid::of(&bytes).as_str(), &jws::encode(&Sha256::digest(bytes))[..16]);
        }
    }

    #[test]
    fn keys_survive_their_text_form() {
        let key = SigningKey::from_seed(&[3; 32]).public_key();
        assert_eq!(PublicKey::from_b64u(&key.to_b64u()), Ok(key));
        assert_eq!(PublicKey::from_b64u(&format!("{}=", key.to_b64u())), Err(Refusal::KeyInvalid));
    }

    #[test]
    fn a_y_coordinate_at_or_above_the_modulus_is_refused() {
        let mut bytes = [0xff; 32];
        for (first, last) in [(0xed, 0x7f), (0xee, 0x7f), (0xff, 0x7f), (0xed, 0xff), (0xf1, 0xff)] {
            bytes[0] = first;
            bytes[31] = last;
            assert!(!is_canonical(&bytes));
            assert_eq!(PublicKey::from_bytes(&bytes), Err(Refusal::KeyInvalid));
        }
        bytes[0] = 0xec;
        assert!(is_canonical(&bytes));
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let key = SigningKey::from_seed(&[9; 32]);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.kid()));
    }
}
