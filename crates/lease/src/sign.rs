//! Signing: encode, sign, verify the own output, and only then hand it out.

use crate::{
    claims::Document,
    jws,
    key::{PublicKey, SigningKey},
    verify::read_claims,
};
use serde::Serialize;

/// Why a document was not signed. All of these are faults of the program or of the machine, never of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The document would be longer than [`crate::MAX_TOKEN_BYTES`], and every verifier would refuse it.
    #[error("the document would be longer than 8192 bytes")]
    TooLarge,
    /// Every verifier would refuse the claims: wrong version, contradicting times, a number beyond 2^53 - 1.
    #[error("the document's claims contradict the profile")]
    Claims,
    /// The output did not verify or did not read back as what was signed: a fault in memory or in the encoder.
    #[error("the signed document did not verify")]
    SelfCheck,
}

/// Signs a document and returns its compact encoding, at most [`crate::MAX_TOKEN_BYTES`] long.
///
/// The output has been verified strictly and read back before it is returned, which catches encoder defects and memory
/// faults for the price of one verification. Whether `key` may sign such a document is for its holder to know; a
/// verifier checks it in the manifest.
pub fn sign<D: Document>(document: &D, key: &SigningKey) -> Result<String, SignError> {
    if document.contradicts_itself() {
        return Err(SignError::Claims);
    }
    let payload = serde_json::to_vec(document).map_err(|_| SignError::Claims)?;
    let token = sign_payload(D::PURPOSE.typ(), &payload, key);
    if token.len() > jws::MAX_TOKEN_BYTES {
        return Err(SignError::TooLarge);
    }
    let compact = jws::split(token.as_bytes()).map_err(|_| SignError::SelfCheck)?;
    let read_back: D = read_claims(&compact.payload).map_err(|_| SignError::Claims)?;
    if read_back != *document || !is_signed(&compact, &key.public_key()) {
        return Err(SignError::SelfCheck);
    }
    Ok(token)
}

fn is_signed(compact: &jws::Compact<'_>, key: &PublicKey) -> bool {
    compact.signature.as_slice().try_into().is_ok_and(|signature| key.verify_strict(compact.signed, signature))
}

/// Header, payload and signature in the compact encoding.
fn sign_payload(typ: &str, payload: &[u8], key: &SigningKey) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: &'a str,
        kid: &'a str,
        typ: &'a str,
    }
    // Three plain strings: nothing in them needs escaping.
    let kid = key.kid();
    let header = serde_json::to_vec(&Header { alg: jws::ALG, kid: kid.as_str(), typ }).unwrap_or_default();
    let mut token = jws::encode(&header);
    token.push('.');
    token.push_str(&jws::encode(payload));
    let signature = key.sign_bytes(token.as_bytes());
    token.push('.');
    token.push_str(&jws::encode(&signature));
    token
}
