//! What is wrong before and around the signature: size, segments, base64, header.

use super::{DENIAL, KEYS, LEASE, REVOCATIONS, Vectors};
use crate::craft::{
    NOW, b64u, denial_at, document, header, hmac_token, lease, revocations, signed_part, text, token, with,
};
use serde_json::json;

/// A lease token of exactly this many bytes: base64 has no length 4n + 1, so white space in the header helps out.
pub fn padded(v: &Vectors, bytes: usize) -> String {
    let token = |spaces: usize, padding: usize| {
        let header = header("Ed25519", &v.issuing.kid(), LEASE).replacen(':', &format!(":{}", " ".repeat(spaces)), 1);
        token(&header, text(&with(lease(), json!({ "pad": "x".repeat(padding) }))), &v.issuing)
    };
    let near = (bytes - token(0, 0).len()) / 4 * 3;
    (0..3)
        .flat_map(|spaces| (near - 6..near + 6).map(move |padding| (spaces, padding)))
        .map(|(spaces, padding)| token(spaces, padding))
        .find(|token| token.len() == bytes)
        .expect("some padding fits")
}

pub fn outer_form(v: &mut Vectors) {
    let good = document(LEASE, &lease(), &v.issuing);
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, sig) = (parts[0], parts[1], parts[2]);
    let over = padded(v, 8_193);
    v.error("too-large", "one byte too many", json!({ "token": over }), "too_large");
    v.error(
        "too-large-garbage",
        "size is checked before anything else",
        json!({ "token": "!".repeat(8_193) }),
        "too_large",
    );
    for (name, token) in [
        ("segments-empty", String::new()),
        ("segments-none", "abc".to_owned()),
        ("segments-two", format!("{head}.{body}")),
        ("segments-four", format!("{good}.{sig}")),
        ("segments-no-header", format!(".{body}.{sig}")),
        ("segments-no-payload", format!("{head}..{sig}")),
        ("segments-no-signature", format!("{head}.{body}.")),
        ("segments-only-dots", "..".to_owned()),
    ] {
        v.error(name, "exactly three segments, none empty", json!({ "token": token }), "segments");
    }
    let pad = |segment: &str| format!("{segment}{}", "=".repeat((4 - segment.len() % 4) % 4));
    for (name, token) in [
        ("base64-padding-signature", format!("{head}.{body}.{}", pad(sig))),
        ("base64-padding-header", format!("{head}=.{body}.{sig}")),
        ("base64-padding-payload", format!("{head}.{body}=.{sig}")),
        ("base64-standard-alphabet", format!("{head}.{body}.{}+/{}", &sig[..40], &sig[42..])),
        ("base64-space", format!("{head}.{} {}.{sig}", &body[..8], &body[8..])),
        ("base64-newline-at-end", format!("{good}\n")),
        ("base64-impossible-length", format!("{head}.{body}A{}.{sig}", "A".repeat((4 - body.len() % 4) % 4))),
        ("base64-foreign-character", format!("{head}.{body}.{}é", &sig[..80])),
        ("base64-trailing-bits-signature", format!("{head}.{body}.{}", trailing_bits(sig))),
        ("base64-trailing-bits-header", format!("{}.{body}.{sig}", trailing_bits(&b64u(r#"{"alg":"Ed25519"}"#)))),
        ("base64-trailing-bits-payload", format!("{head}.{}.{sig}", trailing_bits(&b64u("{}")))),
    ] {
        v.error(name, "canonical base64url without padding", json!({ "token": token }), "base64");
    }
}

/// The segment with one of the unused bits of its last character set.
fn trailing_bits(segment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "a segment with unused bits");
    let last = segment.chars().last().unwrap();
    let value = ALPHABET.find(last).unwrap();
    format!("{}{}", &segment[..segment.len() - 1], &ALPHABET[(value | 1)..=(value | 1)])
}

pub fn headers(v: &mut Vectors) {
    let kid = v.issuing.kid();
    let good = header("Ed25519", &kid, LEASE);
    let extra = |member: &str| format!("{},{member}}}", &good[..good.len() - 1]);
    for (name, header) in [
        ("header-empty-object", "{}".to_owned()),
        ("header-not-json", "header".to_owned()),
        ("header-list", format!("[{good}]")),
        ("header-null", "null".to_owned()),
        ("header-truncated", good[..good.len() - 1].to_owned()),
        ("header-trailing", format!("{good}x")),
        ("header-byte-order-mark", format!("\u{feff}{good}")),
        ("header-lacks-alg", format!(r#"{{"kid":"{kid}","typ":"{LEASE}"}}"#)),
        ("header-lacks-kid", format!(r#"{{"alg":"Ed25519","typ":"{LEASE}"}}"#)),
        ("header-lacks-typ", format!(r#"{{"alg":"Ed25519","kid":"{kid}"}}"#)),
        ("header-crit", extra(r#""crit":["exp"]"#)),
        ("header-crit-string", extra(r#""crit":"exp""#)),
        ("header-jwk", extra(r#""jwk":{}"#)),
        ("header-cty", extra(r#""cty":"JWT""#)),
        ("header-b64", extra(r#""b64":false"#)),
        ("header-duplicate-alg", extra(r#""alg":"Ed25519""#)),
        ("header-duplicate-kid", extra(&format!(r#""kid":"{kid}""#))),
        ("header-duplicate-escaped", extra(r#""\u0061lg":"none""#)),
        ("header-alg-number", good.replace(r#""Ed25519""#, "1")),
        ("header-alg-null", good.replace(r#""Ed25519""#, "null")),
        ("header-kid-list", good.replace(&format!(r#""{kid}""#), &format!(r#"["{kid}"]"#))),
        ("header-typ-object", good.replace(&format!(r#""{LEASE}""#), "{}")),
    ] {
        v.error(name, "exactly alg, kid and typ, each a string", v.headed(&header), "header");
    }
    let invalid = format!("{}.{}.{}", b64u(b"{\"alg\":\"\xff\"}"), b64u(text(&lease())), b64u([0; 64]));
    v.error("header-not-utf8", "not UTF-8", json!({ "token": invalid }), "header");

    for (name, typ) in [
        ("typ-denial", DENIAL),
        ("typ-revocations", REVOCATIONS),
        ("typ-keys", KEYS),
        ("typ-jwt", "JWT"),
        ("typ-empty", ""),
        ("typ-upper-case", "Holdfast-Lease+JWT"),
        ("typ-media-type", "application/holdfast-lease+jwt"),
    ] {
        v.error(name, "typ separates the purposes", v.headed(&header_of(v, typ)), "typ");
    }
    for typ in [DENIAL, REVOCATIONS, KEYS] {
        let name = format!("lease-as-{}", &typ[9..typ.len() - 4]);
        v.error(&name, "a lease offered where another document is expected", json!({ "typ": typ }), "typ");
    }
    let denial = document(DENIAL, &denial_at(NOW, 2, "revoked"), &v.issuing);
    v.error("denial-as-lease", "a denial offered as a lease", json!({ "token": denial }), "typ");
    let list = document(REVOCATIONS, &revocations(), &v.issuing);
    v.error("revocations-as-lease", "a revocation list offered as a lease", json!({ "token": list }), "typ");

    for (name, alg) in [
        ("alg-none", "none"),
        ("alg-none-upper-case", "None"),
        ("alg-eddsa", "EdDSA"),
        ("alg-hs256", "HS256"),
        ("alg-hs512", "HS512"),
        ("alg-rs256", "RS256"),
        ("alg-es256", "ES256"),
        ("alg-ed448", "Ed448"),
        ("alg-lower-case", "ed25519"),
        ("alg-empty", ""),
    ] {
        v.error(
            name,
            "the algorithm is that of the key, whatever the token says",
            v.headed(&header(alg, &kid, LEASE)),
            "alg",
        );
    }
    let hmac = hmac_token(&header("HS256", &kid, LEASE), &lease(), &v.issuing);
    v.error("alg-hmac-with-public-key", "HMAC keyed with the public key", json!({ "token": hmac }), "alg");
    let part = signed_part(&header("none", &kid, LEASE), text(&lease()));
    v.error(
        "alg-none-unsigned",
        "none, with one byte for a signature",
        json!({ "token": format!("{part}.AA") }),
        "alg",
    );
}

fn header_of(v: &Vectors, typ: &str) -> String {
    header("Ed25519", &v.issuing.kid(), typ)
}
