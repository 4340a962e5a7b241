//! API tokens: `hf_sk_` and a secret with a checksum, so that scanners can tell a leaked one from a random string.

use crate::entropy::{Entropy, random_bytes};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

const PREFIX: &str = "hf_sk_";
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 32 characters of secret (160 bits) and 6 of checksum (30 bits).
const SECRET: usize = 32;
const CHECK: usize = 6;

/// An API token as its holder presents it. A secret: no `Display`, and `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken(String);

/// The text is not an API token: wrong prefix, length, alphabet or checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API token")]
pub struct ApiTokenError;

impl ApiToken {
    /// A new token with 160 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let random: [u8; SECRET] = random_bytes(entropy);
        let secret: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        let check = checksum(&secret);
        Self(format!("{PREFIX}{secret}{check}"))
    }

    /// The token's text, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database stores: SHA-256 of the text. The secret has 160 random bits, so no slow hash is needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The first characters, which may be shown to tell tokens apart.
    pub fn hint(&self) -> &str {
        &self.0[..PREFIX.len() + 4]
    }
}

impl FromStr for ApiToken {
    type Err = ApiTokenError;

    fn from_str(text: &str) -> Result<Self, ApiTokenError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ApiTokenError)?;
        if rest.len() != SECRET + CHECK || !rest.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Err(ApiTokenError);
        }
        let (secret, check) = rest.split_at(SECRET);
        if checksum(secret) == check { Ok(Self(text.to_owned())) } else { Err(ApiTokenError) }
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

fn checksum(secret: &str) -> String {
    let digest = Sha256::new().chain_update(PREFIX).chain_update(secret).finalize();
    digest.iter().take(CHECK).map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, dest: &mut [u8]) {
            for (at, byte) in dest.iter_mut().enumerate() {
                *byte = u8::try_from(at * 7 % 256).unwrap();
            }
        }
    }

    #[test]
    fn generated_tokens_parse_and_changed_ones_do_not() {
        let token = ApiToken::generate(&Fixed);
        assert_eq!(token.expose().parse(), Ok(token.clone()));
        for at in 0..token.expose().len() {
            let mut wrong = token.expose().as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'7' { b'8' } else { b'7' };
            assert!(String::from_utf8(wrong).unwrap().parse::<ApiToken>().is_err(), "byte {at}");
        }
        assert!(!format!("{token:?}").contains(token.hint()));
    }
}
