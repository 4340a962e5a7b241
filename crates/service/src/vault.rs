//! Seals secrets under the master key, and makes the keyed hash by which license keys are looked up.
//!
//! Sealed bytes are `version(1) key-id(4) nonce(24) ciphertext tag(16)`, XChaCha20-Poly1305 with the purpose and the
//! identity of the row as associated data: what was sealed for one row or one use opens in no other (architecture,
//! "Keys"). The key id says which master key sealed it, so that a new one can be introduced while the old one still
//! opens what it sealed.

use crate::error::{Error, ErrorCode};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use holdfast_domain::{Entropy, LicenseKey, entropy::random_bytes};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// What a secret is for. Part of the associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The seed of a vendor's root key; row identity: the signing key's id.
    RootSeed,
    /// The seed of a product's issuing key; row identity: the signing key's id.
    IssuingSeed,
    /// The seed of a gateway's key; row identity: the product's id and the gateway's kind.
    GatewaySeed,
    /// A license key's own bytes; row identity: the license's id.
    LicenseKey,
    /// The stored answer of an act with an idempotency key; row identity: that key's row.
    IdempotentAnswer,
    /// A row of an import, which has a license key in it; row identity: the import's id and the line.
    ImportRow,
    /// What a webhook is signed with; row identity: the webhook's id.
    WebhookSecrets,
    /// What a node keeps on its own disk to survive the loss of the database; row identity: what it is.
    NodeState,
    /// The secret of an authenticator app; row identity: the factor's id.
    TotpSecret,
    /// What a vendor proves itself to its identity provider with; row identity: the vendor's id.
    ProviderSecret,
    /// The verifier of a sign-in that is under way at a provider; row identity: the hash of its state.
    SignInVerifier,
    /// What a shop's messages are signed with; row identity: the shop's id.
    ShopSecret,
    /// What a shop's provider is asked with; row identity: the shop's id.
    ShopApiKey,
    /// What a mail says that has a link, code or key in it; row identity: the mail's id.
    Mail,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RootSeed => b"root-seed",
            Self::IssuingSeed => b"issuing-seed",
            Self::GatewaySeed => b"gateway-seed",
            Self::LicenseKey => b"license-key",
            Self::IdempotentAnswer => b"idempotent-answer",
            Self::ImportRow => b"import-row",
            Self::WebhookSecrets => b"webhook-secrets",
            Self::NodeState => b"node-state",
            Self::TotpSecret => b"totp-secret",
            Self::ProviderSecret => b"provider-secret",
            Self::SignInVerifier => b"sign-in-verifier",
            Self::ShopSecret => b"shop-secret",
            Self::ShopApiKey => b"shop-api-key",
            Self::Mail => b"mail",
        }
    }

    fn associated_data(self, row: &[u8]) -> Vec<u8> {
        [b"holdfast-seal-v1\0", self.label(), b"\0", row].concat()
    }
}

/// The text or the bytes are not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 random bytes: raw, as 64 hex digits, or as base64")]
pub struct MasterKeyError;

/// The 32 bytes everything is sealed under. Wiped from memory when dropped; no `Display`, and `Debug` shows its id only.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random_bytes(entropy)))
    }

    /// Parses the contents of a key file, or of an environment variable: 32 raw bytes, 64 hex digits, or base64 (either
    /// alphabet, padded or not), white space around a text form ignored. Refuses a key whose bytes are all the same.
    pub fn parse(contents: &[u8]) -> Result<Self, MasterKeyError> {
        let bytes = <[u8; 32]>::try_from(contents).ok().or_else(|| parse_text(contents)).ok_or(MasterKeyError)?;
        let bytes = Zeroizing::new(bytes);
        if bytes.iter().all(|byte| *byte == bytes[0]) { Err(MasterKeyError) } else { Ok(Self(bytes)) }
    }

    /// The form that [`MasterKey::parse`] reads and that a key file holds: 64 hex digits and a line feed.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(65));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text.push('\n');
        text
    }

    /// A name for the key that tells nothing about it: 8 hex digits.
    pub fn id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.short_id()))
    }

    fn short_id(&self) -> [u8; KEY_ID] {
        let full = self.derive(b"holdfast-master-key-id-v1");
        [full[0], full[1], full[2], full[3]]
    }

    /// A sub key for one use, by HMAC-SHA256 over its name.
    fn derive(&self, name: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(&self.0, name))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

fn parse_text(contents: &[u8]) -> Option<[u8; 32]> {
    use base64::engine::{Engine as _, GeneralPurpose, general_purpose::NO_PAD};
    let text = std::str::from_utf8(contents).ok()?.trim();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let mut bytes = [0; 32];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        return Some(bytes);
    }
    let plain = text.trim_end_matches('=');
    [base64::alphabet::STANDARD, base64::alphabet::URL_SAFE].iter().find_map(|alphabet| {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        engine.decode(plain).ok().map(Zeroizing::new)?.as_slice().try_into().ok()
    })
}

fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length, so the error arm cannot be reached; an all-zero answer would match no row.
    Hmac::<Sha256>::new_from_slice(key)
        .map_or([0; 32], |mac| hmac::Mac::chain_update(mac, message).finalize().into_bytes().into())
}

/// A secret cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Shorter than any sealed secret, or of an unknown version.
    #[error("these are not sealed bytes")]
    Form,
    /// Sealed under a master key that this node does not have.
    #[error("sealed under master key {0:02x?}, which this node does not have")]
    OtherKey([u8; KEY_ID]),
    /// Damaged, or sealed for another row or purpose.
    #[error("the sealed bytes are damaged or belong elsewhere")]
    Damaged,
}

impl From<OpenError> for Error {
    /// A master key that is missing is the operator's to bring; damage is a defect of ours. Neither is a "no".
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::OtherKey(_) => Self::new(ErrorCode::Sealed).with_source(error),
            OpenError::Form | OpenError::Damaged => Self::internal(error),
        }
    }
}

struct Ring {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
    lookup: Zeroizing<[u8; 32]>,
}

impl Ring {
    fn new(key: &MasterKey) -> Self {
        let sealing = key.derive(b"holdfast-sealing-v1");
        Self {
            id: key.short_id(),
            cipher: XChaCha20Poly1305::new((&*sealing).into()),
            lookup: key.derive(b"holdfast-license-key-lookup-v1"),
        }
    }
}

/// Seals and opens secrets. Built from the master key in force and any older ones that still open what they sealed.
pub struct Vault {
    current: Ring,
    older: Vec<Ring>,
}

impl Vault {
    /// A vault that seals under `key`.
    pub fn new(key: &MasterKey) -> Self {
        Self { current: Ring::new(key), older: Vec::new() }
    }

    /// The same, also opening what `key` sealed.
    #[must_use]
    pub fn with_older(mut self, key: &MasterKey) -> Self {
        self.older.push(Ring::new(key));
        self
    }

    /// Seals `secret` for `purpose` and the row of identity `row`, under the current master key.
    pub fn seal(&self, purpose: Purpose, row: &[u8], secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE] = random_bytes(entropy);
        let aad = purpose.associated_data(row);
        let body = self
            .current
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &aad })
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[VERSION], self.current.id.as_slice(), nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed for `purpose` and `row`, under whichever of the known master keys sealed it.
    pub fn open(&self, purpose: Purpose, row: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (header, body) = sealed.split_at_checked(HEADER).ok_or(OpenError::Form)?;
        let (version, rest) = header.split_first().ok_or(OpenError::Form)?;
        let (id, nonce) = rest.split_first_chunk::<KEY_ID>().ok_or(OpenError::Form)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).map_err(|_| OpenError::Form)?;
        if *version != VERSION {
            return Err(OpenError::Form);
        }
        let ring = self.rings().find(|ring| ring.id == *id).ok_or(OpenError::OtherKey(*id))?;
        let aad = purpose.associated_data(row);
        let secret = ring.cipher.decrypt(&XNonce::from(nonce), Payload { msg: body, aad: &aad });
        secret.map(Zeroizing::new).map_err(|_| OpenError::Damaged)
    }

    /// Whether `sealed` should be sealed anew, because another than the current master key sealed it.
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_ID).is_some_and(|id| id != self.current.id)
    }

    /// The keyed hash by which a license key is stored and found: HMAC-SHA256 of its normal form.
    pub fn key_hash(&self, key: &LicenseKey) -> [u8; 32] {
        hmac_sha256(&self.current.lookup, key.normal_form().as_bytes())
    }

    /// Every keyed hash under which a license key may be stored: the current one first, then those of older master keys.
    pub fn key_hashes(&self, key: &LicenseKey) -> Vec<[u8; 32]> {
        self.rings().map(|ring| hmac_sha256(&ring.lookup, key.normal_form().as_bytes())).collect()
    }

    fn rings(&self) -> impl Iterator<Item = &Ring> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:02x?}, {} older)", self.current.id, self.older.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::OsEntropy;

    fn master(byte: u8) -> MasterKey {
        let mut bytes = [byte; 32];
        bytes[31] ^= 0xff;
        MasterKey::parse(&bytes).unwrap()
    }

    #[test]
    fn every_form_of_a_master_key_is_read() {
        use base64::prelude::*;
        let key = MasterKey::generate(&OsEntropy);
        let text = key.to_text();
        let hex = text.trim();
        let raw: Vec<u8> = hex
            .as_bytes()
            .chunks(2)
            .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
            .collect();
        for form in [
            raw.clone(),
            text.as_bytes().to_vec(),
            format!("  {}\r\n", hex.to_uppercase()).into_bytes(),
            BASE64_STANDARD.encode(&raw).into_bytes(),
            BASE64_URL_SAFE_NO_PAD.encode(&raw).into_bytes(),
        ] {
            assert_eq!(MasterKey::parse(&form).unwrap().id(), key.id());
        }
        for bad in [&raw[..31], &hex.as_bytes()[..63], b"", &[0u8; 32], b"correct horse battery staple"] {
            assert!(MasterKey::parse(bad).is_err());
        }
    }

    #[test]
    fn a_secret_opens_only_for_its_own_row_and_purpose() {
        let vault = Vault::new(&master(1));
        let sealed = vault.seal(Purpose::IssuingSeed, b"row-a", b"secret", &OsEntropy).unwrap();
        assert_eq!(vault.open(Purpose::IssuingSeed, b"row-a", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(vault.open(Purpose::IssuingSeed, b"row-b", &sealed), Err(OpenError::Damaged));
        assert_eq!(vault.open(Purpose::RootSeed, b"row-a", &sealed), Err(OpenError::Damaged));
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        assert_ne!(sealed, vault.seal(Purpose::IssuingSeed, b"row-a", b"secret", &OsEntropy).unwrap());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let vault = Vault::new(&master(1));
        let sealed = vault.seal(Purpose::LicenseKey, b"row", b"secret", &OsEntropy).unwrap();
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[at] ^= 1;
            assert!(vault.open(Purpose::LicenseKey, b"row", &wrong).is_err(), "byte {at}");
            assert!(vault.open(Purpose::LicenseKey, b"row", &sealed[..at]).is_err(), "length {at}");
        }
    }

    #[test]
    fn an_older_master_key_still_opens_and_a_foreign_one_says_so() {
        let sealed = Vault::new(&master(1)).seal(Purpose::RootSeed, b"row", b"secret", &OsEntropy).unwrap();
        let foreign = Vault::new(&master(2));
        assert!(matches!(foreign.open(Purpose::RootSeed, b"row", &sealed), Err(OpenError::OtherKey(_))));
        assert_eq!(Error::from(OpenError::OtherKey([0; 4])).code, ErrorCode::Sealed);
        let rotated = foreign.with_older(&master(1));
        assert_eq!(rotated.open(Purpose::RootSeed, b"row", &sealed).unwrap().as_slice(), b"secret");
        assert!(rotated.is_outdated(&sealed));
        let anew = rotated.seal(Purpose::RootSeed, b"row", b"secret", &OsEntropy).unwrap();
        assert!(!rotated.is_outdated(&anew));
    }

    #[test]
    fn the_lookup_hash_depends_on_the_normal_form_and_the_master_key_alone() {
        let hash = |vault: &Vault, text: &str| vault.key_hash(&LicenseKey::parse(text).unwrap());
        let (one, two) = (Vault::new(&master(1)), Vault::new(&master(2)));
        assert_eq!(hash(&one, "ab12-cd34-ef56"), hash(&one, " AB12CD34EF56 "));
        assert_ne!(hash(&one, "AB12-CD34-EF56"), hash(&one, "AB12-CD34-EF57"));
        assert_ne!(hash(&one, "AB12-CD34-EF56"), hash(&two, "AB12-CD34-EF56"));
        let old = hash(&one, "AB12-CD34-EF56");
        let rotated = two.with_older(&master(1));
        assert_eq!(rotated.key_hashes(&LicenseKey::parse("AB12-CD34-EF56").unwrap())[1], old);
    }
}
