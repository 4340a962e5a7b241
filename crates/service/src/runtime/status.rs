//! How a node fares, for health checks and metrics, and the test it makes of itself at its start.

use crate::{Error, ErrorCode, Result, Service, runtime::keys};
use holdfast_domain::{Seconds, Timestamp, UnixSeconds, entropy::random_bytes};
use holdfast_lease::{Expectations, Keyring, ManifestKey, RevocationList, SigningKey, claims, sign, verify};
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

/// How a node's runtime part fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeStatus {
    /// Whether the node lacks the master key: it can verify but not sign.
    pub sealed: bool,
    /// How long ago the node last knew that it had heard of every change; absent before the first time.
    pub feed_age: Option<Seconds>,
    /// The number of the last change it heard of.
    pub feed_position: i64,
    /// How many seats, licenses, keys and products it remembers.
    pub cache_entries: usize,
    /// How many seats' "last seen" wait to be written.
    pub pending_touches: usize,
    /// How many were dropped for want of room since the start.
    pub dropped_touches: u64,
    /// When a batch of them was last written.
    pub flushed_at: Option<Timestamp>,
    /// How many denials it signed since the start.
    pub denials: u64,
    /// How many renewals it granted to seats that the database does not have: a sign of a restored backup.
    pub unknown_seats: u64,
    /// How many leases it carried on without the database since the start.
    pub carried_on: u64,
    /// When it last knew what the database says; absent before the first time.
    pub known_at: Option<Timestamp>,
}

/// What a node's test of itself found to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// How many stored signing keys were opened and compared with their public keys.
    pub keys_checked: usize,
    /// Whether the node lacks the master key.
    pub sealed: bool,
}

impl Service {
    /// How this node's runtime part fares. Asks nobody.
    pub fn runtime_status(&self) -> RuntimeStatus {
        let state = self.state();
        let flushed = state.flushed_at.load(Ordering::Relaxed);
        RuntimeStatus {
            sealed: self.is_sealed(),
            feed_age: state.feed.age(),
            feed_position: state.feed.position(),
            cache_entries: state.hot.len(),
            pending_touches: state.touches.len(),
            dropped_touches: state.touches.dropped(),
            flushed_at: (flushed != 0).then(|| Timestamp::from_micros(flushed)),
            denials: state.denials.load(Ordering::Relaxed),
            unknown_seats: state.unknown_seats.load(Ordering::Relaxed),
            carried_on: state.continuity.leases(),
            known_at: self.known_at(),
        }
    }

    /// Whether the node lacks the master key.
    pub fn is_sealed(&self) -> bool {
        self.vault().is_err()
    }

    /// Signs and verifies a document with a fresh key, and opens a few of the stored signing keys with the master key.
    ///
    /// Fails with [`ErrorCode::Internal`] where cryptography misbehaves or a stored key does not fit its public half,
    /// with [`ErrorCode::Sealed`] where the master key is another than the one that sealed the keys, and with
    /// [`ErrorCode::Unavailable`] where the database cannot be asked.
    pub async fn self_test(&self) -> Result<SelfTest> {
        let now = self.now().seconds();
        check_signing(&random_bytes(self.entropy()), now)?;
        let Ok(vault) = self.vault() else { return Ok(SelfTest { keys_checked: 0, sealed: true }) };
        let mut keys_checked = 0;
        for row in self.sample_signing_keys().await? {
            if keys::open(vault, &row)?.is_some() {
                keys_checked += 1;
            }
        }
        Ok(SelfTest { keys_checked, sealed: false })
    }
}

fn check_signing(seed: &[u8; 32], now: UnixSeconds) -> Result<()> {
    let seed = Zeroizing::new(*seed);
    check_key(&SigningKey::from_seed(&seed), now)
}

/// Makes sure that what `key` signs verifies, and that a damaged copy of it does not.
pub(crate) fn check_key(key: &SigningKey, now: UnixSeconds) -> Result<()> {
    let list = RevocationList {
        v: claims::VERSION,
        iss: "self-test".to_owned(),
        aud: "self-test".to_owned(),
        iat: now,
        exp: now,
        seq: 1,
        licenses: Vec::new(),
        seats: Vec::new(),
    };
    let token = sign(&list, key).map_err(Error::internal)?;
    let keyring = Keyring::load(&[ManifestKey::issuing(key.public_key(), "self-test")]).map_err(Error::internal)?;
    let read = verify::<RevocationList>(token.as_bytes(), &keyring, Expectations::product("self-test"));
    if read.map_err(Error::internal)? != list {
        return Err(Error::internal("a signed document reads back as another"));
    }
    let mut damaged = token.into_bytes();
    if let Some(last) = damaged.last_mut() {
        *last = if *last == b'A' { b'Q' } else { b'A' };
    }
    match verify::<RevocationList>(&damaged, &keyring, Expectations::NONE) {
        Err(_) => Ok(()),
        Ok(_) => Err(Error::new(ErrorCode::Internal).with_source("a damaged document verifies")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_passes_its_own_test() {
        for seed in [[1; 32], [0; 32], [255; 32]] {
            assert!(check_signing(&seed, UnixSeconds(1_760_000_000)).is_ok());
        }
    }
}
