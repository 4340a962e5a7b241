//! Public keys of any bytes and any text: what loads is canonical.
#![no_main]

use holdfast_lease::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PublicKey::from_bytes(bytes) {
        assert_eq!(key.to_bytes(), bytes);
        assert_eq!(PublicKey::from_b64u(&key.to_b64u()), Ok(key));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(key) = PublicKey::from_b64u(text)
    {
        assert_eq!(key.to_b64u(), text);
    }
});
