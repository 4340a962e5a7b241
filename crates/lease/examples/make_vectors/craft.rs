//! Tokens of every kind, sound and forged, from seeds that are derived from names.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION, traits::Identity};
use hmac::{Hmac, KeyInit, Mac};
use holdfast_lease::{PublicKey, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

/// The moment at which most documents are signed and judged: 9 October 2025, 08:53:20 UTC.
pub const NOW: i64 = 1_760_000_000;
pub const DAY: i64 = 86_400;

pub const VENDOR: &str = "vnd_01example";
pub const PRODUCT: &str = "prd_01editor";
pub const OTHER_PRODUCT: &str = "prd_02player";
pub const LICENSE: &str = "lic_01alpha";
pub const OTHER_LICENSE: &str = "lic_02beta";
pub const SEAT: &str = "sea_01alpha";

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub fn device() -> String {
    holdfast_lease::device_hash(PRODUCT, b"fingerprint of device 1")
}

pub fn other_device() -> String {
    holdfast_lease::device_hash(PRODUCT, b"fingerprint of device 2")
}

/// A key whose seed is the hash of its name.
pub struct Key {
    pub signing: SigningKey,
    seed: [u8; 32],
}

impl Key {
    pub fn named(name: &str) -> Self {
        let seed = Sha256::digest(format!("holdfast test vector key: {name}")).into();
        Self { signing: SigningKey::from_seed(&seed), seed }
    }

    pub fn public(&self) -> PublicKey {
        self.signing.public_key()
    }

    pub fn x(&self) -> String {
        self.public().to_b64u()
    }

    pub fn kid(&self) -> String {
        self.signing.kid().to_string()
    }

    /// The secret scalar (RFC 8032, 5.1.5), for forgeries.
    fn scalar(&self) -> Scalar {
        let hash = Sha512::digest(self.seed);
        let mut bytes: [u8; 32] = hash[..32].try_into().unwrap();
        bytes[0] &= 0xf8;
        bytes[31] = (bytes[31] & 0x7f) | 0x40;
        Scalar::from_bytes_mod_order(bytes)
    }
}

/// The JSON text of a value with sorted members: the same whether or not the JSON library keeps their order.
pub fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), text(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => format!("[{}]", elements.iter().map(text).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

pub fn b64u(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A header as text.
pub fn header(alg: &str, kid: &str, typ: &str) -> String {
    format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"{typ}"}}"#)
}

/// The first two segments.
pub fn signed_part(header: &str, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", b64u(header), b64u(payload))
}

/// A whole token from any header and payload, signed.
pub fn token(header: &str, payload: impl AsRef<[u8]>, key: &Key) -> String {
    let part = signed_part(header, payload);
    let signature = key.signing.sign_bytes(part.as_bytes());
    format!("{part}.{}", b64u(signature))
}

/// A token with the usual header.
pub fn document(typ: &str, payload: &Value, key: &Key) -> String {
    token(&header("Ed25519", &key.kid(), typ), text(payload), key)
}

/// The signature bytes of a token replaced by what `change` makes of them.
pub fn with_signature(token: &str, change: impl FnOnce(&str, Vec<u8>) -> Vec<u8>) -> String {
    let (part, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    format!("{part}.{}", b64u(change(part, signature)))
}

/// HMAC-SHA256 keyed with the public key's raw bytes: what a verifier that believes the header would accept.
pub fn hmac_token(header: &str, payload: &Value, key: &Key) -> String {
    let part = signed_part(header, text(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.public().to_bytes()).unwrap();
    mac.update(part.as_bytes());
    format!("{part}.{}", b64u(mac.finalize().into_bytes()))
}

/// S + L: the same scalar, not canonical.
pub fn add_order(signature: Vec<u8>) -> Vec<u8> {
    let mut signature = signature;
    let mut carry = 0_u16;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    signature
}

fn challenge(r: &[u8; 32], a: &[u8; 32], message: &str) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

fn signature(r: [u8; 32], s: Scalar) -> Vec<u8> {
    [r, s.to_bytes()].concat()
}

/// R is the identity, S = k·a: the plain equation holds for it, strict verification refuses the small-order R.
pub fn small_order_r(message: &str, key: &Key) -> Vec<u8> {
    let r = EdwardsPoint::identity().compress().to_bytes();
    let k = challenge(&r, &key.public().to_bytes(), message);
    signature(r, k * key.scalar())
}

/// R = r·B + T with T of order 8: valid only for a verifier that multiplies by the cofactor.
pub fn cofactor_only(message: &str, key: &Key) -> Vec<u8> {
    let nonce = Scalar::from_bytes_mod_order(Sha256::digest(message).into());
    let r = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[1]).compress().to_bytes();
    let k = challenge(&r, &key.public().to_bytes(), message);
    signature(r, nonce + k * key.scalar())
}

/// A public key with a component of order 8. It is not of small order, so it loads; signatures under it that only the
/// cofactor makes valid are refused.
pub fn mixed_key(key: &Key) -> [u8; 32] {
    (EdwardsPoint::mul_base(&key.scalar()) + EIGHT_TORSION[1]).compress().to_bytes()
}

/// A signature under [`mixed_key`] that is valid only with the cofactor: nonces are tried until k is no multiple of 8.
pub fn mixed_signature(message: &str, key: &Key) -> Vec<u8> {
    let a = mixed_key(key);
    (0..=u8::MAX)
        .map(|attempt| {
            let nonce = Scalar::from_bytes_mod_order(Sha256::digest([message.as_bytes(), &[attempt]].concat()).into());
            let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
            (r, nonce, challenge(&r, &a, message))
        })
        .find(|(_, _, k)| k.to_bytes()[0] & 7 != 0)
        .map(|(r, nonce, k)| signature(r, nonce + k * key.scalar()))
        .unwrap()
}

/// The canonical encodings of the eight points of small order.
pub fn small_order_keys() -> Vec<[u8; 32]> {
    EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect()
}

/// The name a key would have.
pub fn kid_of(bytes: &[u8]) -> String {
    b64u(Sha256::digest(bytes))[..16].to_owned()
}

/// The forgery that needs no secret: under the identity as public key, R = identity and S = 0 fit every message.
pub fn identity_forgery() -> Vec<u8> {
    signature(EdwardsPoint::identity().compress().to_bytes(), Scalar::ZERO)
}

/// The claims of a lease signed at [`NOW`]: 14 days and 16 days of grace.
pub fn lease() -> Value {
    lease_at(NOW, 1)
}

/// The claims of a lease signed at a moment, with a `seq`.
pub fn lease_at(iat: i64, seq: i64) -> Value {
    json!({
        "v": 1, "iss": VENDOR, "aud": PRODUCT, "sub": LICENSE, "seat": SEAT, "jti": format!("lea_{seq:05}"),
        "dev": device(), "plan": "pro", "mode": "licensed", "ent": {"export.pdf": true, "users": 5, "tier": "gold"},
        "iat": iat, "nbf": iat, "ren": iat + DAY, "soft": iat + 14 * DAY, "exp": iat + 30 * DAY,
        "lic": iat + 365 * DAY, "seq": seq
    })
}

/// The claims of a denial signed at a moment.
pub fn denial_at(iat: i64, seq: i64, code: &str) -> Value {
    json!({
        "v": 1, "iss": VENDOR, "aud": PRODUCT, "sub": LICENSE, "seat": SEAT, "jti": format!("den_{seq:05}"),
        "dev": device(), "iat": iat, "eff": iat, "code": code, "nonce": "bm9uY2UtMDAwMQ", "seq": seq,
        "help": "https://example.com/help"
    })
}

/// The claims of a revocation list.
pub fn revocations() -> Value {
    json!({
        "v": 1, "iss": VENDOR, "aud": PRODUCT, "iat": NOW, "exp": NOW + DAY, "seq": 7,
        "licenses": ["lic_02beta", "lic_03gamma"], "seats": ["sea_09omega"]
    })
}

/// An entry for an issuing key.
pub fn entry(key: &Key) -> Value {
    json!({
        "kid": key.kid(), "x": key.x(), "aud": PRODUCT, "use": ["lease", "denial", "revocations"],
        "nbf": NOW - 10 * DAY, "exp": NOW + 80 * DAY, "status": "active"
    })
}

/// The claims of a key manifest.
pub fn manifest(seq: i64, keys: &[Value]) -> Value {
    json!({
        "v": 1, "iss": VENDOR, "iat": NOW, "seq": seq,
        "endpoints": ["https://license.example.com", "https://license-2.example.com"], "keys": keys
    })
}

/// `base` with members replaced or, where the new value is null, removed.
pub fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else { panic!("two objects") };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    Value::Object(members)
}

/// `base` with a member set to null.
pub fn with_null(base: Value, name: &str) -> Value {
    let Value::Object(members) = base else { panic!("an object") };
    let mut members: Map<String, Value> = members;
    members.insert(name.to_owned(), Value::Null);
    Value::Object(members)
}

/// `base` with members replaced, null included: for changes that will be applied by [`with`].
pub fn also(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else { panic!("two objects") };
    members.extend(changes);
    Value::Object(members)
}
