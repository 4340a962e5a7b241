//! The bytes of a payload, signed, so that they reach the parser of payload and claims.
#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_lease::{
    Denial, Document, Expectations, Keyring, Lease, ManifestKey, RevocationList, SigningKey, sign, verify,
};
use libfuzzer_sys::fuzz_target;

fn check<D: Document>(payload: &[u8], key: &SigningKey, keyring: &Keyring) {
    let header = format!(r#"{{"alg":"Ed25519","kid":"{}","typ":"{}"}}"#, key.kid(), D::PURPOSE.typ());
    let part = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let token = format!("{part}.{}", URL_SAFE_NO_PAD.encode(key.sign_bytes(part.as_bytes())));
    if let Ok(document) = verify::<D>(token.as_bytes(), keyring, Expectations::NONE) {
        // What was read can be signed again and means the same.
        let again = sign(&document, key).expect("an accepted document can be signed");
        assert!(verify::<D>(again.as_bytes(), keyring, Expectations::NONE).is_ok_and(|read| read == document));
    }
}

fuzz_target!(|payload: &[u8]| {
    let key = SigningKey::from_seed(&[7; 32]);
    let keyring = Keyring::load(&[ManifestKey::issuing(key.public_key(), "prd_1")]).unwrap_or_default();
    check::<Lease>(payload, &key, &keyring);
    check::<Denial>(payload, &key, &keyring);
    check::<RevocationList>(payload, &key, &keyring);
});
