//! The bytes of a key manifest, signed by the root, down to the keys it names.
#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_lease::{Keyring, RootKeys, SigningKey, verify_manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let root = SigningKey::from_seed(&[8; 32]);
    let header = format!(r#"{{"alg":"Ed25519","kid":"{}","typ":"holdfast-keys+jwt"}}"#, root.kid());
    let part = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let token = format!("{part}.{}", URL_SAFE_NO_PAD.encode(root.sign_bytes(part.as_bytes())));
    if let Ok(manifest) = verify_manifest(token.as_bytes(), &RootKeys::one(root.public_key())) {
        assert!(Keyring::from_manifest(&manifest).len() <= manifest.keys.len());
        let _ = Keyring::load(&manifest.keys);
    }
});
