//! The stored documents, verified.

use super::{Setup, State};
use crate::{
    claims::{Denial, Document, KeyManifest, Lease},
    keyring::Keyring,
    refusal::Refusal,
    verify::{Expectations, verify, verify_manifest},
};
use holdfast_domain::Seconds;

/// What of a state can be relied on.
#[derive(Default)]
pub(super) struct Stored {
    pub manifest: Option<KeyManifest>,
    /// The keys of the newest manifest: those that verify what comes in.
    pub keyring: Keyring,
    /// The keys of the manifest kept for the stored lease.
    lease_keyring: Keyring,
    pub lease: Option<Lease>,
    /// Why a stored lease cannot be used.
    pub lease_refusal: Option<Refusal>,
    /// A denial that the lease has not overcome.
    pub denial: Option<Denial>,
}

impl Stored {
    /// Documents that were verified elsewhere.
    pub fn verified(lease: Option<Lease>, denial: Option<Denial>) -> Self {
        let denial = denial.filter(|denial| !is_overcome(lease.as_ref(), denial));
        Self { lease, denial, ..Self::default() }
    }

    pub fn load(setup: Setup<'_>, state: &State) -> Self {
        let manifest = |token: &Option<String>| {
            token.as_ref().and_then(|token| verify_manifest(token.as_bytes(), setup.roots).ok())
        };
        let newest = manifest(&state.manifest);
        let mut stored = Self {
            keyring: newest.as_ref().map(Keyring::from_manifest).unwrap_or_default(),
            lease_keyring: manifest(&state.lease_manifest).as_ref().map(Keyring::from_manifest).unwrap_or_default(),
            manifest: newest,
            ..Self::default()
        };
        let expect = Expectations::product(setup.product).device(setup.device);
        match state.lease.as_ref().map(|token| stored.read::<Lease>(token, expect)) {
            None => {}
            Some(Ok(lease)) => stored.lease = Some(lease),
            Some(Err(refusal)) => stored.lease_refusal = Some(refusal),
        }
        stored.denial = state.denial.as_ref().and_then(|token| {
            let license = stored.lease.as_ref().map(|lease| lease.sub.as_str());
            let denial: Denial = stored.read(token, Expectations { license, ..expect }).ok()?;
            (!is_overcome(stored.lease.as_ref(), &denial)).then_some(denial)
        });
        stored
    }

    /// Verifies a stored document with the newest keys, or with those kept for it.
    fn read<D: Document>(&self, token: &str, expect: Expectations<'_>) -> Result<D, Refusal> {
        verify(token.as_bytes(), &self.keyring, expect)
            .or_else(|refusal| verify(token.as_bytes(), &self.lease_keyring, expect).map_err(|_| refusal))
    }

    /// The stored lease's whole span; 0 without one.
    pub fn span(&self) -> Seconds {
        self.lease.as_ref().map_or(Seconds(0), Lease::span)
    }
}

/// Whether a lease came after the denial.
fn is_overcome(lease: Option<&Lease>, denial: &Denial) -> bool {
    lease.is_some_and(|lease| lease.seq > denial.seq)
}
