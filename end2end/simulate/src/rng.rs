//! Seeded randomness: the same seed gives the same run, on every machine.

/// A small generator (`SplitMix64`): enough to spread habits and faults, and of no use for keys.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The generator of one of many things that share a seed, independent of the others'.
    pub fn of(seed: u64, index: u64) -> Self {
        Self(mix(seed ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next 32 bits.
    pub fn bits32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.bits().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// The next 16 bits.
    pub fn bits16(&mut self) -> u16 {
        let [a, b, ..] = self.bits().to_be_bytes();
        u16::from_be_bytes([a, b])
    }

    /// A number from `from` up to and without `to`; `from` where the range is empty.
    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to.saturating_sub(from)).unwrap_or(0);
        let part = (u128::from(self.bits()) * u128::from(span)) >> 64;
        from.saturating_add(i64::try_from(part).unwrap_or(0))
    }

    /// An index below `count`; 0 where there is none.
    pub fn index(&mut self, count: usize) -> usize {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        usize::try_from(self.within(0, count)).unwrap_or(0)
    }

    /// True in `per_mille` of a thousand cases.
    pub fn chance(&mut self, per_mille: i64) -> bool {
        self.within(0, 1_000) < per_mille
    }
}

/// Spreads the bits of a number.
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_numbers_stay_in_their_range() {
        let (mut a, mut b) = (Rng::of(7, 1), Rng::of(7, 1));
        let drawn: Vec<i64> = (0..1_000).map(|_| a.within(-5, 5)).collect();
        assert!(drawn.iter().all(|number| (-5..5).contains(number)));
        assert!((-5..5).all(|number| drawn.contains(&number)));
        assert_eq!(drawn, (0..1_000).map(|_| b.within(-5, 5)).collect::<Vec<_>>());
        assert_ne!(Rng::of(7, 2).bits(), Rng::of(7, 1).bits());
    }
}
