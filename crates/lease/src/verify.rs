//! Verification: the bytes first, the claims afterwards, each refusal in its place.

use crate::{
    claims::{Document, KeyManifest, VERSION},
    json::{self, Value},
    jws,
    keyring::{Keyring, RootKeys, TrustedKey},
    refusal::Refusal,
};
use serde::de::IntoDeserializer;

/// What a verifier expects of a document, besides its kind. What is absent is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expectations<'a> {
    /// The product whose documents these are.
    pub product: Option<&'a str>,
    /// The license.
    pub license: Option<&'a str>,
    /// The device hash.
    pub device: Option<&'a str>,
}

impl<'a> Expectations<'a> {
    /// Compares nothing.
    pub const NONE: Self = Self { product: None, license: None, device: None };

    /// Expects this product.
    pub const fn product(product: &'a str) -> Self {
        Self { product: Some(product), ..Self::NONE }
    }

    /// Expects this license, too.
    #[must_use]
    pub const fn license(self, license: &'a str) -> Self {
        Self { license: Some(license), ..self }
    }

    /// Expects this device, too.
    #[must_use]
    pub const fn device(self, device: &'a str) -> Self {
        Self { device: Some(device), ..self }
    }
}

/// Verifies a lease, a denial or a revocation list and returns its claims.
///
/// `token` is the compact encoding as received. The checks are made in the order of the lease profile ("What a parser
/// refuses"), and the first that fails is the answer. The claims are read only after the signature over the received
/// bytes has been verified. No input makes it panic. Times are not judged: that is [`crate::Lease::verdict`].
pub fn verify<D: Document>(token: &[u8], keyring: &Keyring, expect: Expectations<'_>) -> Result<D, Refusal> {
    let compact = jws::split(token)?;
    let key = authenticate::<D>(&compact, keyring, expect.product)?;
    let document: D = read_claims(&compact.payload)?;
    if !key.covers(document.issued_at()) {
        return Err(Refusal::KeyTime);
    }
    let differs = |expected: Option<&str>, found: Option<&str>| matches!((expected, found), (Some(expected), Some(found)) if expected != found);
    if differs(expect.product, document.product()) {
        return Err(Refusal::Product);
    }
    if differs(expect.license, document.license()) {
        return Err(Refusal::License);
    }
    if differs(expect.device, document.device()) {
        return Err(Refusal::Device);
    }
    Ok(document)
}

/// Verifies a key manifest against the pinned root keys. The same checks as [`verify`].
pub fn verify_manifest(token: &[u8], roots: &RootKeys) -> Result<KeyManifest, Refusal> {
    verify(token, roots.keyring(), Expectations::NONE)
}

/// From the header to the signature: returns the key that signed.
fn authenticate<'k, D: Document>(
    compact: &jws::Compact<'_>,
    keyring: &'k Keyring,
    product: Option<&str>,
) -> Result<&'k TrustedKey, Refusal> {
    let header = jws::parse_header(&compact.header)?;
    if header.typ != D::PURPOSE.typ() {
        return Err(Refusal::Typ);
    }
    if !keyring.knows(&header.kid) {
        return Err(Refusal::KidUnknown);
    }
    // Every key of this profile is an Ed25519 key, so this is the algorithm of the key found, not the token's choice.
    if header.alg != jws::ALG {
        return Err(Refusal::Alg);
    }
    let key = keyring.usable(&header.kid, D::PURPOSE, product)?;
    let signature: &[u8; 64] = compact.signature.as_slice().try_into().map_err(|_| Refusal::SignatureLength)?;
    if key.key.verify_strict(compact.signed, signature) { Ok(key) } else { Err(Refusal::Signature) }
}

/// The refusals `payload`, `version` and `claims`.
pub(crate) fn read_claims<D: Document>(payload: &[u8]) -> Result<D, Refusal> {
    let members = json::parse_object(payload).map_err(|_| Refusal::Payload)?;
    // Before anything else is expected of the claims: a newer version may have other ones.
    if let Some((_, Value::Integer(version))) = members.iter().find(|(name, _)| name == "v")
        && *version > VERSION
    {
        return Err(Refusal::Version);
    }
    let document = D::deserialize(Value::Object(members).into_deserializer()).map_err(|_| Refusal::Claims)?;
    if document.version() != VERSION || document.contradicts_itself() {
        return Err(Refusal::Claims);
    }
    Ok(document)
}
