//! Signatures of webhooks as Standard Webhooks 1.0.0 has them: `v1` is HMAC-SHA256 with a shared secret, `v1a` Ed25519. Both
//! are over `id.timestamp.body`, so that neither can be moved to another message or time.

use crate::{Error, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_domain::{Entropy, MessageId, UnixSeconds, entropy::random_bytes};
use holdfast_lease::SigningKey;
use sha2::Sha256;
use zeroize::Zeroizing;

const HALF: usize = 32;

/// What a webhook is signed with: an HMAC secret and an Ed25519 seed. No `Debug`.
pub struct Secrets(Zeroizing<[u8; 2 * HALF]>);

impl Secrets {
    /// New ones.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random_bytes(entropy)))
    }

    /// From the bytes that are sealed in the database.
    ///
    /// # Errors
    /// Where they are not as many.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.try_into().map_err(Error::internal)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The bytes to be sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// The shared secret as a receiver's library takes it: `whsec_…`.
    pub fn shared(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.hmac()))
    }

    /// The public key as a receiver's library takes it: `whpk_…`.
    pub fn public_key(&self) -> String {
        format!("whpk_{}", BASE64_STANDARD.encode(self.signing_key().public_key().to_bytes()))
    }

    /// Both signatures, as the header has them.
    pub fn sign(&self, id: MessageId, at: UnixSeconds, body: &str) -> String {
        let content = content(&id.to_string(), at, body);
        let asymmetric = BASE64_STANDARD.encode(self.signing_key().sign_bytes(content.as_bytes()));
        format!("{} v1a,{asymmetric}", v1(self.hmac(), &content))
    }

    fn hmac(&self) -> &[u8] {
        &self.0[..HALF]
    }

    fn signing_key(&self) -> SigningKey {
        let mut seed = Zeroizing::new([0; HALF]);
        seed.copy_from_slice(&self.0[HALF..]);
        SigningKey::from_seed(&seed)
    }
}

/// The bytes of a shared secret as [`Secrets::shared`] writes it; `None` for any other text.
pub(crate) fn shared_key(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64_STANDARD.decode(text.strip_prefix("whsec_")?).ok().map(Zeroizing::new)
}

/// The signatures with a shared secret that a header has.
pub(crate) fn shared_signatures(header: &str) -> impl Iterator<Item = Vec<u8>> {
    let v1 = header.split_whitespace().filter_map(|signature| signature.strip_prefix("v1,"));
    v1.filter_map(|signature| BASE64_STANDARD.decode(signature).ok())
}

/// What is signed.
fn content(id: &str, at: UnixSeconds, body: &str) -> String {
    format!("{id}.{at}.{body}")
}

fn v1(secret: &[u8], content: &str) -> String {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
    mac.update(content.as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_lease::PublicKey;

    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let content = content("msg_p5jXN8AQM9LWM0D4loKWxJek", UnixSeconds(1_614_265_330), r#"{"test": 2432232314}"#);
        assert_eq!(v1(&secret, &content), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn both_signatures_verify_and_only_over_the_same_id_time_and_body() {
        let secrets = Secrets::from_bytes(&(0..64).collect::<Vec<u8>>()).unwrap();
        let id = MessageId::from_bytes([7; 16]);
        let header = secrets.sign(id, UnixSeconds(1_767_225_600), "{}");
        let [hmac, ed25519] = header.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let shared = BASE64_STANDARD.decode(secrets.shared().strip_prefix("whsec_").unwrap()).unwrap();
        let public = BASE64_STANDARD.decode(secrets.public_key().strip_prefix("whpk_").unwrap()).unwrap();
        let public = PublicKey::from_bytes(&public).unwrap();
        let signature = BASE64_STANDARD.decode(ed25519.strip_prefix("v1a,").unwrap()).unwrap();
        let holds = |content: &str| {
            (
                v1(&shared, content) == hmac,
                public.verify_strict(content.as_bytes(), &signature.clone().try_into().unwrap()),
            )
        };
        assert_eq!(holds(&format!("{id}.1767225600.{{}}")), (true, true));
        for other in [format!("{id}.1767225601.{{}}"), format!("{id}.1767225600.{{ }}"), "x.1767225600.{}".to_owned()] {
            assert_eq!(holds(&other), (false, false), "{other}");
        }
    }
}
