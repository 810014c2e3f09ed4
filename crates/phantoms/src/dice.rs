//! Chance, made repeatable: every number that shapes a phantom comes from a [`Dice`] whose seed is
//! derived from the library's seed, the case and the purpose, so that a change in one place does
//! not move what is drawn in another.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of repeatable choices.
pub(crate) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// A stream of its own for `purpose` within case `index` of the library of `seed`.
    pub(crate) fn new(seed: u64, index: u64, purpose: u64) -> Self {
        let mixed = mix(mix(mix(seed) ^ index) ^ purpose);
        Self {
            rng: ChaCha8Rng::seed_from_u64(mixed),
        }
    }

    /// A number between `low` and `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.rng.random::<f32>()
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn count(&mut self, low: u32, high: u32) -> u32 {
        self.rng.random_range(low..=high)
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.rng.random::<f32>() < p
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.rng.random_range(0..items.len())]
    }

    /// Roughly normal, mean 0 and deviation 1 (the sum of four even numbers).
    pub(crate) fn bell(&mut self) -> f32 {
        let sum: f32 = (0..4).map(|_| self.rng.random::<f32>()).sum();
        (sum - 2.0) * 1.732
    }

    /// 64 fresh bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.random::<u64>()
    }
}

/// A 64-bit mixing step (SplitMix64): nearby inputs give unrelated outputs.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
