//! Why a document or a key is refused, under the names that every implementation shares.

/// One refusal of the lease profile ("What a parser refuses, and the name of each refusal").
///
/// The variants are in the order in which the checks are made; the first that applies is the answer. [`Self::code`] is
/// the stable name used by the test vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// A key that is not 32 bytes, not canonical, not a point, or of small order. Found when the key is loaded, before
    /// any document is looked at.
    #[error("the public key is not a usable Ed25519 key")]
    KeyInvalid,
    /// More than [`crate::MAX_TOKEN_BYTES`] in all.
    #[error("the document is longer than 8192 bytes")]
    TooLarge,
    /// Not exactly three segments separated by `.`, or an empty one.
    #[error("the document does not consist of three segments")]
    Segments,
    /// A segment is not unpadded, canonical base64url.
    #[error("a segment is not canonical base64url without padding")]
    Base64,
    /// The header is not exactly a JSON object of the three string members `alg`, `kid`, `typ`.
    #[error("the header does not have exactly the members alg, kid and typ")]
    Header,
    /// `typ` is that of another kind of document.
    #[error("the document is of another type")]
    Typ,
    /// No key with this `kid` is known. The document is unknown, not bad: fetch a newer key manifest.
    #[error("the signing key is not known")]
    KidUnknown,
    /// `alg` is not the algorithm of the key found.
    #[error("the algorithm is not that of the key")]
    Alg,
    /// The key may not sign this kind of document, or not for this product, or is revoked.
    #[error("the key must not be used for this document")]
    KeyUse,
    /// The signature is not 64 bytes.
    #[error("the signature is not 64 bytes long")]
    SignatureLength,
    /// Strict Ed25519 verification failed.
    #[error("the signature is wrong")]
    Signature,
    /// The payload is not the strict JSON of the profile.
    #[error("the payload is not a JSON object of the profile")]
    Payload,
    /// `v` is greater than 1: the application is too old to read the document.
    #[error("the document needs a newer version of this software")]
    Version,
    /// A required claim is missing, null or of the wrong type, or the times contradict each other.
    #[error("a required claim is missing or wrong")]
    Claims,
    /// The document was signed at a time at which its key was not valid.
    #[error("the key was not valid when the document was signed")]
    KeyTime,
    /// `aud` is another product.
    #[error("the document belongs to another product")]
    Product,
    /// `sub` is another license.
    #[error("the document belongs to another license")]
    License,
    /// `dev` is another device.
    #[error("the document belongs to another device")]
    Device,
}

impl Refusal {
    /// Every refusal, in the order of the checks.
    pub const ALL: [Self; 18] = [
        Self::KeyInvalid,
        Self::TooLarge,
        Self::Segments,
        Self::Base64,
        Self::Header,
        Self::Typ,
        Self::KidUnknown,
        Self::Alg,
        Self::KeyUse,
        Self::SignatureLength,
        Self::Signature,
        Self::Payload,
        Self::Version,
        Self::Claims,
        Self::KeyTime,
        Self::Product,
        Self::License,
        Self::Device,
    ];

    /// The stable name, as in the profile's table and in the test vectors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyInvalid => "key_invalid",
            Self::TooLarge => "too_large",
            Self::Segments => "segments",
            Self::Base64 => "base64",
            Self::Header => "header",
            Self::Typ => "typ",
            Self::KidUnknown => "kid_unknown",
            Self::Alg => "alg",
            Self::KeyUse => "key_use",
            Self::SignatureLength => "signature_length",
            Self::Signature => "signature",
            Self::Payload => "payload",
            Self::Version => "version",
            Self::Claims => "claims",
            Self::KeyTime => "key_time",
            Self::Product => "product",
            Self::License => "license",
            Self::Device => "device",
        }
    }

    /// The refusal of this stable name, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> serde::Deserialize<'de> for Refusal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom("not the name of a refusal"))
    }
}
