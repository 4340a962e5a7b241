//! What is wrong under a good signature: payload, version, claims.

use super::Vectors;
use crate::craft::{DAY, NOW, PRODUCT, lease, text, with, with_null};
use serde_json::json;

pub fn payloads(v: &mut Vectors) {
    let good = text(&lease());
    let extra = |member: &str| format!("{},{member}}}", &good[..good.len() - 1]);
    let nested = |levels: usize| extra(&format!("\"deep\":{}{}", "[".repeat(levels), "]".repeat(levels)));
    for (name, payload) in [
        ("payload-not-json", "lease".to_owned()),
        ("payload-list", format!("[{good}]")),
        ("payload-string", "\"lease\"".to_owned()),
        ("payload-null", "null".to_owned()),
        ("payload-truncated", good[..good.len() - 1].to_owned()),
        ("payload-trailing", format!("{good}{{}}")),
        ("payload-trailing-comma", extra("")),
        ("payload-byte-order-mark", format!("\u{feff}{good}")),
        ("payload-single-quotes", good.replace('"', "'")),
        ("payload-comment", extra("/* */\"x\":1")),
        ("payload-control-character", extra("\"x\":\"\u{1}\"")),
        ("payload-lone-surrogate", extra(r#""x":"\ud800""#)),
        ("payload-bad-escape", extra(r#""x":"\a""#)),
        ("payload-duplicate", extra(r#""seq":1"#)),
        ("payload-duplicate-unknown", extra(r#""x":1,"x":2"#)),
        ("payload-duplicate-escaped", extra(r#""\u0073eq":2"#)),
        ("payload-duplicate-nested", good.replacen("\"users\":5", "\"users\":5,\"users\":500", 1)),
        ("payload-duplicate-in-list", extra(r#""x":[[{"a":1,"b":2,"a":3}]]"#)),
        ("payload-depth-nine", nested(8)),
        ("payload-depth-thousand", nested(1_000)),
        ("payload-2-to-the-53", extra(r#""x":9007199254740992"#)),
        ("payload-minus-2-to-the-53", extra(r#""x":-9007199254740992"#)),
        ("payload-2-to-the-64", extra(r#""x":18446744073709551616"#)),
        ("payload-fraction", extra(r#""x":1.5"#)),
        ("payload-fraction-zero", extra(r#""x":1.0"#)),
        ("payload-exponent", extra(r#""x":1e3"#)),
        ("payload-leading-zero", extra(r#""x":01"#)),
        ("payload-nan", extra(r#""x":NaN"#)),
        ("payload-seq-2-to-the-53", good.replace(r#""seq":1"#, r#""seq":9007199254740992"#)),
        ("payload-fraction-nested", extra(r#""x":{"y":[0.1]}"#)),
    ] {
        v.error(name, "strict JSON", v.raw(payload), "payload");
    }
    v.error("payload-not-utf8", "not UTF-8", v.raw([good.as_bytes(), b"\xff"].concat()), "payload");
    v.error("payload-not-utf8-in-string", "not UTF-8", v.raw(b"{\"v\":1,\"x\":\"\xc0\xaf\"}"), "payload");
}

pub fn claims(v: &mut Vectors) {
    v.error("version-2", "made for a newer application", v.lease(json!({"v": 2})), "version");
    v.error("version-2-alone", "version comes before the claims", v.raw(r#"{"v":2}"#), "version");
    v.error("version-0", "there was no version 0", v.lease(json!({"v": 0})), "claims");
    v.error("version-negative", "a wrong version", v.lease(json!({"v": -1})), "claims");
    v.error("version-string", "wrong type", v.lease(json!({"v": "2"})), "claims");
    let required = [
        "v", "iss", "aud", "sub", "seat", "jti", "dev", "plan", "mode", "ent", "iat", "nbf", "ren", "soft", "exp",
        "seq",
    ];
    for name in required {
        v.error(&format!("claims-lack-{name}"), "a required claim", v.lease(json!({ name: null })), "claims");
    }
    for name in required {
        let payload = text(&with_null(lease(), name));
        v.error(&format!("claims-null-{name}"), "null is not a value", v.raw(payload), "claims");
    }
    for (name, changes) in [
        ("claims-empty", json!({})),
        ("claims-iss-number", json!({"iss": 1})),
        ("claims-aud-list", json!({"aud": [PRODUCT]})),
        ("claims-exp-string", json!({"exp": "1762592000"})),
        ("claims-iat-boolean", json!({"iat": true})),
        ("claims-mode-unknown", json!({"mode": "full"})),
        ("claims-mode-number", json!({"mode": 1})),
        ("claims-ent-list", json!({"ent": ["export.pdf"]})),
        ("claims-ent-false", json!({"ent": {"export.pdf": false}})),
        ("claims-ent-object", json!({"ent": {"export.pdf": {}}})),
        ("claims-fb-string", json!({"fb": "open"})),
        ("claims-lic-string", json!({"lic": "never"})),
        ("claims-cont-string", json!({"cont": "1"})),
        ("claims-dpk-number", json!({"dpk": 1})),
        ("claims-nbf-after-soft", json!({"nbf": NOW + 14 * DAY + 1})),
        ("claims-soft-after-exp", json!({"soft": NOW + 30 * DAY + 1})),
    ] {
        let change = if name == "claims-empty" { v.raw("{}") } else { v.lease(changes) };
        v.error(name, "wrong type, or contradicting times", change, "claims");
    }
    let payload = text(&with(lease(), json!({"ent": {}}))).replace("\"ent\":{}", "\"ent\":{\"x\":null}");
    v.error("claims-ent-null", "an entitlement is true, an integer or a string", v.raw(payload), "claims");
    v.error("claims-optional-null", "absent, never null", v.raw(text(&with_null(lease(), "lic"))), "claims");
}
