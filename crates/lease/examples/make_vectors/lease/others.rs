//! Denials, revocation lists and key manifests.

use super::{DENIAL, KEYS, LEASE, REVOCATIONS, Vectors};
use crate::craft::{
    Key, NOW, OTHER_LICENSE, OTHER_PRODUCT, denial_at, document, entry, lease, manifest, other_device, revocations,
    with, with_signature,
};
use serde_json::json;

pub fn other_documents(v: &mut Vectors) {
    for code in ["revoked", "suspended", "expired", "released", "device_mismatch"] {
        let token = document(DENIAL, &denial_at(NOW, 2, code), &v.issuing);
        v.verdict(
            &format!("denial-{}", code.replace('_', "-")),
            "a denial",
            json!({"typ": DENIAL, "token": token}),
            "verified",
        );
    }
    let bare = with(denial_at(NOW, 2, "revoked"), json!({"seat": null, "help": null}));
    v.verdict(
        "denial-without-seat",
        "seat and help are optional",
        json!({"typ": DENIAL, "token": document(DENIAL, &bare, &v.issuing)}),
        "verified",
    );
    for name in ["v", "iss", "aud", "sub", "dev", "jti", "iat", "eff", "code", "nonce", "seq"] {
        let token = document(DENIAL, &with(denial_at(NOW, 2, "revoked"), json!({ name: null })), &v.issuing);
        v.error(&format!("denial-lacks-{name}"), "a required claim", json!({"typ": DENIAL, "token": token}), "claims");
    }
    let unknown = document(DENIAL, &denial_at(NOW, 2, "because"), &v.issuing);
    v.error(
        "denial-unknown-code",
        "a code that the profile does not have",
        json!({"typ": DENIAL, "token": unknown}),
        "claims",
    );
    for (name, changes, error) in [
        ("denial-of-other-product", json!({"aud": OTHER_PRODUCT}), "product"),
        ("denial-of-other-license", json!({"sub": OTHER_LICENSE}), "license"),
        ("denial-of-other-device", json!({"dev": other_device()}), "device"),
        ("denial-version-2", json!({"v": 2}), "version"),
    ] {
        let token = document(DENIAL, &with(denial_at(NOW, 2, "revoked"), changes), &v.issuing);
        v.error(name, "a denial", json!({"typ": DENIAL, "token": token}), error);
    }

    let list = document(REVOCATIONS, &revocations(), &v.issuing);
    v.verdict(
        "revocations",
        "a revocation list has no sub and no dev to compare",
        json!({"typ": REVOCATIONS, "token": list}),
        "verified",
    );
    let empty = document(REVOCATIONS, &with(revocations(), json!({"licenses": [], "seats": []})), &v.issuing);
    v.verdict("revocations-empty", "nothing revoked", json!({"typ": REVOCATIONS, "token": empty}), "verified");
    for name in ["v", "iss", "aud", "iat", "exp", "seq", "licenses", "seats"] {
        let token = document(REVOCATIONS, &with(revocations(), json!({ name: null })), &v.issuing);
        v.error(
            &format!("revocations-lack-{name}"),
            "a required claim",
            json!({"typ": REVOCATIONS, "token": token}),
            "claims",
        );
    }
    let other = document(REVOCATIONS, &with(revocations(), json!({"aud": OTHER_PRODUCT})), &v.issuing);
    v.error(
        "revocations-of-other-product",
        "a revocation list",
        json!({"typ": REVOCATIONS, "token": other}),
        "product",
    );
    let newer = document(REVOCATIONS, &with(revocations(), json!({"v": 2})), &v.issuing);
    v.error("revocations-version-2", "a newer list", json!({"typ": REVOCATIONS, "token": newer}), "version");
    let wrong = document(REVOCATIONS, &with(revocations(), json!({"licenses": "lic_02beta"})), &v.issuing);
    v.error("revocations-licenses-not-a-list", "wrong type", json!({"typ": REVOCATIONS, "token": wrong}), "claims");

    manifests(v);
}

fn manifests(v: &mut Vectors) {
    let claims = manifest(3, &[entry(&v.issuing), entry(&Key::named("other"))]);
    let roots = json!([v.root_entry()]);
    let form =
        |token: String| json!({"typ": KEYS, "token": token, "keys": roots.clone(), "license": null, "device": null});
    let good = document(KEYS, &claims, &v.root);
    v.verdict("manifest", "a key manifest, signed by the pinned root key", form(good.clone()), "verified");
    let second = Key::named("second root");
    let two = json!([{"kid": second.kid(), "x": second.x(), "use": ["keys"], "status": "active"}, v.root_entry()]);
    v.verdict(
        "manifest-two-roots",
        "two root keys are pinned during a change",
        with(form(good.clone()), json!({"keys": two})),
        "verified",
    );
    let bare = document(KEYS, &with(claims.clone(), json!({"endpoints": null, "keys": []})), &v.root);
    v.verdict("manifest-without-endpoints", "endpoints are optional, keys may be empty", form(bare), "verified");
    let unbounded = with(entry(&v.issuing), json!({"nbf": null, "exp": null}));
    let unbounded = document(KEYS, &manifest(3, &[unbounded]), &v.root);
    v.verdict("manifest-key-unbounded", "a key's nbf and exp may be absent", form(unbounded), "verified");
    let newer = with(entry(&v.issuing), json!({"use": ["lease", "seal"], "status": "active", "note": "x"}));
    let newer = document(KEYS, &manifest(3, &[newer]), &v.root);
    v.verdict(
        "manifest-with-newer-members",
        "uses and members that are not known do not make a manifest unreadable",
        form(newer),
        "verified",
    );
    for name in ["v", "iss", "iat", "seq", "keys"] {
        let token = document(KEYS, &with(claims.clone(), json!({ name: null })), &v.root);
        v.error(&format!("manifest-lacks-{name}"), "a required claim", form(token), "claims");
    }
    let wrong = document(KEYS, &with(claims.clone(), json!({"keys": {}})), &v.root);
    v.error("manifest-keys-not-a-list", "wrong type", form(wrong), "claims");
    let version = document(KEYS, &with(claims.clone(), json!({"v": 2})), &v.root);
    v.error("manifest-version-2", "a newer manifest", form(version), "version");
    let revoked = json!([with(v.root_entry(), json!({"status": "revoked"}))]);
    v.error(
        "manifest-by-revoked-root",
        "status of the key",
        with(form(good.clone()), json!({ "keys": revoked })),
        "key_use",
    );
    let ended = json!([with(v.root_entry(), json!({"exp": NOW - 1}))]);
    v.error(
        "manifest-by-ended-root",
        "iat after the key's exp",
        with(form(good.clone()), json!({ "keys": ended })),
        "key_time",
    );
    let unpinned = document(KEYS, &claims, &second);
    v.error("manifest-by-unpinned-root", "a root key that is not pinned", form(unpinned), "kid_unknown");
    let issuing = json!({"typ": KEYS, "token": document(KEYS, &claims, &v.issuing), "license": null, "device": null});
    v.error("manifest-by-issuing-key", "an issuing key never signs a manifest", issuing, "key_use");
    let by_root = json!({"token": document(LEASE, &lease(), &v.root), "keys": [v.root_entry()]});
    v.error("lease-by-root-key", "the root key signs nothing but manifests", by_root, "key_use");
    let damaged = with_signature(&good, |_, mut signature| {
        signature[0] ^= 1;
        signature
    });
    v.error("manifest-signature", "one bit of the signature", form(damaged), "signature");
}
