//! A count-min sketch (Cormode and Muthukrishnan 2005) with conservative update (Estan and Varghese 2002): how often each key was
//! seen, without a list of keys.
//!
//! A count is never too low. After `n` keys of which some were seen again and again, it is too high by more than `e n / WIDTH` for at
//! most one key in `e^DEPTH = 54`; conservative update makes it smaller still.
//!
//! # Privacy
//! The places of a key follow from a salt that is drawn by chance and forgotten with the counts: whoever has no copy of this memory
//! finds no key in it. Whoever has one can try keys for as long as it is not forgotten, which is two minutes at most.

use keepset_wire::sha256;

/// How many rows there are: a key has one place in each.
const DEPTH: usize = 4;
/// How many places a row has: 2 MB for all rows.
const WIDTH: usize = 1 << 17;

/// Counts of keys.
pub(super) struct Sketch {
    salt: [u8; 32],
    counts: Vec<u32>,
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The salt stays out of every text.
        formatter.write_str("Sketch")
    }
}

impl Sketch {
    pub(super) fn new(salt: [u8; 32]) -> Self {
        Self { salt, counts: vec![0; DEPTH * WIDTH] }
    }

    /// Forgets everything, and the salt with it. The next one is made of both: were `fresh` no chance at all, the old one could still
    /// not be found from it.
    pub(super) fn renew(&mut self, fresh: [u8; 32]) {
        self.salt = sha256(&[b"keepset sketch salt 1", &self.salt, &fresh]);
        self.counts.fill(0);
    }

    /// Counts a key once more and returns its count.
    pub(super) fn add(&mut self, key: &[u8]) -> u32 {
        let places = self.places(key);
        let least = places.iter().filter_map(|place| self.counts.get(*place)).min().copied().unwrap_or(0);
        let count = least.saturating_add(1);
        for place in places {
            if let Some(held) = self.counts.get_mut(place) {
                *held = count.max(*held);
            }
        }
        count
    }

    /// Returns the place of a key in each row: eight bytes each of one digest.
    fn places(&self, key: &[u8]) -> [usize; DEPTH] {
        let digest = sha256(&[&self.salt, key]);
        std::array::from_fn(|row| {
            let word = digest
                .iter()
                .skip(8 * row)
                .take(8)
                .fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
            row * WIDTH + word % WIDTH
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 400,000 requests of 100,000 keys, of which 100 are seen 1,000 times: the bound is `e n / WIDTH = 8.3`, and at most one key in 54 may
    /// pass it. Fixed salt, so the outcome is one and the same.
    #[test]
    fn a_count_is_never_too_low_and_seldom_too_high_by_more_than_the_bound() {
        let mut sketch = Sketch::new([7; 32]);
        let (keys, heavy) = (100_000_u32, 100_u32);
        let times = |key: u32| if key < heavy { 1_000 } else { 3 };
        for round in 0..1_000 {
            (0..keys).filter(|key| round < times(*key)).for_each(|key| {
                sketch.add(&key.to_be_bytes());
            });
        }
        let n = f64::from((0..keys).map(times).sum::<u32>());
        let bound = std::f64::consts::E * n / 131_072.0;
        // Looking is counting once more.
        let mut excess = |key: u32| f64::from(sketch.add(&key.to_be_bytes())) - 1.0 - f64::from(times(key));
        let sample: Vec<f64> = (0..1_000).map(&mut excess).collect();
        assert!(sample.iter().all(|excess| *excess >= 0.0));
        let over = sample.iter().filter(|excess| **excess > bound).count();
        assert!(over <= 1_000 / 54, "{over}");
    }

    #[test]
    fn nothing_of_a_period_is_left_in_the_next_one() {
        let mut sketch = Sketch::new([7; 32]);
        let (before, salt) = (sketch.places(b"key"), sketch.salt);
        assert_eq!((sketch.add(b"key"), sketch.add(b"key")), (1, 2));
        sketch.renew([0; 32]);
        assert_ne!(sketch.salt, salt, "even without any chance");
        assert_ne!(sketch.places(b"key"), before);
        assert!(sketch.counts.iter().all(|count| *count == 0));
        assert_eq!(sketch.add(b"key"), 1);
    }
}
