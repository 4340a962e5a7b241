//! The keys a verifier trusts: issuing keys out of a manifest, root keys pinned in the application.

use crate::{
    claims::{KeyManifest, KeyStatus, KeyUse, ManifestKey, Purpose},
    key::PublicKey,
    refusal::Refusal,
};
use holdfast_domain::UnixSeconds;

/// One loaded key with the conditions on its use.
#[derive(Clone, Debug)]
pub(crate) struct TrustedKey {
    kid: String,
    pub key: PublicKey,
    scope: Scope,
    nbf: Option<UnixSeconds>,
    exp: Option<UnixSeconds>,
    revoked: bool,
}

/// What a key may sign.
#[derive(Clone, Debug)]
enum Scope {
    /// Key manifests.
    Root,
    /// Documents of a product.
    Issuing { aud: Option<String>, uses: Vec<KeyUse> },
}

impl TrustedKey {
    fn issuing(entry: &ManifestKey) -> Result<Self, Refusal> {
        Ok(Self {
            kid: entry.kid.clone(),
            key: PublicKey::from_b64u(&entry.x)?,
            scope: Scope::Issuing { aud: entry.aud.clone(), uses: entry.uses.clone() },
            nbf: entry.nbf,
            // A key that may never sign would not be listed, so 0 stands for "no end", as in the profile's own example.
            exp: entry.exp.filter(|exp| exp.0 != 0),
            revoked: entry.status == KeyStatus::Revoked,
        })
    }

    fn root(key: PublicKey) -> Self {
        Self { kid: key.kid().to_string(), key, scope: Scope::Root, nbf: None, exp: None, revoked: false }
    }

    /// Whether the key's product is the expected one. A key without a product, and a verifier without an expectation,
    /// match everything.
    fn is_for_product(&self, product: Option<&str>) -> bool {
        match (&self.scope, product) {
            (Scope::Issuing { aud: Some(aud), .. }, Some(product)) => aud == product,
            _ => true,
        }
    }

    fn may_sign(&self, purpose: Purpose) -> bool {
        match &self.scope {
            Scope::Root => purpose == Purpose::Keys,
            Scope::Issuing { uses, .. } => KeyUse::of(purpose).is_some_and(|needed| uses.contains(&needed)),
        }
    }

    /// Whether the key might sign at `iat`; both bounds are inclusive.
    pub fn covers(&self, iat: UnixSeconds) -> bool {
        self.nbf.is_none_or(|nbf| nbf <= iat) && self.exp.is_none_or(|exp| iat <= exp)
    }
}

/// Issuing keys, loaded and checked once, for any number of verifications.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<TrustedKey>,
}

impl Keyring {
    /// Loads issuing keys; [`Refusal::KeyInvalid`] if any of them is weak or malformed.
    pub fn load(entries: &[ManifestKey]) -> Result<Self, Refusal> {
        Ok(Self { keys: entries.iter().map(TrustedKey::issuing).collect::<Result<_, _>>()? })
    }

    /// The usable keys of a verified manifest. A key that cannot be loaded is left out: documents it signed are then of
    /// an unknown key, and one bad entry does not take the others with it.
    pub fn from_manifest(manifest: &KeyManifest) -> Self {
        Self {
            keys: manifest
                .keys
                .iter()
                .filter(|entry| entry.status != KeyStatus::Unknown)
                .filter_map(|entry| TrustedKey::issuing(entry).ok())
                .collect(),
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key of this name is known, usable or not.
    pub fn knows(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// The key of this name, if it is allowed to sign such a document of such a product.
    ///
    /// One key may be listed for several products or uses, each in an entry of its own. An entry that revokes it for
    /// the product wins over any that does not. Called after the caller has made sure that the name is known.
    pub(crate) fn usable(&self, kid: &str, purpose: Purpose, product: Option<&str>) -> Result<&TrustedKey, Refusal> {
        let mut found = None;
        for key in self.keys.iter().filter(|key| key.kid == kid && key.is_for_product(product)) {
            if key.revoked {
                return Err(Refusal::KeyUse);
            }
            if found.is_none() && key.may_sign(purpose) {
                found = Some(key);
            }
        }
        found.ok_or(Refusal::KeyUse)
    }

    /// Adds a root key in the form of an entry, for a verifier that is given all its keys in one list (the test
    /// vectors). Its uses and product mean nothing; its times and status do.
    pub(crate) fn add_root(&mut self, entry: &ManifestKey) -> Result<(), Refusal> {
        self.keys.push(TrustedKey { scope: Scope::Root, ..TrustedKey::issuing(entry)? });
        Ok(())
    }
}

/// The vendor's root keys, pinned in the application: one, or two while the root changes. They verify key manifests
/// and nothing else.
#[derive(Clone, Debug)]
pub struct RootKeys {
    keyring: Keyring,
}

impl RootKeys {
    /// One root key.
    pub fn one(key: PublicKey) -> Self {
        Self { keyring: Keyring { keys: vec![TrustedKey::root(key)] } }
    }

    /// Two root keys, while the root changes.
    pub fn two(first: PublicKey, second: PublicKey) -> Self {
        Self { keyring: Keyring { keys: vec![TrustedKey::root(first), TrustedKey::root(second)] } }
    }

    /// Root keys in base64url, as an application has them in its source; [`Refusal::KeyInvalid`] unless there are one
    /// or two and each is a sound key.
    pub fn parse(keys: &[impl AsRef<str>]) -> Result<Self, Refusal> {
        match keys {
            [only] => Ok(Self::one(PublicKey::from_b64u(only.as_ref())?)),
            [first, second] => {
                Ok(Self::two(PublicKey::from_b64u(first.as_ref())?, PublicKey::from_b64u(second.as_ref())?))
            }
            _ => Err(Refusal::KeyInvalid),
        }
    }

    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}
