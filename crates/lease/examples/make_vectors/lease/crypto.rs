//! Unknown, misused and weak keys; signatures that strict verification refuses.

use super::{DENIAL, LEASE, REVOCATIONS, Vectors};
use crate::craft::{
    Key, NOW, OTHER_PRODUCT, add_order, b64u, cofactor_only, denial_at, document, entry, header, identity_forgery,
    kid_of, lease, mixed_key, mixed_signature, revocations, signed_part, small_order_keys, small_order_r, text, with,
    with_signature,
};
use serde_json::json;

pub fn keys(v: &mut Vectors) {
    let stranger = Key::named("stranger");
    let foreign = json!({ "token": document(LEASE, &lease(), &stranger) });
    v.error("kid-unknown", "signed by a key that is not known", foreign, "kid_unknown");
    v.error("kid-unknown-no-keys", "no keys at all", json!({ "keys": [] }), "kid_unknown");
    v.error("kid-empty", "an empty kid", v.headed(&header("Ed25519", "", LEASE)), "kid_unknown");
    v.error("kid-path", "a kid is a name, not a path", v.headed(&header("Ed25519", "../../key", LEASE)), "kid_unknown");
    let long = v.headed(&header("Ed25519", &b64u(v.issuing.public().to_bytes()), LEASE));
    v.error("kid-is-public-key", "the kid is a hash", long, "kid_unknown");
    for (name, changes) in [
        ("key-use-denial-only", json!({"use": ["denial"]})),
        ("key-use-revocations-only", json!({"use": ["revocations"]})),
        ("key-use-denial-and-revocations", json!({"use": ["denial", "revocations"]})),
        ("key-use-none", json!({"use": []})),
        ("key-use-unknown", json!({"use": ["seal"]})),
        ("key-use-other-product", json!({"aud": OTHER_PRODUCT})),
        ("key-use-revoked", json!({"status": "revoked"})),
    ] {
        let key = with(entry(&v.issuing), changes);
        v.error(name, "use, aud and status of the key", json!({ "keys": [key] }), "key_use");
    }
    let lease_only = json!([with(entry(&v.issuing), json!({"use": ["lease"]}))]);
    v.verdict("key-use-lease-only", "one use is enough", json!({ "keys": lease_only.clone() }), "licensed");
    let denial = document(DENIAL, &denial_at(NOW, 2, "revoked"), &v.issuing);
    v.error(
        "key-use-lease-key-signs-denial",
        "a key for leases signs no denials",
        json!({"typ": DENIAL, "token": denial, "keys": lease_only.clone()}),
        "key_use",
    );
    let list = document(REVOCATIONS, &revocations(), &v.issuing);
    v.error(
        "key-use-lease-key-signs-revocations",
        "a key for leases signs no revocation lists",
        json!({"typ": REVOCATIONS, "token": list, "keys": lease_only}),
        "key_use",
    );
    let two = json!([with(entry(&v.issuing), json!({"aud": OTHER_PRODUCT})), entry(&v.issuing)]);
    v.verdict("key-of-two-products", "one key listed for two products", json!({ "keys": two }), "licensed");
}

pub fn signatures(v: &mut Vectors) {
    let good = document(LEASE, &lease(), &v.issuing);
    for (name, length) in [("signature-1-byte", 1), ("signature-32-bytes", 32), ("signature-63-bytes", 63)] {
        let short = with_signature(&good, |_, signature| signature[..length].to_vec());
        v.error(name, "64 bytes", json!({ "token": short }), "signature_length");
    }
    let long = with_signature(&good, |_, signature| [signature, vec![0]].concat());
    v.error("signature-65-bytes", "64 bytes", json!({ "token": long }), "signature_length");
    let twice = with_signature(&good, |_, signature| [signature.clone(), signature].concat());
    v.error("signature-128-bytes", "64 bytes", json!({ "token": twice }), "signature_length");

    let flip = |byte: usize, bit: u8| {
        with_signature(&good, |_, mut s| {
            s[byte] ^= 1 << bit;
            s
        })
    };
    for (name, token) in [
        ("signature-bit-in-r", flip(0, 0)),
        ("signature-sign-bit-of-r", flip(31, 7)),
        ("signature-bit-in-s", flip(32, 0)),
        ("signature-high-bit-of-s", flip(63, 7)),
        ("signature-zero", with_signature(&good, |_, _| vec![0; 64])),
        ("signature-ones", with_signature(&good, |_, _| vec![0xff; 64])),
        ("signature-halves-swapped", with_signature(&good, |_, s| [&s[32..], &s[..32]].concat())),
        ("signature-s-not-canonical", with_signature(&good, |_, s| add_order(s))),
        ("signature-small-order-r", with_signature(&good, |part, _| small_order_r(part, &v.issuing))),
        ("signature-cofactor-only", with_signature(&good, |part, _| cofactor_only(part, &v.issuing))),
        ("signature-identity-forgery", with_signature(&good, |_, _| identity_forgery())),
        (
            "signature-by-other-key",
            with_signature(&good, |part, _| Key::named("other").signing.sign_bytes(part.as_bytes()).to_vec()),
        ),
        (
            "signature-over-payload-only",
            with_signature(&good, |part, _| {
                v.issuing.signing.sign_bytes(part.split('.').nth(1).unwrap().as_bytes()).to_vec()
            }),
        ),
    ] {
        v.error(name, "strict Ed25519 verification", json!({ "token": token }), "signature");
    }
    let parts: Vec<&str> = good.split('.').collect();
    let changed = text(&with(lease(), json!({"plan": "max"})));
    v.error(
        "signature-payload-changed",
        "another payload under the same signature",
        json!({"token": format!("{}.{}.{}", parts[0], b64u(changed), parts[2])}),
        "signature",
    );
    let spaced = header("Ed25519", &v.issuing.kid(), LEASE).replace(',', ", ");
    v.error(
        "signature-header-respaced",
        "the signature is over the bytes, not over the meaning",
        json!({"token": format!("{}.{}.{}", b64u(spaced), parts[1], parts[2])}),
        "signature",
    );

    let mixed = mixed_key(&v.issuing);
    let kid = kid_of(&mixed);
    let part = signed_part(&header("Ed25519", &kid, LEASE), text(&lease()));
    let token = format!("{part}.{}", b64u(mixed_signature(&part, &v.issuing)));
    let key = with(entry(&v.issuing), json!({"kid": kid, "x": b64u(mixed)}));
    v.error(
        "signature-cofactor-only-key",
        "a key with a component of order 8: valid only with the cofactor",
        json!({"token": token, "keys": [key]}),
        "signature",
    );
}

pub fn weak_keys(v: &mut Vectors) {
    for (index, bytes) in small_order_keys().into_iter().enumerate() {
        let kid = kid_of(&bytes);
        let part = signed_part(&header("Ed25519", &kid, LEASE), text(&lease()));
        let key = with(entry(&v.issuing), json!({"kid": kid, "x": b64u(bytes)}));
        let token = format!("{part}.{}", b64u(identity_forgery()));
        let note = "a point of small order; under the identity, R = identity and S = 0 fit every message";
        v.error(&format!("key-small-order-{index}"), note, json!({"token": token, "keys": [key]}), "key_invalid");
    }
    let x = v.issuing.public().to_bytes();
    let mut not_a_point = [0; 32];
    not_a_point[0] = 2;
    let mut above_modulus = [0xff; 32];
    (above_modulus[0], above_modulus[31]) = (0xf0, 0x7f);
    let mut identity_above_modulus = [0xff; 32];
    (identity_above_modulus[0], identity_above_modulus[31]) = (0xee, 0x7f);
    let mut identity_with_sign = [0; 32];
    (identity_with_sign[0], identity_with_sign[31]) = (1, 0x80);
    for (name, key) in [
        ("key-31-bytes", b64u(&x[..31])),
        ("key-33-bytes", b64u([&x[..], &[0]].concat())),
        ("key-empty", String::new()),
        ("key-not-base64", "!".repeat(43)),
        ("key-padded", format!("{}=", b64u(x))),
        ("key-not-a-point", b64u(not_a_point)),
        ("key-not-canonical", b64u(above_modulus)),
        ("key-identity-not-canonical", b64u(identity_above_modulus)),
        ("key-identity-with-sign", b64u(identity_with_sign)),
    ] {
        let key = with(entry(&v.issuing), json!({ "x": key }));
        v.error(name, "a key is checked when it is loaded", json!({ "keys": [key] }), "key_invalid");
    }
    let second = json!([entry(&v.issuing), with(entry(&Key::named("other")), json!({"x": b64u([0; 32])}))]);
    v.error(
        "key-invalid-among-others",
        "every key given is checked, used or not",
        json!({ "keys": second }),
        "key_invalid",
    );
}
