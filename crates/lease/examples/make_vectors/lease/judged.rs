//! Leases that verify, judged at every boundary; expectations; the order of refusals.

use super::forms::padded;
use super::{LEASE, Vectors};
use crate::craft::{
    DAY, Key, NOW, OTHER_LICENSE, OTHER_PRODUCT, b64u, device, document, entry, header, lease, other_device,
    signed_part, text, with, with_null, with_signature,
};
use serde_json::{Value, json};

pub fn valid_leases(v: &mut Vectors) {
    v.verdict("licensed", "the usual lease", json!({}), "licensed");
    v.verdict(
        "trial",
        "mode trial, soft is exp",
        v.lease(json!({"mode": "trial", "exp": NOW + 14 * DAY, "lic": NOW + 14 * DAY})),
        "trial",
    );
    v.verdict("limited", "mode limited", v.lease(json!({"mode": "limited", "lic": NOW - DAY})), "limited");
    let limited = with(v.lease(json!({"mode": "limited"})), json!({"now": NOW + 20 * DAY}));
    v.verdict("limited-after-soft", "a limited lease has no grace: it stays limited to exp", limited, "limited");
    let trial = v.lease(json!({"mode": "trial"}));
    v.verdict(
        "trial-after-soft",
        "soft < now <= exp in mode trial",
        with(trial, json!({"now": NOW + 20 * DAY})),
        "grace",
    );
    v.verdict("perpetual", "no lic", v.lease(json!({"lic": null})), "licensed");
    let full = v.lease(json!({"fb": {"open": true}, "dpk": Key::named("device").x(), "cont": 3}));
    v.verdict("all-optional-claims", "fb, dpk and cont are present", full, "licensed");
    v.verdict("no-entitlements", "ent may be empty", v.lease(json!({"ent": {}})), "licensed");
    v.verdict(
        "unknown-claims",
        "unknown payload claims are ignored",
        v.lease(json!({"x-new": [1, {"a": null}], "y": false})),
        "licensed",
    );
    v.verdict(
        "text-in-unicode",
        "strings are UTF-8",
        v.lease(json!({"plan": "größe-数", "ent": {"größe": "数 \u{1f600}"}})),
        "licensed",
    );
    v.verdict("instant", "nbf, soft and exp may coincide", v.lease(json!({"soft": NOW, "exp": NOW})), "licensed");
    v.verdict(
        "greatest-integer",
        "2^53 - 1 is an integer",
        v.lease(json!({"ent": {"n": 9_007_199_254_740_991_i64, "m": -9_007_199_254_740_991_i64}})),
        "licensed",
    );
    v.verdict(
        "iat-far-ahead",
        "an iat more than 26 hours after the verifier's time is not an error",
        v.lease(json!({"iat": NOW + 30 * 3600})),
        "licensed",
    );
    let kid = v.issuing.kid();
    let reordered = format!(r#" {{ "typ" : "{LEASE}" , "kid" : "{kid}" ,{}"alg" : "Ed25519" }} "#, "\n\t");
    v.verdict(
        "header-order-and-space",
        "members in any order, white space within the JSON",
        v.headed(&reordered),
        "licensed",
    );
    let escaped = format!(r#"{{"\u0061lg":"Ed2551\u0039","kid":"{kid}","typ":"{LEASE}"}}"#);
    v.verdict("header-escapes", "escapes in names and values", v.headed(&escaped), "licensed");
    let spaced = text(&lease()).replace(':', " :\n").replace(',', "\r\n\t, ");
    v.verdict("payload-space", "white space within the payload's JSON", v.raw(spaced), "licensed");
    v.verdict(
        "retiring-key",
        "what a retiring key signed stays valid",
        json!({"keys": [with(entry(&v.issuing), json!({"status": "retiring"}))]}),
        "licensed",
    );
    v.verdict(
        "several-keys",
        "the key is found by its kid",
        json!({"keys": [entry(&Key::named("other")), entry(&v.issuing)]}),
        "licensed",
    );
    v.verdict(
        "nothing-expected",
        "absent expectations are not compared",
        json!({"product": null, "license": null, "device": null}),
        "licensed",
    );
    let nested = with(lease(), json!({"deep": [[[[[[[1]]]]]]]}));
    v.verdict("depth-eight", "the outermost object is level 1; level 8 is read", v.raw(text(&nested)), "licensed");
    let longest = padded(v, 8_192);
    v.verdict("longest", "exactly 8192 bytes", json!({"token": longest}), "licensed");
}

pub fn boundaries(v: &mut Vectors) {
    let (nbf, soft, exp) = (NOW, NOW + 14 * DAY, NOW + 30 * DAY);
    for (name, now, verdict) in [
        ("nbf-minus-one-second", nbf - 1, "not_yet_valid"),
        ("nbf", nbf, "licensed"),
        ("nbf-plus-one-second", nbf + 1, "licensed"),
        ("soft-end-minus-one-second", soft - 1, "licensed"),
        ("soft-end", soft, "licensed"),
        ("soft-end-plus-one-second", soft + 1, "grace"),
        ("exp-minus-one-second", exp - 1, "grace"),
        ("exp", exp, "grace"),
        ("exp-plus-one-second", exp + 1, "expired"),
        ("long-ago", 0, "not_yet_valid"),
        ("far-future", 9_007_199_254_740_991, "expired"),
    ] {
        v.verdict(name, "boundaries are inclusive", json!({ "now": now }), verdict);
    }
    let trial = json!({"mode": "trial", "exp": soft});
    for (name, now, verdict) in [
        ("trial-nbf-minus-one-second", nbf - 1, "not_yet_valid"),
        ("trial-end", soft, "trial"),
        ("trial-end-plus-one-second", soft + 1, "expired"),
    ] {
        v.verdict(name, "a trial without grace", with(v.lease(trial.clone()), json!({ "now": now })), verdict);
    }
    for (name, now, verdict) in [
        ("limited-nbf-minus-one-second", nbf - 1, "not_yet_valid"),
        ("limited-exp", exp, "limited"),
        ("limited-exp-plus-one-second", exp + 1, "expired"),
    ] {
        v.verdict(name, "mode limited", with(v.lease(json!({"mode": "limited"})), json!({ "now": now })), verdict);
    }
    let fallback = with(v.lease(json!({"fb": {"open": true}})), json!({ "now": exp + 1 }));
    v.verdict(
        "fallback-after-exp",
        "fb does not change the lease's own verdict: the client decides what remains",
        fallback,
        "expired",
    );
}

pub fn key_times(v: &mut Vectors) {
    for (name, nbf, exp, inside) in [
        ("key-time-iat-at-nbf", NOW, NOW + DAY, true),
        ("key-time-iat-before-nbf", NOW + 1, NOW + DAY, false),
        ("key-time-iat-at-exp", NOW - DAY, NOW, true),
        ("key-time-iat-after-exp", NOW - DAY, NOW - 1, false),
    ] {
        let changes = json!({ "keys": [with(entry(&v.issuing), json!({"nbf": nbf, "exp": exp}))] });
        let note = "the document's iat lies within the key's nbf and exp, both inclusive";
        if inside { v.verdict(name, note, changes, "licensed") } else { v.error(name, note, changes, "key_time") }
    }
    let ended = json!({ "keys": [with(entry(&v.issuing), json!({"exp": NOW + 1}))], "now": NOW + 5 * DAY });
    v.verdict(
        "key-time-key-ended-since",
        "a key that ended after the document was signed: the document stays valid",
        ended,
        "licensed",
    );
    let unbounded = json!({ "keys": [with(entry(&v.issuing), json!({"nbf": null, "exp": null}))] });
    v.verdict("key-time-unbounded", "absent means unbounded", unbounded, "licensed");
    let zero = json!({ "keys": [with(entry(&v.issuing), json!({"nbf": 0, "exp": 0}))] });
    v.verdict("key-time-zero", "an exp of 0 is none, as in the specification's example", zero, "licensed");
    let from = json!({ "keys": [with(entry(&v.issuing), json!({"exp": null}))] });
    v.verdict("key-time-no-end", "absent exp means no end", from, "licensed");
    let until = json!({ "keys": [with(entry(&v.issuing), json!({"nbf": null}))] });
    v.verdict("key-time-no-begin", "absent nbf means no beginning", until, "licensed");
}

pub fn expectations(v: &mut Vectors) {
    v.error(
        "product-other",
        "a lease of another product, by a key of this one",
        v.lease(json!({"aud": OTHER_PRODUCT})),
        "product",
    );
    v.error("license-other", "a lease of another license", v.lease(json!({"sub": OTHER_LICENSE})), "license");
    v.error("device-other", "a lease of another device", v.lease(json!({"dev": other_device()})), "device");
    v.error(
        "device-upper-case",
        "the hash has lower-case digits",
        v.lease(json!({"dev": device().to_uppercase()})),
        "device",
    );
    let none = |changes: Value, name: &str| with_null(v.lease(changes), name);
    let license = none(json!({"sub": OTHER_LICENSE}), "license");
    let device = none(json!({"dev": other_device()}), "device");
    v.verdict("license-not-expected", "not compared", license, "licensed");
    v.verdict("device-not-expected", "not compared", device, "licensed");
}

/// Documents with several faults: the first in the order of the table is the answer.
pub fn order(v: &mut Vectors) {
    let kid = v.issuing.kid();
    let other_key = json!({ "keys": [with(entry(&v.issuing), json!({"status": "revoked"}))] });
    let weak = with(entry(&v.issuing), json!({"x": b64u([0; 32])}));
    let bad_header = format!("{}.{}.AA=", b64u("{}"), b64u("{}"));
    let cases = [
        ("order-key-before-size", json!({"token": "!".repeat(8_193), "keys": [weak]}), "key_invalid"),
        ("order-segments-before-base64", json!({"token": "=.="}), "segments"),
        ("order-base64-before-header", json!({"token": bad_header}), "base64"),
        ("order-header-before-typ", v.headed(r#"{"alg":"none","typ":"JWT"}"#), "header"),
        ("order-typ-before-kid", v.headed(&header("none", "nobody", "JWT")), "typ"),
        ("order-kid-before-alg", v.headed(&header("none", "nobody", LEASE)), "kid_unknown"),
        ("order-alg-before-key-use", with(v.headed(&header("none", &kid, LEASE)), other_key.clone()), "alg"),
        (
            "order-key-use-before-signature-length",
            with(
                json!({"token": with_signature(&document(LEASE, &lease(), &v.issuing), |_, s| s[..63].to_vec())}),
                other_key.clone(),
            ),
            "key_use",
        ),
        (
            "order-key-use-before-signature",
            with(
                json!({"token": with_signature(&document(LEASE, &lease(), &v.issuing), |_, _| vec![0; 64])}),
                other_key,
            ),
            "key_use",
        ),
        (
            "order-signature-length-before-payload",
            json!({"token": format!("{}.{}", signed_part(&header("Ed25519", &kid, LEASE), "lease"), b64u([0; 63]))}),
            "signature_length",
        ),
        (
            "order-signature-before-payload",
            json!({"token": format!("{}.{}", signed_part(&header("Ed25519", &kid, LEASE), "lease"), b64u([0; 64]))}),
            "signature",
        ),
        ("order-payload-before-version", v.raw(r#"{"v":2,"x":1.5}"#), "payload"),
        ("order-version-before-claims", v.lease(json!({"v": 2, "seq": null})), "version"),
        ("order-claims-before-key-time", v.lease(json!({"iat": NOW - 100 * DAY, "seq": null})), "claims"),
        ("order-key-time-before-product", v.lease(json!({"iat": NOW - 100 * DAY, "aud": OTHER_PRODUCT})), "key_time"),
        ("order-product-before-license", v.lease(json!({"aud": OTHER_PRODUCT, "sub": OTHER_LICENSE})), "product"),
        ("order-license-before-device", v.lease(json!({"sub": OTHER_LICENSE, "dev": other_device()})), "license"),
        ("order-device-before-time", with(v.lease(json!({"dev": other_device()})), json!({"now": 0})), "device"),
    ];
    for (name, changes, error) in cases {
        v.error(name, "several faults: the first of the table is the answer", changes, error);
    }
}
