//! The exact integer weights of how many own cells an answer shares.

use super::super::{Channel, PairChannel};
use crate::coins::{Coins, NoEntropy};

/// How many sets of one size share each number of own cells, from 0 to the cap: over a factor common to all of them.
///
/// With `m` own cells among `n + m`, there are `C(m,h) C(n,k-h)` sets of size `k` that share `h`. Divided by the
/// factor `n! / (k! (n-k+m)!)` common to all `h`, that is `C(m,h) * k..(k-h+1) * (n-k+h+1)..(n-k+m)`: small whole
/// numbers whose products stay within 128 bits for every question a plan may hold.
pub(super) struct Sets {
    shared: Vec<u128>,
    cap: u16,
    others: u16,
    size: u16,
}

/// Whole-number weights, one for each number of shared cells from 0 to the cap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    shared: Vec<u128>,
    total: u128,
    cap: u16,
    others: u16,
    size: u16,
}

impl Sets {
    /// Counts the sets of `size` cells among `cap` own and `others` other ones. Nothing on overflow.
    pub(super) fn new(cap: u16, others: u16, size: u16) -> Option<Self> {
        let spare = others.checked_sub(size)?;
        let count = |shared: u16| {
            if shared > size {
                return Some(0);
            }
            let falling = (0..shared).map(|i| size - i);
            let rising = (shared + 1..=cap).map(|i| spare + i);
            falling
                .chain(rising)
                .try_fold(binomial(cap, shared), |product, factor| product.checked_mul(factor.into()))
        };
        Some(Self { shared: (0..=cap).map(count).collect::<Option<_>>()?, cap, others, size })
    }

    /// Weighs a set that shares at least `threshold` cells with `favoured`, the rest with `unit`. Nothing on overflow.
    pub(super) fn weigh(&self, favoured: u64, unit: u64, threshold: u16) -> Option<Weights> {
        let weigh = |(shared, count): (u16, &u128)| {
            count.checked_mul(if shared >= threshold { favoured } else { unit }.into())
        };
        let shared = (0..).zip(&self.shared).map(weigh).collect::<Option<Vec<_>>>()?;
        let total = shared.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight))?;
        Some(Weights { shared, total, cap: self.cap, others: self.others, size: self.size })
    }
}

impl Weights {
    /// Draws how many own cells an answer shares.
    pub(super) fn draw_shared(&self, coins: &mut impl Coins) -> Result<u16, NoEntropy> {
        let mut rest = coins.below(self.total)?;
        let mut drawn = None;
        // Every weight is looked at whatever was drawn, so that the time says nothing.
        for (shared, weight) in (0_u16..).zip(&self.shared) {
            let here = rest < *weight;
            if here && drawn.is_none() {
                drawn = Some(shared);
            }
            rest = rest.saturating_sub(*weight);
        }
        drawn.ok_or(NoEntropy)
    }

    /// The probability of each number of own cells that an answer can include.
    pub(super) fn shared(&self) -> Vec<f64> {
        let total = to_f64(self.total);
        (0..=self.size).zip(&self.shared).map(|(_, weight)| to_f64(*weight) / total).collect()
    }

    /// The inclusion probability of an own cell and of another cell.
    pub(super) fn channel(&self) -> Channel {
        let (mut own, mut other) = (0.0, 0.0);
        let total = to_f64(self.total);
        for (shared, weight) in (0_u16..=self.size).zip(&self.shared) {
            let probability = to_f64(*weight) / total;
            own += probability * f64::from(shared) / f64::from(self.cap);
            other += probability * f64::from(self.size - shared) / f64::from(self.others);
        }
        Channel { p: own, q: other }
    }

    /// The probability that an answer includes both of two cells: by symmetry a share of the pairs in sets of one kind.
    pub(super) fn pairs(&self) -> PairChannel {
        let (own, other) = (f64::from(self.cap), f64::from(self.others));
        let mut pairs = PairChannel { neither: 0.0, one: 0.0, both: 0.0 };
        let total = to_f64(self.total);
        for (shared, weight) in (0_u16..=self.size).zip(&self.shared) {
            let probability = to_f64(*weight) / total;
            let (inside, outside) = (f64::from(shared), f64::from(self.size - shared));
            pairs.one += probability * (inside / own) * (outside / other);
            // A pair of two cells is there only where there are two; the products are 0 otherwise, whatever they are divided by.
            pairs.both += probability * inside * (inside - 1.0) / (own * (own - 1.0)).max(1.0);
            pairs.neither += probability * outside * (outside - 1.0) / (other * (other - 1.0)).max(1.0);
        }
        pairs
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&[u128], u128) {
        (&self.shared, self.total)
    }
}

/// Rounds a weight once; the same operation, and so the same bits, on every target.
#[expect(clippy::cast_precision_loss)]
fn to_f64(weight: u128) -> f64 {
    weight as f64
}

fn binomial(n: u16, k: u16) -> u128 {
    (0..k).fold(1, |product, i| product * u128::from(n - i) / u128::from(i + 1))
}
