//! The documents that the client vectors refer to by name.

use super::R;
use crate::craft::{
    DAY, Key, NOW, OTHER_LICENSE, OTHER_PRODUCT, denial_at, document, entry, lease_at, manifest, other_device, with,
    with_signature,
};
use serde_json::{Value, json};

const LEASE: &str = "holdfast-lease+jwt";
const DENIAL: &str = "holdfast-denial+jwt";
const KEYS: &str = "holdfast-keys+jwt";

fn damage(token: &str) -> String {
    with_signature(token, |_, mut signature| {
        signature[5] ^= 1;
        signature
    })
}

pub fn all() -> Vec<(String, String)> {
    let (root, issuing, second) = (Key::named("root"), Key::named("issuing"), Key::named("second issuing"));
    let mut list = Vec::new();
    let mut add = |name: &str, token: String| list.push((name.to_owned(), token));

    let lease = |iat: i64, seq: i64, changes: Value| document(LEASE, &with(lease_at(iat, seq), changes), &issuing);
    add("lease", lease(NOW, 10, json!({})));
    add("lease-trial", lease(NOW, 10, json!({"mode": "trial", "exp": NOW + 14 * DAY, "lic": NOW + 14 * DAY})));
    add("lease-limited", lease(NOW, 10, json!({"mode": "limited", "ent": {"open": true}})));
    add("lease-fallback", lease(NOW, 10, json!({"fb": {"open": true}})));
    add(
        "lease-limited-fallback",
        lease(NOW, 10, json!({"mode": "limited", "ent": {"open": true}, "fb": {"open": true}})),
    );
    add("lease-tomorrow", lease(NOW, 10, json!({"nbf": NOW + DAY})));
    add("lease-perpetual", lease(NOW, 10, json!({"lic": null})));
    add("lease-stored-other-device", lease(NOW, 10, json!({"dev": other_device()})));
    add("lease-stored-other-product", lease(NOW, 10, json!({"aud": OTHER_PRODUCT})));
    add("lease-stored-newer-version", lease(NOW, 10, json!({"v": 2})));
    add("lease-stored-damaged", damage(&lease(NOW, 10, json!({}))));

    add("next", lease(R, 11, json!({})));
    add("next-much-later", lease(NOW + 40 * DAY, 11, json!({})));
    add("next-limited", lease(R, 11, json!({"mode": "limited", "ent": {"open": true}})));
    add("next-at-once", lease(R, 11, json!({"ren": R})));
    add("next-same-seq", lease(R, 10, json!({})));
    add("next-smaller-seq", lease(R, 9, json!({})));
    add("next-older-iat", lease(NOW - 1, 11, json!({})));
    add("next-other-product", lease(R, 11, json!({"aud": OTHER_PRODUCT})));
    add("next-other-license", lease(R, 11, json!({"sub": OTHER_LICENSE})));
    add("next-other-license-small-seq", lease(R, 1, json!({"sub": OTHER_LICENSE, "seat": "sea_02beta"})));
    add("replayed-other-license", lease(NOW - 5 * DAY, 1, json!({"sub": OTHER_LICENSE, "seat": "sea_02beta"})));
    add("next-other-device", lease(R, 11, json!({"dev": other_device()})));
    add("next-newer-version", lease(R, 11, json!({"v": 2})));
    add("next-lacks-claim", lease(R, 11, json!({"exp": null})));
    add("next-bad-signature", damage(&lease(R, 11, json!({}))));
    add("next-unknown-key", document(LEASE, &lease_at(R, 11), &second));
    add("after-denial", lease(R + DAY, 12, json!({})));
    add("no-document", "eyJhIjoxfQ.e30.AAAA".to_owned());

    let denial = |iat: i64, seq: i64, code: &str, changes: Value| {
        document(DENIAL, &with(denial_at(iat, seq, code), changes), &issuing)
    };
    for code in ["revoked", "suspended", "expired", "released", "device_mismatch"] {
        add(&format!("denial-{code}"), denial(R, 11, code, json!({})));
    }
    add("denial-in-a-week", denial(R, 11, "revoked", json!({"eff": R + 7 * DAY})));
    add("denial-after-exp", denial(R, 11, "revoked", json!({"eff": NOW + 40 * DAY})));
    add("denial-without-seat", denial(R, 11, "revoked", json!({"seat": null})));
    add("denial-later", denial(R + 2 * DAY, 12, "suspended", json!({})));
    add("denial-same-seq", denial(R, 10, "revoked", json!({})));
    add("denial-smaller-seq", denial(R, 9, "revoked", json!({})));
    add("denial-older-iat", denial(NOW - 1, 11, "revoked", json!({})));
    add("denial-other-nonce", denial(R, 11, "revoked", json!({"nonce": "bm9uY2UtMDAwMA"})));
    add("denial-other-product", denial(R, 11, "revoked", json!({"aud": OTHER_PRODUCT})));
    add("denial-other-license", denial(R, 11, "revoked", json!({"sub": OTHER_LICENSE})));
    add("denial-other-device", denial(R, 11, "revoked", json!({"dev": other_device()})));
    add("denial-newer-version", denial(R, 11, "revoked", json!({"v": 2})));
    add("denial-bad-signature", damage(&denial(R, 11, "revoked", json!({}))));
    add("denial-unknown-key", document(DENIAL, &denial_at(R, 11, "revoked"), &second));
    add("denial-as-lease", document(LEASE, &denial_at(R, 11, "revoked"), &issuing));

    let keys = |seq: i64, keys: &[Value], changes: Value| document(KEYS, &with(manifest(seq, keys), changes), &root);
    let both = [entry(&issuing), entry(&second)];
    add("manifest", keys(3, &[entry(&issuing)], json!({"endpoints": null})));
    add("manifest-newer", keys(4, &both, json!({"endpoints": null, "iat": R})));
    add("manifest-same-seq", keys(3, &both, json!({"endpoints": null, "iat": R})));
    add("manifest-older", keys(2, &both, json!({"endpoints": null, "iat": R})));
    add("manifest-newer-version", keys(4, &both, json!({"v": 2})));
    let revoked = with(entry(&issuing), json!({"status": "revoked"}));
    add("manifest-revoking", keys(4, &[revoked, entry(&second)], json!({"endpoints": null, "iat": R})));
    let moved = json!({"iat": R, "endpoints": ["https://new.example.com", "http://plain.example.com"]});
    add("manifest-moved", keys(4, &both, moved));
    add("manifest-bad-signature", damage(&keys(4, &both, json!({"iat": R}))));
    let stranger = Key::named("stranger");
    add("manifest-other-root", document(KEYS, &manifest(4, &both), &stranger));
    list
}
