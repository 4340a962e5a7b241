//! A security key: makes passkeys and signs with them, as `WebAuthn` level 2 describes and a browser hands it on.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// A security key with one passkey of the site at `origin`.
pub struct Authenticator {
    pair: EcdsaKeyPair,
    origin: String,
    /// How often it has signed; stays 0 for keys that do not count.
    pub counter: u32,
}

/// The id of its passkey.
const ID: &[u8] = b"the passkey of a test";

impl Authenticator {
    /// A new one.
    ///
    /// # Panics
    /// Where the system has no randomness.
    #[allow(clippy::unwrap_used)] // for tests
    pub fn new(origin: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self { pair, origin: origin.to_owned(), counter: 0 }
    }

    /// The answer to what the page asks (`…OptionsJSON`): a passkey made where `making`, else one used.
    ///
    /// # Panics
    /// Where what is asked is no JSON.
    #[allow(clippy::unwrap_used)] // for tests
    pub fn answer(&self, asked: &str, making: bool) -> String {
        let asked: Value = serde_json::from_str(asked).unwrap();
        let host = asked["rpId"].as_str().or_else(|| asked["rp"]["id"].as_str()).unwrap_or_default();
        let kind = if making { "webauthn.create" } else { "webauthn.get" };
        let client = json!({ "type": kind, "challenge": asked["challenge"], "origin": self.origin }).to_string();
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(if making { 0x41 } else { 1 });
        data.extend(self.counter.to_be_bytes());
        if making {
            data.extend([0; 16]);
            data.extend(u16::try_from(ID.len()).unwrap().to_be_bytes());
            data.extend(ID);
        }
        let signed = [&data[..], digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let head = [0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a];
        let rest = [0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00];
        let spki = [&head[..], &rest, self.pair.public_key().as_ref()].concat();
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "id": encode(ID), "rawId": encode(ID), "type": "public-key",
            "response": {
                "clientDataJSON": encode(client.as_bytes()), "authenticatorData": encode(&data),
                "publicKey": encode(&spki), "signature": encode(signature.as_ref()),
            },
        })
        .to_string()
    }
}
