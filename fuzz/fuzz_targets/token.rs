//! Whole tokens of any bytes: nothing without the key is ever accepted.
#![no_main]

use holdfast_lease::{Denial, Expectations, Keyring, Lease, ManifestKey, RevocationList, SigningKey, verify};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    // A seed that no corpus can know of would be better, but a signature cannot be found by mutation either way.
    let key = SigningKey::from_seed(&[7; 32]).public_key();
    Keyring::load(&[ManifestKey::issuing(key, "prd_1")]).unwrap_or_default()
});

fuzz_target!(|token: &[u8]| {
    let expect = Expectations::product("prd_1");
    assert!(verify::<Lease>(token, &KEYRING, expect).is_err());
    assert!(verify::<Denial>(token, &KEYRING, expect).is_err());
    assert!(verify::<RevocationList>(token, &KEYRING, expect).is_err());
});
