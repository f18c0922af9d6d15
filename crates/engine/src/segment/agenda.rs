//! What must be looked at now, and when each of many things must be looked at again.

use keepset_wire::Timestamp;

/// Later than every instant.
const NEVER: i64 = i64::MAX;

/// A set of small numbers, a bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn new(most: usize) -> Self {
        Self(vec![0; most.div_ceil(64)])
    }

    pub(super) fn add(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn add_each(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.0[number / 64] |= 1 << (number % 64);
        }
    }

    pub(super) fn remove(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    pub(super) fn has(&self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 == 1
    }

    /// Takes the smallest out.
    pub(super) fn next(&mut self) -> Option<usize> {
        let (word, bits) = self.0.iter_mut().enumerate().find(|(_, bits)| **bits != 0)?;
        let number = word * 64 + bits.trailing_zeros() as usize;
        *bits &= *bits - 1;
        Some(number)
    }

    /// Returns the smallest that is no smaller than `from`.
    pub(super) fn first_from(&self, from: usize) -> Option<usize> {
        let rest = self.0.get(from / 64)? & (u64::MAX << (from % 64));
        let words = std::iter::once(rest).chain(self.0[from / 64 + 1..].iter().copied());
        let (word, bits) = (from / 64..).zip(words).find(|(_, bits)| *bits != 0)?;
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }
}

/// A set of places, and one instant per place.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    /// The places to be looked at.
    pub(super) marks: Marks,
    /// The instants, in a tree whose every knot holds the earlier of its two: setting one costs as many steps as the tree is
    /// high, and the first of all is at the root.
    tree: Vec<i64>,
    leaves: usize,
}

impl Agenda {
    pub(super) fn new(places: usize) -> Self {
        let leaves = places.next_power_of_two();
        Self { marks: Marks::new(places), tree: vec![NEVER; 2 * leaves], leaves }
    }

    /// Notes every place whose instant is at or before `now`.
    pub(super) fn add_due(&mut self, now: Timestamp) {
        self.add_due_below(1, now.millis());
    }

    fn add_due_below(&mut self, knot: usize, now: i64) {
        if self.tree.get(knot).is_some_and(|instant| *instant <= now) {
            if knot >= self.leaves {
                self.marks.add(knot - self.leaves);
            } else {
                self.add_due_below(2 * knot, now);
                self.add_due_below(2 * knot + 1, now);
            }
        }
    }

    /// Forgets every place and every instant.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
        self.tree.fill(NEVER);
    }

    /// Says when a place must be looked at again by itself.
    pub(super) fn set(&mut self, place: usize, instant: Option<i64>) {
        let (mut knot, mut earliest) = (self.leaves + place, instant.unwrap_or(NEVER));
        while self.tree[knot] != earliest {
            self.tree[knot] = earliest;
            if knot > 1 {
                earliest = earliest.min(self.tree[knot ^ 1]);
                knot /= 2;
            }
        }
    }

    /// Returns the instant of a place, as milliseconds.
    pub(super) fn instant(&self, place: usize) -> i64 {
        self.tree[self.leaves + place]
    }

    /// Returns a place whose instant is the earliest, if that is no later than `by`.
    pub(super) fn first(&self, by: Timestamp) -> Option<usize> {
        let earliest = self.tree.get(1).filter(|instant| **instant <= by.millis())?;
        let mut knot = 1;
        while knot < self.leaves {
            knot = 2 * knot + usize::from(self.tree[2 * knot] != *earliest);
        }
        Some(knot - self.leaves)
    }

    /// Returns the earliest instant; the end of time when there is none.
    pub(super) fn wake(&self) -> Timestamp {
        Timestamp::MIN.saturating_add(self.tree[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use crate::test;

    #[test]
    fn the_first_is_the_smallest_whatever_was_set_before() {
        for places in [0, 1, 2, 5, 100] {
            let mut agenda = Agenda::new(places);
            let mut plain = vec![None; places];
            assert_eq!(agenda.wake(), Timestamp::MAX);
            for step in 0..1_000_usize.min(places * 50) {
                let (place, instant) = (step * 7 % places, (step * step * 31 % 97) as i64);
                plain[place] = (instant > 20).then_some(instant);
                agenda.set(place, plain[place]);
                let first = plain.iter().flatten().min();
                let of_first = agenda.first(Timestamp::MAX).and_then(|place: usize| plain[place]);
                assert_eq!(of_first, first.copied());
                assert_eq!(agenda.wake().millis(), first.copied().unwrap_or(Timestamp::MAX.millis()));
                agenda.add_due(Timestamp::from_millis(50).unwrap());
                let due: Vec<usize> = std::iter::from_fn(|| agenda.marks.next()).collect();
                let expected: Vec<usize> =
                    (0..places).filter(|p| plain[*p].is_some_and(|at| at <= 50)).collect();
                assert_eq!(due, expected);
            }
        }
    }
}
