//! The bytes of a header, wrapped so that they reach the header's parser.
#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_lease::peek_header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &[u8]| {
    let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
    if let Ok(read) = peek_header(token.as_bytes()) {
        // Whatever is accepted is JSON with exactly these three strings.
        let value: serde_json::Value = serde_json::from_slice(header).expect("an accepted header is JSON");
        assert_eq!(value, serde_json::json!({"alg": read.alg, "kid": read.kid, "typ": read.typ}));
    }
});
