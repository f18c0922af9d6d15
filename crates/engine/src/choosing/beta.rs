//! Draws from a Beta distribution with whole parameters, exactly, and the same everywhere.
//!
//! The a-th smallest of a + b - 1 uniform numbers is Beta(a, b) (David and Nagaraja, Order Statistics, 2003, section 2.1): no
//! logarithm and no power is needed, which differ between a browser and a server.

use keepset_wire::sha256;

/// Beyond so many outcomes a posterior is as narrow as it gets: older ones count for less.
const MOST: u64 = 2_000;

/// A Beta distribution of how often something succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beta {
    /// One more than the successes.
    a: u64,
    /// One more than the failures.
    b: u64,
}

impl Beta {
    /// What is believed of a share after so many successes and failures, where before any every share was as likely.
    #[must_use]
    pub fn after(successes: u64, failures: u64) -> Self {
        let (mut a, mut b) = (successes.min(1 << 40), failures.min(1 << 40));
        while a + b > MOST {
            (a, b) = (a / 2, b / 2);
        }
        Self { a: a + 1, b: b + 1 }
    }

    /// Tells whether the mean, a / (a + b), is larger than another's.
    #[must_use]
    pub fn is_better(self, other: Self) -> bool {
        self.a * (other.a + other.b) > other.a * (self.a + self.b)
    }

    /// Draws a share, in 2^-64ths.
    #[must_use]
    pub fn draw(self, draws: &mut Draws) -> u64 {
        let mut uniforms: Vec<u64> = (1..self.a + self.b).map(|_| draws.next()).collect();
        // At most MOST.
        let rank = usize::try_from(self.a - 1).unwrap_or(0);
        smallest(&mut uniforms, rank)
    }
}

/// Returns the number before which `rank` others come in order (Hoare's selection, 1961).
fn smallest(numbers: &mut [u64], rank: usize) -> u64 {
    let (mut low, mut high) = (0, numbers.len());
    // Each turn puts one number in its place.
    while high - low > 1 {
        let pivot = numbers[high - 1];
        let mut place = low;
        for index in low..high - 1 {
            if numbers[index] < pivot {
                numbers.swap(index, place);
                place += 1;
            }
        }
        numbers.swap(place, high - 1);
        match rank.cmp(&place) {
            std::cmp::Ordering::Less => high = place,
            std::cmp::Ordering::Equal => return pivot,
            std::cmp::Ordering::Greater => low = place + 1,
        }
    }
    numbers[low]
}

/// Uniform numbers made of a seed: SHA-256 of the seed and a counter, four at a time.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: [u8; 32],
    counter: u64,
    left: Vec<u64>,
}

impl Draws {
    /// Begins with a seed, which is to be used once.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0, left: Vec::new() }
    }

    /// Returns the next number, each of all 64 bits as likely as any.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        if self.left.is_empty() {
            let block = sha256(&[b"keepset choice 1", &self.seed, &self.counter.to_le_bytes()]);
            self.counter += 1;
            self.left = block
                .chunks_exact(8)
                .map(|word| word.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
                .collect();
        }
        self.left.pop().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    fn draws(seed: u8) -> Draws {
        Draws::new([seed; 32])
    }

    #[test]
    fn the_number_of_a_rank_is_the_one_that_sorting_gives() {
        let mut draws = draws(1);
        for length in 1..60 {
            // Few different numbers, so that some are equal.
            let numbers: Vec<u64> = (0..length).map(|_| draws.next() % 20).collect();
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            for (rank, expected) in sorted.iter().enumerate() {
                assert_eq!(smallest(&mut numbers.clone(), rank), *expected);
            }
        }
    }

    /// 20,000 draws of each, compared at 19 points with the distribution: a correct sampler fails in one of a million runs, and the
    /// seed is fixed.
    #[test]
    fn draws_follow_the_beta_distribution() {
        let number = 20_000;
        for (successes, failures) in [(0, 0), (1, 4), (7, 2), (30, 170)] {
            let mut draws = draws(7);
            let beta = Beta::after(successes, failures);
            let drawn: Vec<f64> =
                (0..number).map(|_| beta.draw(&mut draws) as f64 / 2_f64.powi(64)).collect();
            for point in (1..20).map(|twentieth| f64::from(twentieth) / 20.0) {
                let expected = at_most(successes + 1, failures + 1, point);
                let seen = drawn.iter().filter(|share| **share <= point).count() as f64 / f64::from(number);
                // Hoeffding: 2 exp(-2 n e^2) is below 1e-6 / 76 for e = 0.0213.
                assert!((seen - expected).abs() < 0.0213, "Beta({successes} + 1, {failures} + 1) at {point}");
            }
        }
    }

    /// The chance that at least `a` of a + b - 1 tosses succeed: the Beta distribution function for whole numbers.
    fn at_most(a: u64, b: u64, share: f64) -> f64 {
        let tosses = a + b - 1;
        let mut chance = (1.0 - share).powi(i32::try_from(tosses).unwrap());
        let mut below = 0.0;
        for successes in 0..a {
            below += chance;
            chance *= (tosses - successes) as f64 / (successes + 1) as f64 * share / (1.0 - share);
        }
        1.0 - below
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let beta = Beta::after(3, 9);
        assert_eq!(beta.draw(&mut draws(1)), beta.draw(&mut draws(1)));
        assert_ne!(beta.draw(&mut draws(1)), beta.draw(&mut draws(2)));
        // Frozen, as twelve lines of Python draw them: native code, Node and browsers do as well.
        assert_eq!(Draws::new([0; 32]).next(), 17_994_228_277_080_484_001);
        assert_eq!(beta.draw(&mut draws(1)), 5_519_454_542_490_969_987);
    }

    #[test]
    fn what_was_seen_too_often_to_count_keeps_its_mean() {
        let many = Beta::after(40_000, 360_000);
        assert!(many.a + many.b <= MOST + 2);
        assert!(!many.is_better(Beta::after(205, 1_795)) && many.is_better(Beta::after(150, 1_850)));
        assert!(Beta::after(u64::MAX, u64::MAX).a > 1);
        assert!(
            Beta::after(2, 7).is_better(Beta::after(1, 8)) && !Beta::after(2, 7).is_better(Beta::after(2, 7))
        );
    }
}
