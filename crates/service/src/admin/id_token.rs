//! Whether an identity provider's token says who somebody is (`OpenID` Connect Core 3.1.3.7, read strictly).
//!
//! Four algorithms and no others, each with its own kind of key; what the token says about its key is not trusted. The
//! signature is verified by `ring`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 60;
/// The longest token that is read, in bytes.
const LONGEST: usize = 32 << 10;

/// Why a token says nothing. Only for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a token.
    #[error("the token cannot be read")]
    Form,
    /// Signed in a way that is not accepted.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// Signed with a key that the provider does not show.
    #[error("the provider shows no such key")]
    Key,
    /// The signature is wrong.
    #[error("the signature does not fit")]
    Signature,
    /// It says something else than it must.
    #[error("the token's `{0}` is not as it must be")]
    Claim(&'static str),
}

/// The provider's keys, as it shows them (RFC 7517).
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    #[serde(flatten)]
    person: Person,
}

/// What a provider says about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// The address.
    pub email: Option<String>,
    /// Whether the provider has seen that the address is the person's.
    #[serde(default)]
    pub email_verified: bool,
    /// The name.
    pub name: Option<String>,
}

/// What the token must say.
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// For which sign-in.
    pub nonce: &'a str,
    /// When it is looked at.
    pub now: Timestamp,
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refused> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Form)
}

fn number(text: Option<&String>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text?).ok()
}

impl Key {
    /// Whether it is a key for `alg`, whatever the token claims.
    fn is_for(&self, alg: &str) -> bool {
        let kind = match alg {
            "RS256" | "PS256" => self.kty == "RSA",
            "ES256" => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
            "EdDSA" => self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519"),
            _ => false,
        };
        kind && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.alg.as_deref().is_none_or(|own| own == alg)
    }

    fn verify(&self, alg: &str, signed: &[u8], signature: &[u8]) -> Option<()> {
        match alg {
            "RS256" | "PS256" => {
                let key = RsaPublicKeyComponents { n: number(self.n.as_ref())?, e: number(self.e.as_ref())? };
                let way = if alg == "RS256" { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
                key.verify(way, signed, signature).ok()
            }
            "ES256" => {
                let key = [&[4][..], &number(self.x.as_ref())?, &number(self.y.as_ref())?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(signed, signature).ok()
            }
            "EdDSA" => UnparsedPublicKey::new(&ED25519, number(self.x.as_ref())?).verify(signed, signature).ok(),
            _ => None,
        }
    }
}

/// Who the token says somebody is: the subject, and what else it tells.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<(String, Person), Refused> {
    if token.len() > LONGEST {
        return Err(Refused::Form);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Form)?;
    let header: Header = part(header)?;
    if header.crit.is_some() || !["RS256", "PS256", "ES256", "EdDSA"].contains(&header.alg.as_str()) {
        return Err(Refused::Algorithm);
    }
    let fitting: Vec<&Key> = keys.keys.iter().filter(|key| key.is_for(&header.alg)).collect();
    let key = match (&header.kid, fitting.as_slice()) {
        (Some(kid), keys) => keys.iter().find(|key| key.kid.as_ref() == Some(kid)).copied(),
        (None, [only]) => Some(*only),
        _ => None,
    };
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Form)?;
    key.ok_or(Refused::Key)?.verify(&header.alg, signed.as_bytes(), &signature).ok_or(Refused::Signature)?;

    let payload: Payload = part(payload)?;
    let now = expected.now.micros().div_euclid(1_000_000);
    let ours = |id: &String| id == expected.client_id;
    let meant = match &payload.aud {
        Audience::One(one) => ours(one),
        Audience::Many(many) => many.iter().any(ours) && (many.len() == 1 || payload.azp.is_some()),
    };
    let checks = [
        ("iss", payload.iss == expected.issuer),
        ("aud", meant),
        ("azp", payload.azp.as_ref().is_none_or(ours)),
        ("exp", payload.exp > now - SKEW),
        ("iat", payload.iat < now + SKEW),
        ("nbf", payload.nbf.is_none_or(|nbf| nbf < now + SKEW)),
        ("nonce", payload.nonce.as_deref() == Some(expected.nonce)),
        ("sub", !payload.sub.is_empty() && payload.sub.len() <= 255),
    ];
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((claim, _)) => Err(Refused::Claim(claim)),
        None => Ok((payload.sub, payload.person)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::{Value, json};

    struct Provider(EcdsaKeyPair);

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    impl Provider {
        fn new() -> Self {
            let random = SystemRandom::new();
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap())
        }

        fn jwk(&self) -> Value {
            let point = self.0.public_key().as_ref();
            json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        }

        fn keys(&self) -> Keys {
            serde_json::from_value(json!({ "keys": [self.jwk()] })).unwrap()
        }

        fn token(&self, header: &Value, payload: &Value) -> String {
            let signed = format!("{}.{}", encode(header.to_string()), encode(payload.to_string()));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", encode(signature.as_ref()))
        }
    }

    const NOW: i64 = 1_800_000_000;

    fn expected() -> Expected<'static> {
        let now = Timestamp::from_seconds(NOW);
        Expected { issuer: "https://id.example.com", client_id: "holdfast", nonce: "n-1", now }
    }

    fn payload() -> Value {
        json!({
            "iss": "https://id.example.com", "sub": "42", "aud": "holdfast", "exp": NOW + 300, "iat": NOW, "nonce": "n-1",
            "email": "ada@example.com", "email_verified": true,
        })
    }

    fn header() -> Value {
        json!({ "alg": "ES256", "kid": "k1" })
    }

    #[test]
    fn a_good_token_tells_who_somebody_is() {
        let provider = Provider::new();
        let (subject, person) = verify(&provider.token(&header(), &payload()), &provider.keys(), &expected()).unwrap();
        let ada = Person { email: Some("ada@example.com".to_owned()), email_verified: true, name: None };
        assert_eq!((subject.as_str(), person), ("42", ada));
        let many = json!({ "aud": ["holdfast", "other"], "azp": "holdfast" });
        let mut several = payload();
        several.as_object_mut().unwrap().extend(many.as_object().unwrap().clone());
        verify(&provider.token(&header(), &several), &provider.keys(), &expected()).unwrap();
    }

    #[test]
    fn each_claim_must_be_as_it_must() {
        let provider = Provider::new();
        for (claim, value) in [
            ("iss", json!("https://id.example.com/")),
            ("aud", json!("other")),
            ("aud", json!(["holdfast", "other"])),
            ("azp", json!("other")),
            ("exp", json!(NOW - 60)),
            ("iat", json!(NOW + 61)),
            ("nbf", json!(NOW + 61)),
            ("nonce", json!("n-2")),
            ("nonce", Value::Null),
            ("sub", json!("")),
        ] {
            let mut wrong = payload();
            wrong[claim] = value.clone();
            let refused = verify(&provider.token(&header(), &wrong), &provider.keys(), &expected());
            assert_eq!(refused, Err(Refused::Claim(claim)), "{claim} = {value}");
        }
        let mut said = payload();
        said["email_verified"] = json!("true");
        assert_eq!(verify(&provider.token(&header(), &said), &provider.keys(), &expected()), Err(Refused::Form));
    }

    #[test]
    fn no_other_signature_holds() {
        let provider = Provider::new();
        let good = provider.token(&header(), &payload());
        assert_eq!(verify(&good, &Provider::new().keys(), &expected()), Err(Refused::Signature));
        let (signed, _) = good.rsplit_once('.').unwrap();
        let none = format!("{}.{}.", encode(json!({ "alg": "none" }).to_string()), encode(payload().to_string()));
        assert_eq!(verify(&none, &provider.keys(), &expected()), Err(Refused::Algorithm));
        assert_eq!(verify(&format!("{signed}."), &provider.keys(), &expected()), Err(Refused::Signature));
        for (header, why) in [
            (json!({ "alg": "HS256", "kid": "k1" }), Refused::Algorithm),
            (json!({ "alg": "es256", "kid": "k1" }), Refused::Algorithm),
            (json!({ "alg": "ES256", "kid": "k1", "crit": ["exp"] }), Refused::Algorithm),
            (json!({ "alg": "ES256", "kid": "k2" }), Refused::Key),
            (json!({ "alg": "RS256", "kid": "k1" }), Refused::Key),
        ] {
            assert_eq!(
                verify(&provider.token(&header, &payload()), &provider.keys(), &expected()),
                Err(why),
                "{header}"
            );
        }
        for text in ["", "a.b.c", "..", &"x".repeat(LONGEST + 1)] {
            assert_eq!(verify(text, &provider.keys(), &expected()), Err(Refused::Form));
        }
        // Keys for sealing sign nothing, and without a name there must be only one.
        let mut sealing = provider.jwk();
        sealing["use"] = json!("enc");
        let sealing: Keys = serde_json::from_value(json!({ "keys": [sealing] })).unwrap();
        assert_eq!(verify(&good, &sealing, &expected()), Err(Refused::Key));
        let two: Keys = serde_json::from_value(json!({ "keys": [provider.jwk(), Provider::new().jwk()] })).unwrap();
        let unnamed = provider.token(&json!({ "alg": "ES256" }), &payload());
        assert_eq!(verify(&unnamed, &two, &expected()), Err(Refused::Key));
        verify(&unnamed, &provider.keys(), &expected()).unwrap();
    }
}
