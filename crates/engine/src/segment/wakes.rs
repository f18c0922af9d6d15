//! When each of many things must be looked at again, and which is first.

/// Later than every instant.
const NEVER: i64 = i64::MAX;

/// One instant per place, in a tree whose every knot holds the earlier of its two: setting one costs as many steps as
/// the tree is high, and the first of all is at the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Wakes {
    tree: Vec<i64>,
    leaves: usize,
}

impl Wakes {
    pub(super) fn new(places: usize) -> Self {
        let leaves = places.next_power_of_two();
        Self { tree: vec![NEVER; 2 * leaves], leaves }
    }

    pub(super) fn set(&mut self, place: usize, instant: Option<i64>) {
        let mut knot = self.leaves + place;
        self.tree[knot] = instant.unwrap_or(NEVER);
        while knot > 1 {
            knot /= 2;
            let earlier = self.tree[2 * knot].min(self.tree[2 * knot + 1]);
            if self.tree[knot] == earlier {
                return;
            }
            self.tree[knot] = earlier;
        }
    }

    /// Returns the earliest instant.
    pub(super) fn first(&self) -> Option<i64> {
        self.tree.get(1).copied().filter(|instant| *instant != NEVER)
    }

    /// Calls `due` with every place whose instant is at or before `now`.
    pub(super) fn due(&self, now: i64, mut due: impl FnMut(usize)) {
        self.due_below(1, now, &mut due);
    }

    fn due_below(&self, knot: usize, now: i64, due: &mut impl FnMut(usize)) {
        if self.tree.get(knot).is_some_and(|instant| *instant <= now) {
            if knot >= self.leaves {
                due(knot - self.leaves);
            } else {
                self.due_below(2 * knot, now, due);
                self.due_below(2 * knot + 1, now, due);
            }
        }
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
            let mut wakes = Wakes::new(places);
            let mut plain = vec![None; places];
            assert_eq!(wakes.first(), None);
            for step in 0..1_000_usize.min(places * 50) {
                let (place, instant) = (step * 7 % places, (step * step * 31 % 97) as i64);
                plain[place] = (instant > 20).then_some(instant);
                wakes.set(place, plain[place]);
                assert_eq!(wakes.first(), plain.iter().flatten().min().copied());
                let mut due = Vec::new();
                wakes.due(50, |place| due.push(place));
                due.sort_unstable();
                let expected: Vec<usize> =
                    (0..places).filter(|p| plain[*p].is_some_and(|at| at <= 50)).collect();
                assert_eq!(due, expected);
            }
        }
    }
}
