//! The vectors of `vectors/lease-v1.json`: what every verifier in every language must answer.

use crate::craft::{
    DAY, Key, LICENSE, NOW, OTHER_LICENSE, OTHER_PRODUCT, PRODUCT, add_order, b64u, cofactor_only, denial_at, device,
    document, entry, header, hmac_token, identity_forgery, kid_of, lease, manifest, mixed_key, mixed_signature,
    other_device, revocations, signed_part, small_order_keys, small_order_r, text, token, with, with_null,
    with_signature,
};
use serde_json::{Value, json};
use std::fmt::Write;

const LEASE: &str = "holdfast-lease+jwt";
const DENIAL: &str = "holdfast-denial+jwt";
const REVOCATIONS: &str = "holdfast-revocations+jwt";
const KEYS: &str = "holdfast-keys+jwt";

/// Collects vectors. Each begins with the usual lease, keys and expectations and says only what is different.
struct Vectors {
    issuing: Key,
    root: Key,
    list: Vec<Value>,
}

impl Vectors {
    /// Adds a vector; `changes` replaces members of the usual form (null removes one).
    fn add(&mut self, name: &str, note: &str, changes: Value, expect: Value) {
        let usual = json!({
            "name": name, "note": note, "typ": LEASE, "token": document(LEASE, &lease(), &self.issuing),
            "keys": [entry(&self.issuing)], "product": PRODUCT, "license": LICENSE, "device": device(), "now": NOW,
        });
        let vector = with(usual, changes);
        self.list.push(with(vector, json!({ "expect": expect })));
    }

    fn error(&mut self, name: &str, note: &str, changes: Value, code: &str) {
        self.add(name, note, changes, json!({ "error": code }));
    }

    fn verdict(&mut self, name: &str, note: &str, changes: Value, verdict: &str) {
        self.add(name, note, changes, json!({ "verdict": verdict }));
    }

    /// The usual header and a payload of any bytes, signed by the issuing key.
    fn raw(&self, payload: impl AsRef<[u8]>) -> Value {
        json!({ "token": token(&header("Ed25519", &self.issuing.kid(), LEASE), payload, &self.issuing) })
    }

    /// Any header over the usual lease, signed by the issuing key.
    fn headed(&self, header: &str) -> Value {
        json!({ "token": token(header, text(&lease()), &self.issuing) })
    }

    fn lease(&self, changes: Value) -> Value {
        json!({ "token": document(LEASE, &with(lease(), changes), &self.issuing) })
    }

    fn root_entry(&self) -> Value {
        json!({ "kid": self.root.kid(), "x": self.root.x(), "use": ["keys"], "status": "active" })
    }
}

/// The file's whole content.
pub fn file() -> String {
    let mut vectors = Vectors { issuing: Key::named("issuing"), root: Key::named("root"), list: Vec::new() };
    valid_leases(&mut vectors);
    boundaries(&mut vectors);
    other_documents(&mut vectors);
    outer_form(&mut vectors);
    headers(&mut vectors);
    keys(&mut vectors);
    signatures(&mut vectors);
    weak_keys(&mut vectors);
    payloads(&mut vectors);
    claims(&mut vectors);
    key_times(&mut vectors);
    expectations(&mut vectors);
    order(&mut vectors);

    // One vector a line: a change shows as one line of a diff.
    let mut file = String::from("{ \"profile\": \"holdfast-lease v1\",\n  \"vectors\": [\n");
    for (index, vector) in vectors.list.iter().enumerate() {
        let comma = if index + 1 == vectors.list.len() { "" } else { "," };
        // The members in the order in which the specification shows them.
        let members = ["name", "note", "typ", "token", "keys", "product", "license", "device", "now", "expect"];
        let members: Vec<_> = members
            .iter()
            .filter_map(|name| vector.get(name).map(|value| format!("\"{name}\":{}", text(value))))
            .collect();
        writeln!(file, "    {{{}}}{comma}", members.join(",")).unwrap();
    }
    file.push_str("  ]\n}\n");
    file
}

fn valid_leases(v: &mut Vectors) {
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

/// A lease token of exactly this many bytes: base64 has no length 4n + 1, so white space in the header helps out.
fn padded(v: &Vectors, bytes: usize) -> String {
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

fn boundaries(v: &mut Vectors) {
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

fn other_documents(v: &mut Vectors) {
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

fn outer_form(v: &mut Vectors) {
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
    assert_ne!(segment.len() % 4, 0, "a segment with unused bits");
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = segment.chars().last().unwrap();
    let value = ALPHABET.find(last).unwrap();
    format!("{}{}", &segment[..segment.len() - 1], &ALPHABET[(value | 1)..=(value | 1)])
}

fn headers(v: &mut Vectors) {
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

fn keys(v: &mut Vectors) {
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

fn signatures(v: &mut Vectors) {
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

fn weak_keys(v: &mut Vectors) {
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

fn payloads(v: &mut Vectors) {
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

fn claims(v: &mut Vectors) {
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

fn key_times(v: &mut Vectors) {
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
    let from = json!({ "keys": [with(entry(&v.issuing), json!({"exp": null}))] });
    v.verdict("key-time-no-end", "absent exp means no end", from, "licensed");
    let until = json!({ "keys": [with(entry(&v.issuing), json!({"nbf": null}))] });
    v.verdict("key-time-no-begin", "absent nbf means no beginning", until, "licensed");
}

fn expectations(v: &mut Vectors) {
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
fn order(v: &mut Vectors) {
    let kid = v.issuing.kid();
    let other_key = json!({ "keys": [with(entry(&v.issuing), json!({"status": "revoked"}))] });
    let bad_header = format!("{}.{}.AA=", b64u("{}"), b64u("{}"));
    let cases = [
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
