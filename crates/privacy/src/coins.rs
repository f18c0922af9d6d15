//! Where chance comes from: OpenDP's samplers in the field, a seed in simulations and tests.

use std::fmt;

use opendp::traits::samplers::{fill_bytes, sample_uniform_uint_below};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// There is no entropy to draw from, so there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gives no randomness")
    }
}

impl std::error::Error for NoEntropy {}

/// A source of chance, handed to whatever draws.
pub trait Coins {
    /// Fills `bytes` with uniformly random bytes.
    ///
    /// # Errors
    /// [`NoEntropy`] when the source fails; `bytes` are then not to be used.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy>;

    /// Draws a whole number uniformly from `0..upper`; 0 when `upper` is 0. From the same bytes it is what OpenDP's
    /// `sample_uniform_uint_below` draws: 16 bytes a try.
    ///
    /// # Errors
    /// [`NoEntropy`] when the source fails.
    fn below(&mut self, upper: u128) -> Result<u128, NoEntropy> {
        if upper == 0 {
            return Ok(0);
        }
        // The largest multiple of `upper` that fits: below it, the remainder is uniform.
        let limit = u128::MAX - u128::MAX % upper;
        loop {
            let mut bytes = [0; 16];
            self.fill(&mut bytes)?;
            let draw = u128::from_le_bytes(bytes);
            if draw < limit {
                return Ok(draw % upper);
            }
        }
    }

    /// Draws 32 bytes.
    ///
    /// # Errors
    /// [`NoEntropy`] when the source fails.
    fn secret(&mut self) -> Result<[u8; 32], NoEntropy> {
        let mut secret = [0; 32];
        self.fill(&mut secret)?;
        Ok(secret)
    }

    /// Draws a uniformly random order of `items` in place, with one draw per item but the first (Fisher-Yates).
    ///
    /// # Errors
    /// [`NoEntropy`] when the source fails.
    fn shuffle(&mut self, items: &mut [u16]) -> Result<(), NoEntropy> {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u128 + 1)?;
            // At most `last`, which is a usize.
            items.swap(last, usize::try_from(chosen).unwrap_or(last));
        }
        Ok(())
    }
}

/// The system's randomness through OpenDP's samplers.
#[derive(Debug)]
pub struct SystemCoins(());

impl SystemCoins {
    /// Opens the source and checks that it is alive: two draws of 32 bytes differ and neither is all zeros.
    ///
    /// # Errors
    /// [`NoEntropy`] when it is not. A sound source fails the check with probability below 2^-254.
    pub fn open() -> Result<Self, NoEntropy> {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        fill_bytes(&mut first).map_err(|_| NoEntropy)?;
        fill_bytes(&mut second).map_err(|_| NoEntropy)?;
        let alive = first != second && first != [0; 32] && second != [0; 32];
        if alive { Ok(Self(())) } else { Err(NoEntropy) }
    }
}

impl Coins for SystemCoins {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        fill_bytes(bytes).map_err(|_| NoEntropy)
    }

    fn below(&mut self, upper: u128) -> Result<u128, NoEntropy> {
        if upper == 0 {
            return Ok(0);
        }
        sample_uniform_uint_below::<u128, 16>(upper).map_err(|_| NoEntropy)
    }
}

/// A seeded source: the same seed gives the same draws.
///
/// # Privacy
/// None: whoever knows the seed knows the noise. For simulations and tests only.
#[derive(Debug)]
pub struct SeededCoins(StdRng);

impl SeededCoins {
    /// Starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Starts from counts: the same counts are to give the same page, and what is drawn here is no secret.
    pub(crate) fn of_counts(counts: &[u64]) -> Self {
        Self::new(counts.iter().fold(0, |sum: u64, count| sum.wrapping_mul(31).wrapping_add(*count)))
    }
}

impl Coins for SeededCoins {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn every_order_of_four_items_is_drawn_equally_often() {
        // 24 orders, 24,000 draws of a fixed seed: chi-square with 23 degrees of freedom exceeds 62 with probability 2e-5.
        let mut coins = SeededCoins::new(1);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..24_000 {
            let mut order = [0, 1, 2, 3];
            coins.shuffle(&mut order).unwrap();
            *counts.entry(order).or_insert(0_i32) += 1;
        }
        let chi_square: f64 =
            counts.values().map(|count| f64::from((count - 1_000) * (count - 1_000)) / 1_000.0).sum();
        assert_eq!(counts.len(), 24);
        assert!(chi_square < 62.0, "{chi_square}");
    }

    #[test]
    fn the_system_source_opens_and_stays_within_its_bound() {
        let mut coins = SystemCoins::open().unwrap();
        assert!((0..1_000).all(|_| coins.below(7).unwrap() < 7));
        assert_eq!(coins.below(0), Ok(0));
    }
}
