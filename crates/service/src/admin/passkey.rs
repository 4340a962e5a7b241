//! Passkeys (`WebAuthn` level 2) as a second factor: what is asked of a browser, and whether its answer holds.
//!
//! Signatures are verified by `ring`, which is in the program anyway. No attestation is asked for, so nothing is signed when
//! a passkey is made, and its public key is taken as the browser hands it over (`getPublicKey()`, a
//! `SubjectPublicKeyInfo`): no CBOR has to be read.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long a browser may take to answer.
const PATIENCE_MS: u32 = 300_000;
/// The longest answer that is read, in bytes.
const LONGEST: usize = 16 << 10;
/// The longest id of a passkey (`WebAuthn`, "Credential ID").
const LONGEST_ID: usize = 1_023;

/// Where this installation is reached: passkeys are bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// The site of that origin: `https://licenses.example.com`.
    pub fn new(origin: &str) -> Self {
        Self(origin.trim_end_matches('/').to_owned())
    }

    /// The host's name, to which passkeys are bound.
    fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        if rest.starts_with('[') {
            return rest.split_inclusive(']').next().unwrap_or(rest);
        }
        rest.split(':').next().unwrap_or(rest)
    }
}

/// Why an answer does not hold. Only for the log: whoever asks is told that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// Not an answer at all.
    #[error("the answer cannot be read")]
    Form,
    /// It answers something else.
    #[error("the answer is about something else")]
    Other,
    /// It was given to another site.
    #[error("the answer was given to another site")]
    OtherSite,
    /// Nobody touched the key.
    #[error("nobody was present")]
    Absent,
    /// It is signed by none of the kinds of keys that were asked for.
    #[error("the key is of another kind")]
    Kind,
    /// The signature is not the passkey's.
    #[error("the signature does not fit")]
    Signature,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "rawId")]
    id: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    public_key: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

fn bytes(text: &str) -> Result<Vec<u8>, Unproved> {
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| Unproved::Form)
}

/// What the database keeps of a challenge.
pub fn challenge_hash(challenge: &[u8]) -> [u8; 32] {
    Sha256::digest(challenge).into()
}

/// What an authenticator says about itself and about what it did.
struct Said {
    present: bool,
    counter: u32,
    /// The id of the passkey it made.
    made: Option<Vec<u8>>,
}

impl Said {
    fn read(data: &[u8], site: &Site) -> Result<Self, Unproved> {
        let (head, rest) = data.split_at_checked(37).ok_or(Unproved::Form)?;
        if head[..32] != Sha256::digest(site.host().as_bytes())[..] {
            return Err(Unproved::OtherSite);
        }
        let (flags, counter) = (head[32], u32::from_be_bytes([head[33], head[34], head[35], head[36]]));
        let made = if flags & 0x40 == 0 {
            None
        } else {
            let length = rest.get(16..18).ok_or(Unproved::Form)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            Some(rest.get(18..18 + length).ok_or(Unproved::Form)?.to_vec())
        };
        Ok(Self { present: flags & 1 != 0, counter, made })
    }
}

/// The parts that making and using have in common: what was said, by whom, and to which challenge.
fn read(text: &str, kind: &str, site: &Site) -> Result<(Answer, Said, [u8; 32], Vec<u8>), Unproved> {
    if text.len() > LONGEST {
        return Err(Unproved::Form);
    }
    let answer: Answer = serde_json::from_str(text).map_err(|_| Unproved::Form)?;
    let client_bytes = bytes(&answer.response.client_data)?;
    let client: ClientData = serde_json::from_slice(&client_bytes).map_err(|_| Unproved::Form)?;
    if client.kind != kind {
        return Err(Unproved::Other);
    }
    if client.origin != site.0 || client.cross_origin {
        return Err(Unproved::OtherSite);
    }
    let data = bytes(&answer.response.authenticator_data)?;
    let said = Said::read(&data, site)?;
    if !said.present {
        return Err(Unproved::Absent);
    }
    let signed = [data.as_slice(), Sha256::digest(&client_bytes).as_slice()].concat();
    let challenge = challenge_hash(&bytes(&client.challenge)?);
    Ok((answer, said, challenge, signed))
}

/// A passkey that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub credential: Vec<u8>,
    /// Its public key.
    pub public_key: Vec<u8>,
    /// How often it has signed.
    pub counter: u32,
    /// What was asked.
    pub challenge: [u8; 32],
}

/// Reads the answer of a browser that was to make a passkey.
pub fn made(text: &str, site: &Site) -> Result<Made, Unproved> {
    let (answer, said, challenge, _) = read(text, "webauthn.create", site)?;
    let credential = said.made.ok_or(Unproved::Form)?;
    if credential.is_empty() || credential.len() > LONGEST_ID || bytes(&answer.id)? != credential {
        return Err(Unproved::Form);
    }
    let public_key = bytes(answer.response.public_key.as_deref().ok_or(Unproved::Form)?)?;
    key(&public_key)?;
    Ok(Made { credential, public_key, counter: said.counter, challenge })
}

/// A passkey's answer to a challenge, not yet verified: whose it is said to be.
pub struct Given {
    /// The id of the passkey.
    pub credential: Vec<u8>,
    /// How often it has signed.
    pub counter: u32,
    /// What was asked.
    pub challenge: [u8; 32],
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Reads the answer of a browser that was to use a passkey.
pub fn given(text: &str, site: &Site) -> Result<Given, Unproved> {
    let (answer, said, challenge, signed) = read(text, "webauthn.get", site)?;
    let signature = bytes(answer.response.signature.as_deref().ok_or(Unproved::Form)?)?;
    Ok(Given { credential: bytes(&answer.id)?, counter: said.counter, challenge, signed, signature })
}

impl Given {
    /// `Ok` where the passkey of `public_key` signed it.
    pub fn verify(&self, public_key: &[u8]) -> Result<(), Unproved> {
        let (algorithm, key) = key(public_key)?;
        UnparsedPublicKey::new(algorithm, key).verify(&self.signed, &self.signature).map_err(|_| Unproved::Signature)
    }
}

/// One element of DER at the front of `data`: its tag, its content, and what follows.
fn element(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = data.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ ..=0x7f => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// What kind of key it is, and the key itself, as `ring` takes it.
fn key(spki: &[u8]) -> Result<(&'static dyn VerificationAlgorithm, &[u8]), Unproved> {
    const P256: &[u8] = &[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
        0x07,
    ];
    const EDDSA: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let parts = || {
        let (0x30, whole, []) = element(spki)? else { return None };
        let (0x30, algorithm, rest) = element(whole)? else { return None };
        let (0x03, bits, []) = element(rest)? else { return None };
        let (0, key) = bits.split_first().map(|(unused, key)| (*unused, key))? else { return None };
        Some((algorithm, key))
    };
    match parts().ok_or(Unproved::Form)? {
        (P256, key) if key.len() == 65 => Ok((&ECDSA_P256_SHA256_ASN1, key)),
        (EDDSA, key) if key.len() == 32 => Ok((&ED25519, key)),
        (RSA, key) => Ok((&RSA_PKCS1_2048_8192_SHA256, key)),
        _ => Err(Unproved::Kind),
    }
}

fn descriptors(credentials: &[Vec<u8>]) -> Vec<Value> {
    let one = |id: &Vec<u8>| json!({ "type": "public-key", "id": BASE64_URL_SAFE_NO_PAD.encode(id) });
    credentials.iter().map(one).collect()
}

/// What a browser is asked for to make a passkey (`PublicKeyCredentialCreationOptionsJSON`). `known` are those that the
/// person has.
pub fn ask_to_make(site: &Site, user: &[u8], name: &str, challenge: &[u8], known: &[Vec<u8>]) -> String {
    let kinds = [-7, -8, -257].map(|alg| json!({ "type": "public-key", "alg": alg }));
    json!({
        "rp": { "id": site.host(), "name": "Holdfast" },
        "user": { "id": BASE64_URL_SAFE_NO_PAD.encode(user), "name": name, "displayName": name },
        "challenge": BASE64_URL_SAFE_NO_PAD.encode(challenge),
        "pubKeyCredParams": kinds,
        "timeout": PATIENCE_MS,
        "excludeCredentials": descriptors(known),
        "authenticatorSelection": { "residentKey": "discouraged", "userVerification": "discouraged" },
        "attestation": "none",
    })
    .to_string()
}

/// What a browser is asked for to use one of `known` (`PublicKeyCredentialRequestOptionsJSON`).
pub fn ask_to_use(site: &Site, challenge: &[u8], known: &[Vec<u8>]) -> String {
    json!({
        "rpId": site.host(),
        "challenge": BASE64_URL_SAFE_NO_PAD.encode(challenge),
        "timeout": PATIENCE_MS,
        "allowCredentials": descriptors(known),
        "userVerification": "discouraged",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
    };

    /// An authenticator as the standard describes one, with one key.
    struct Authenticator(EcdsaKeyPair);

    const ID: &[u8] = b"credential-1";
    const SITE: &str = "https://licenses.example.com";

    impl Authenticator {
        fn new() -> Self {
            let random = SystemRandom::new();
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap())
        }

        fn spki(&self) -> Vec<u8> {
            let head = [0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a];
            let rest = [0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00];
            [&head[..], &rest, self.0.public_key().as_ref()].concat()
        }

        fn data(host: &str, flags: u8, counter: u32) -> Vec<u8> {
            let mut data = Sha256::digest(host.as_bytes()).to_vec();
            data.push(flags);
            data.extend(counter.to_be_bytes());
            if flags & 0x40 != 0 {
                data.extend([0; 16]);
                data.extend(u16::try_from(ID.len()).unwrap().to_be_bytes());
                data.extend(ID);
            }
            data
        }

        fn answer(&self, kind: &str, origin: &str, host: &str, flags: u8, counter: u32) -> Value {
            let client =
                json!({ "type": kind, "challenge": BASE64_URL_SAFE_NO_PAD.encode(b"asked"), "origin": origin });
            let (client, data) = (client.to_string(), Self::data(host, flags, counter));
            let signed = [&data[..], &Sha256::digest(client.as_bytes())].concat();
            let signature = self.0.sign(&SystemRandom::new(), &signed).unwrap();
            let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            json!({
                "id": encode(ID), "rawId": encode(ID), "type": "public-key",
                "response": {
                    "clientDataJSON": encode(client.as_bytes()),
                    "authenticatorData": encode(&data),
                    "publicKey": encode(&self.spki()),
                    "signature": encode(signature.as_ref()),
                },
            })
        }
    }

    #[test]
    fn a_passkey_is_made_and_used() {
        let (key, site) = (Authenticator::new(), Site::new(SITE));
        let host = "licenses.example.com";
        let made = made(&key.answer("webauthn.create", SITE, host, 0x41, 0).to_string(), &site).unwrap();
        assert_eq!((made.credential.as_slice(), made.challenge), (ID, challenge_hash(b"asked")));
        let given = given(&key.answer("webauthn.get", SITE, host, 1, 7).to_string(), &site).unwrap();
        assert_eq!((given.credential.as_slice(), given.counter, given.challenge), (ID, 7, challenge_hash(b"asked")));
        given.verify(&made.public_key).unwrap();
        assert_eq!(given.verify(&Authenticator::new().spki()), Err(Unproved::Signature));
    }

    #[test]
    fn what_was_given_elsewhere_does_not_hold() {
        let (key, site) = (Authenticator::new(), Site::new(SITE));
        let host = "licenses.example.com";
        for (kind, origin, host, flags, why) in [
            ("webauthn.create", SITE, host, 1, Unproved::Other),
            ("webauthn.get", "https://licenses.example.com.evil.example", host, 1, Unproved::OtherSite),
            ("webauthn.get", "http://licenses.example.com", host, 1, Unproved::OtherSite),
            ("webauthn.get", SITE, "example.com", 1, Unproved::OtherSite),
            ("webauthn.get", SITE, host, 0, Unproved::Absent),
        ] {
            let answer = key.answer(kind, origin, host, flags, 1).to_string();
            assert_eq!(given(&answer, &site).err(), Some(why), "{kind} {origin} {host} {flags}");
        }
        let mut framed = key.answer("webauthn.get", SITE, host, 1, 1);
        let client =
            json!({ "type": "webauthn.get", "challenge": "", "origin": SITE, "crossOrigin": true }).to_string();
        framed["response"]["clientDataJSON"] = BASE64_URL_SAFE_NO_PAD.encode(client).into();
        assert_eq!(given(&framed.to_string(), &site).err(), Some(Unproved::OtherSite));
    }

    #[test]
    fn changed_bytes_and_nonsense_do_not_hold() {
        let (key, site) = (Authenticator::new(), Site::new(SITE));
        let host = "licenses.example.com";
        let mut changed = key.answer("webauthn.get", SITE, host, 1, 7);
        changed["response"]["authenticatorData"] =
            BASE64_URL_SAFE_NO_PAD.encode(Authenticator::data(host, 1, 8)).into();
        let changed = given(&changed.to_string(), &site).unwrap();
        assert_eq!(changed.verify(&key.spki()), Err(Unproved::Signature));
        for text in ["", "{}", "null", &"x".repeat(LONGEST + 1)] {
            assert_eq!(given(text, &site).err(), Some(Unproved::Form));
        }
        for wrong in [&key.spki()[..40], &[0x30, 0x84, 1, 1, 1, 1], &[]] {
            assert!(super::key(wrong).is_err());
        }
        let mut other_curve = key.spki();
        other_curve[22] = 0x22;
        assert_eq!(super::key(&other_curve).err(), Some(Unproved::Kind));
    }

    #[test]
    fn a_site_is_its_host() {
        for (origin, host) in [
            ("https://licenses.example.com/", "licenses.example.com"),
            ("http://localhost:8080", "localhost"),
            ("http://[::1]:8080", "[::1]"),
        ] {
            assert_eq!(Site::new(origin).host(), host);
        }
    }
}
