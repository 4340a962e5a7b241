//! Key manifests: which issuing keys a vendor's clients may trust, signed by the vendor's root key.

use crate::error::{Error, Result};
use holdfast_domain::{ProductId, Seconds, Timestamp, UnixSeconds, VendorId};
use holdfast_lease::{KeyManifest, KeyStatus, KeyUse, ManifestKey, PublicKey, SignError, SigningKey, claims};

/// When an issuing key is replaced by a new one (lease profile, "Trust").
pub(crate) const ROTATE_AFTER: Seconds = Seconds::days(90);
/// For how long an issuing key may sign: longer than [`ROTATE_AFTER`], so that a node that was cut off from the database
/// for days, or a rotation that comes late, never leaves a product without a key.
pub(crate) const SIGNING_LIFE: Seconds = Seconds::days(90 + 30);
/// How far back a new key's validity reaches, so that nodes and clients whose clocks differ agree on its first documents.
pub(crate) const BACKDATED: Seconds = Seconds::hours(1);

/// A public issuing key as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedKey {
    pub product: ProductId,
    pub public_key: [u8; 32],
    pub status: KeyStatus,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl ListedKey {
    /// The key's entry in a manifest.
    pub fn entry(&self) -> Result<ManifestKey> {
        let key = PublicKey::from_bytes(&self.public_key).map_err(Error::internal)?;
        Ok(ManifestKey {
            kid: key.kid().to_string(),
            x: key.to_b64u(),
            aud: Some(self.product.to_string()),
            uses: vec![KeyUse::Lease, KeyUse::Denial, KeyUse::Revocations],
            nbf: Some(self.not_before.seconds()),
            exp: Some(self.not_after.seconds()),
            status: self.status,
        })
    }
}

/// What a manifest says besides its keys.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    pub vendor: VendorId,
    pub seq: i64,
    pub issued: UnixSeconds,
    pub endpoints: &'a [String],
}

/// Signs a manifest of `keys` for which `wanted` holds.
///
/// A document has at most [`holdfast_lease::MAX_TOKEN_BYTES`], room for about thirty keys. Where they do not all fit, the
/// ones that matter least are left out: retiring ones first, the oldest of them before the others. Documents of a key that
/// is left out are *unknown* to a client, not bad, and a manifest of its own product has the room for years of keys.
pub(crate) fn sign(
    frame: &Frame<'_>,
    keys: &[ListedKey],
    wanted: impl Fn(&ListedKey) -> bool,
    root: &SigningKey,
) -> Result<Signed> {
    let mut listed: Vec<&ListedKey> = keys.iter().filter(|key| wanted(key)).collect();
    let all = listed.len();
    listed.sort_by_key(|key| (rank(key.status), std::cmp::Reverse(key.not_before), key.public_key));
    loop {
        let manifest = KeyManifest {
            v: claims::VERSION,
            iss: frame.vendor.to_string(),
            iat: frame.issued,
            seq: frame.seq,
            endpoints: (!frame.endpoints.is_empty()).then(|| frame.endpoints.to_vec()),
            keys: listed.iter().map(|key| key.entry()).collect::<Result<_>>()?,
        };
        match holdfast_lease::sign(&manifest, root) {
            Ok(token) => return Ok(Signed { token, complete: listed.len() == all }),
            Err(SignError::TooLarge) if listed.len() > 1 => {
                let spare = listed.len().div_ceil(10);
                listed.truncate(listed.len() - spare);
            }
            Err(error) => return Err(Error::internal(error)),
        }
    }
}

/// A signed manifest, and whether every key found room in it.
pub(crate) struct Signed {
    pub token: String,
    pub complete: bool,
}

/// Whether a stored manifest of ours names exactly these endpoints. One that cannot be read does not.
pub(crate) fn names_endpoints(token: &str, endpoints: &[String]) -> bool {
    read(token).is_some_and(|manifest| manifest.endpoints.unwrap_or_default() == endpoints)
}

/// The endpoints that a stored manifest of ours names.
pub(crate) fn endpoints_of(token: &str) -> Vec<String> {
    read(token).and_then(|manifest| manifest.endpoints).unwrap_or_default()
}

fn read(token: &str) -> Option<KeyManifest> {
    use base64::prelude::*;
    let payload = token.split('.').nth(1).and_then(|segment| BASE64_URL_SAFE_NO_PAD.decode(segment).ok())?;
    serde_json::from_slice(&payload).ok()
}

const fn rank(status: KeyStatus) -> u8 {
    match status {
        KeyStatus::Active => 0,
        KeyStatus::Revoked => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_lease::{RootKeys, verify_manifest};

    fn key(n: u8, product: u8, status: KeyStatus) -> ListedKey {
        let from = Timestamp::from_seconds(1_000 + i64::from(n));
        ListedKey {
            product: ProductId::from_bytes([product; 16]),
            public_key: SigningKey::from_seed(&[n; 32]).public_key().to_bytes(),
            status,
            not_before: from,
            not_after: from.plus(SIGNING_LIFE),
        }
    }

    fn frame() -> Frame<'static> {
        Frame { vendor: VendorId::from_bytes([9; 16]), seq: 7, issued: UnixSeconds(2_000), endpoints: &[] }
    }

    #[test]
    fn a_manifest_lists_what_is_wanted_and_verifies_under_the_root_alone() {
        let root = SigningKey::from_seed(&[200; 32]);
        let keys = [key(1, 1, KeyStatus::Retiring), key(2, 1, KeyStatus::Active), key(3, 2, KeyStatus::Active)];
        let signed = sign(&frame(), &keys, |key| key.product.to_bytes()[0] == 1, &root).unwrap();
        assert!(signed.complete);
        assert!(names_endpoints(&signed.token, &[]));
        assert!(!names_endpoints(&signed.token, &["https://licenses.example.com".to_owned()]));
        let manifest = verify_manifest(signed.token.as_bytes(), &RootKeys::one(root.public_key())).unwrap();
        assert_eq!((manifest.seq, manifest.keys.len(), manifest.keys[0].status), (7, 2, KeyStatus::Active));
        let other = SigningKey::from_seed(&[201; 32]).public_key();
        assert!(verify_manifest(signed.token.as_bytes(), &RootKeys::one(other)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_left_out_least_important_first() {
        let root = SigningKey::from_seed(&[200; 32]);
        let mut keys: Vec<ListedKey> = (0..100).map(|n| key(n, 1, KeyStatus::Retiring)).collect();
        keys.extend((100..110).map(|n| key(n, n, KeyStatus::Active)));
        let signed = sign(&frame(), &keys, |_| true, &root).unwrap();
        assert!(!signed.complete);
        let manifest = verify_manifest(signed.token.as_bytes(), &RootKeys::one(root.public_key())).unwrap();
        assert_eq!(manifest.keys.iter().filter(|key| key.status == KeyStatus::Active).count(), 10);
        assert!(manifest.keys.len() > 20, "{}", manifest.keys.len());
        let newest = keys[99].entry().unwrap().kid;
        assert!(manifest.keys.iter().any(|key| key.kid == newest), "the newest retiring key stays");
    }
}
