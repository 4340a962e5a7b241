//! The published test vectors (`vectors/lease-v1.json`): their form, and how to run one against this crate.

use crate::{
    claims::{Denial, Document, KeyStatus, KeyUse, Lease, ManifestKey, Purpose, RevocationList},
    keyring::Keyring,
    refusal::Refusal,
    verify::{Expectations, verify},
};
use holdfast_domain::UnixSeconds;
use serde::{Deserialize, Serialize};

/// A vector file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VectorFile {
    /// `holdfast-lease v1`.
    pub profile: String,
    /// The vectors.
    pub vectors: Vec<Vector>,
}

/// One vector: a document, what the verifier knows and expects, and what it must answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vector {
    /// Unique, in kebab case.
    pub name: String,
    /// What it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The `typ` the verifier expects.
    pub typ: String,
    /// The document.
    pub token: String,
    /// The keys the verifier knows: issuing keys, or for a key manifest the pinned root keys.
    pub keys: Vec<VectorKey>,
    /// The expected product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The expected license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The expected device hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The moment at which a lease is judged, in seconds since the Unix epoch.
    #[serde(default)]
    pub now: UnixSeconds,
    /// The answer.
    pub expect: Answer,
}

/// A key of a vector: an entry of a manifest. A root key, of which there are some where a manifest is verified, has none
/// of the uses of an issuing key; the published vectors give it the use `keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorKey {
    /// The key's name.
    pub kid: String,
    /// The raw public key in base64url.
    pub x: String,
    /// The product; absent for a root key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// What it may sign.
    #[serde(rename = "use", default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// Documents signed before are not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixSeconds>,
    /// Documents signed after are not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<UnixSeconds>,
    /// `active`, `retiring` or `revoked`; absent means active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What a verifier answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The document is refused under this name.
    Error(Refusal),
    /// The document is verified, and this is what it says.
    Verdict(String),
}

impl Vector {
    /// Runs the vector and returns this crate's answer, to be compared with [`Self::expect`].
    pub fn run(&self) -> Answer {
        self.verdict().map_or_else(Answer::Error, Answer::Verdict)
    }

    fn verdict(&self) -> Result<String, Refusal> {
        let keyring = self.keyring()?;
        let expect = Expectations {
            product: self.product.as_deref(),
            license: self.license.as_deref(),
            device: self.device.as_deref(),
        };
        let token = self.token.as_bytes();
        let verified = || "verified".to_owned();
        match Purpose::from_typ(&self.typ) {
            Some(Purpose::Lease) => {
                let lease: Lease = verify(token, &keyring, expect)?;
                // The verdict is a unit variant, so its JSON is a plain string.
                let verdict = serde_json::to_value(lease.verdict(self.now)).unwrap_or_default();
                Ok(verdict.as_str().unwrap_or_default().to_owned())
            }
            Some(Purpose::Denial) => verify::<Denial>(token, &keyring, expect).map(|_| verified()),
            Some(Purpose::Revocations) => verify::<RevocationList>(token, &keyring, expect).map(|_| verified()),
            Some(Purpose::Keys) => verify::<crate::KeyManifest>(token, &keyring, expect).map(|_| verified()),
            None => Err(Refusal::Typ),
        }
    }

    fn keyring(&self) -> Result<Keyring, Refusal> {
        let is_manifest = Purpose::from_typ(&self.typ) == Some(Purpose::Keys);
        let entries: Vec<ManifestKey> = self.keys.iter().map(VectorKey::entry).collect();
        // The root keys are those that may sign nothing else.
        let is_root = |entry: &ManifestKey| is_manifest && entry.uses.iter().all(|usage| *usage == KeyUse::Unknown);
        let (roots, issuing): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_root);
        let mut keyring = Keyring::load(&issuing)?;
        for root in &roots {
            keyring.add_root(root)?;
        }
        Ok(keyring)
    }
}

impl VectorKey {
    fn entry(&self) -> ManifestKey {
        ManifestKey {
            kid: self.kid.clone(),
            x: self.x.clone(),
            aud: self.aud.clone(),
            uses: self
                .uses
                .iter()
                .map(|name| match name.as_str() {
                    "lease" => KeyUse::Lease,
                    "denial" => KeyUse::Denial,
                    "revocations" => KeyUse::Revocations,
                    _ => KeyUse::Unknown,
                })
                .collect(),
            nbf: self.nbf,
            exp: self.exp,
            status: match self.status.as_deref() {
                Some("revoked") => KeyStatus::Revoked,
                Some("retiring") => KeyStatus::Retiring,
                _ => KeyStatus::Active,
            },
        }
    }
}

/// The `typ` of a document kind, for makers of vectors.
pub const fn typ<D: Document>() -> &'static str {
    D::PURPOSE.typ()
}
