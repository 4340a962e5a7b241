//! The compact encoding: three segments, strict base64url, a header of exactly three members.

use crate::{
    json::{self, Value},
    refusal::Refusal,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::borrow::Cow;

/// The longest document in bytes, all three segments and both dots counted.
pub const MAX_TOKEN_BYTES: usize = 8_192;

/// The one algorithm of the profile (RFC 9864).
pub(crate) const ALG: &str = "Ed25519";

/// The base64url alphabet.
pub(crate) const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of canonical, unpadded base64url; [`Refusal::Base64`] for padding, white space, foreign characters, an
/// impossible length and non-zero trailing bits.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Base64)
}

/// A token cut into its parts, nothing verified yet.
pub(crate) struct Compact<'a> {
    /// The bytes under the signature: header, dot, payload, as received.
    pub signed: &'a [u8],
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Cuts and decodes a token: the refusals `too_large`, `segments` and `base64`.
pub(crate) fn split(token: &[u8]) -> Result<Compact<'_>, Refusal> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Refusal::TooLarge);
    }
    let mut segments = token.split(|byte| *byte == b'.');
    let (Some(header), Some(payload), Some(signature), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(Refusal::Segments);
    };
    if header.is_empty() || payload.is_empty() || signature.is_empty() {
        return Err(Refusal::Segments);
    }
    let signed = &token[..=header.len() + payload.len()];
    Ok(Compact { signed, header: decode(header)?, payload: decode(payload)?, signature: decode(signature)? })
}

/// The protected header of a document. Until the document is verified, these are the sender's claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The algorithm the document claims.
    pub alg: Cow<'a, str>,
    /// The name of the key that signed.
    pub kid: Cow<'a, str>,
    /// The kind of document.
    pub typ: Cow<'a, str>,
}

/// Reads the header strictly: exactly `alg`, `kid` and `typ`, each a string; everything else is [`Refusal::Header`].
pub(crate) fn parse_header(bytes: &[u8]) -> Result<Header<'_>, Refusal> {
    let (mut alg, mut kid, mut typ) = (None, None, None);
    for (name, value) in json::parse_object(bytes).map_err(|_| Refusal::Header)? {
        let Value::String(text) = value else { return Err(Refusal::Header) };
        match name.as_ref() {
            "alg" => alg = Some(text),
            "kid" => kid = Some(text),
            "typ" => typ = Some(text),
            _ => return Err(Refusal::Header),
        }
    }
    match (alg, kid, typ) {
        (Some(alg), Some(kid), Some(typ)) => Ok(Header { alg, kid, typ }),
        _ => Err(Refusal::Header),
    }
}

/// The header of a token **without verifying anything**: for logs, and for telling which kind of document a file
/// holds before [`crate::verify`] is called. Refuses what cannot be cut, decoded or read.
pub fn peek_header(token: &[u8]) -> Result<Header<'static>, Refusal> {
    let compact = split(token)?;
    let header = parse_header(&compact.header)?;
    Ok(Header {
        alg: header.alg.into_owned().into(),
        kid: header.kid.into_owned().into(),
        typ: header.typ.into_owned().into(),
    })
}
