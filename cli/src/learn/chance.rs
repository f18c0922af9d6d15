//! Chance from a seed: the same everywhere, in any order of calls that is the same.

use crate::fleet::mix;

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Chance(u64, u64);

impl Chance {
    /// Begins the stream of a seed and a purpose.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(mix(seed ^ mix(purpose)), 0)
    }

    /// Draws a place in `0..length`.
    pub fn below(&mut self, length: usize) -> usize {
        // Below `length`, which is a usize.
        usize::try_from((u128::from(self.bits()) * length as u128) >> 64).unwrap_or(0)
    }

    /// Draws so many of the places in `0..length`, each at most once, in rising order.
    pub fn some(&mut self, length: usize, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..length).collect();
        let count = count.min(length);
        for place in 0..count {
            let other = place + self.below(length - place);
            places.swap(place, other);
        }
        places.truncate(count);
        places.sort_unstable();
        places
    }

    /// Deals places in `0..length` out in an order of chance.
    pub fn shuffled(&mut self, length: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..length).collect();
        for place in (1..length).rev() {
            let other = self.below(place + 1);
            places.swap(place, other);
        }
        places
    }

    fn bits(&mut self) -> u64 {
        self.1 = self.1.wrapping_add(1);
        mix(self.0.wrapping_add(mix(self.1)))
    }
}
