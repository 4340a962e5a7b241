//! License files: what a license grants, signed to be kept without a network, in Keygen's certificate format.

use base64::prelude::*;
use holdfast_domain::entropy::random_bytes;
use holdfast_service::{Error, runtime::gateway::Gateway, system::OsEntropy};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long a line of base64 is.
const LINE: usize = 60;

/// What a file's contents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// As they are.
    Plain,
    /// Encrypted with the license key.
    Encrypted,
}

impl Algorithm {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "base64+ed25519",
            Self::Encrypted => "aes-256-gcm+ed25519",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Plain, Self::Encrypted].into_iter().find(|known| known.as_str() == name)
    }
}

/// The file with `contents` for whoever has the license key `key`.
///
/// # Errors
/// As [`Gateway::sign`].
pub fn certificate(gateway: &Gateway, contents: &Value, key: &str, algorithm: Algorithm) -> Result<String, Error> {
    let contents = contents.to_string();
    let enc = match algorithm {
        Algorithm::Plain => BASE64_STANDARD.encode(contents),
        Algorithm::Encrypted => encrypt(contents.into_bytes(), key)?,
    };
    let sig = BASE64_STANDARD.encode(gateway.sign(format!("license/{enc}").as_bytes())?);
    let whole = BASE64_STANDARD.encode(json!({ "enc": enc, "sig": sig, "alg": algorithm.as_str() }).to_string());
    let mut file = "-----BEGIN LICENSE FILE-----\n".to_owned();
    for line in whole.as_bytes().chunks(LINE) {
        file.extend(line.iter().copied().map(char::from));
        file.push('\n');
    }
    file.push_str("-----END LICENSE FILE-----\n");
    Ok(file)
}

/// `ciphertext.nonce.tag`, each in base64, under the hash of the license key.
fn encrypt(mut contents: Vec<u8>, key: &str) -> Result<String, Error> {
    let failed = |_| Error::internal("a license file could not be encrypted");
    let secret = UnboundKey::new(&AES_256_GCM, &Sha256::digest(key)).map_err(failed)?;
    let nonce: [u8; 12] = random_bytes(&OsEntropy);
    let tag = LessSafeKey::new(secret)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut contents)
        .map_err(failed)?;
    let parts = [contents.as_slice(), &nonce, tag.as_ref()].map(|part| BASE64_STANDARD.encode(part));
    Ok(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_file_opens_with_the_license_key_alone() {
        let text = encrypt(b"contents".to_vec(), "KEY-1").unwrap();
        let parts: Vec<Vec<u8>> = text.split('.').map(|part| BASE64_STANDARD.decode(part).unwrap()).collect();
        let open = |key: &str| {
            let secret = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &Sha256::digest(key)).unwrap());
            let nonce = Nonce::assume_unique_for_key(parts[1].clone().try_into().unwrap());
            let mut sealed = [parts[0].clone(), parts[2].clone()].concat();
            secret.open_in_place(nonce, Aad::empty(), &mut sealed).map(|plain| plain.to_vec()).ok()
        };
        assert_eq!(open("KEY-1").as_deref(), Some(b"contents".as_slice()));
        assert_eq!(open("KEY-2"), None);
    }
}
