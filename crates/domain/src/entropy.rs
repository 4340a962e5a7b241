//! Where randomness comes from: an argument, so that a test can repeat a run exactly.

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `dest` with random bytes. A production source is the operating system's cryptographic generator and ends
    /// the process rather than hand out predictable bytes.
    fn fill(&self, dest: &mut [u8]);
}

/// `N` random bytes from `source`.
pub fn random_bytes<const N: usize>(source: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    source.fill(&mut bytes);
    bytes
}
