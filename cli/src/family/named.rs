//! The values that are named to a person: those of the highest scores.

use std::collections::BTreeSet;

/// So many values are named to a person.
pub(super) const NAMED: usize = 10;

/// The values of the highest scores among those offered so far, each with its score.
#[derive(Clone, Debug, Default)]
pub(super) struct Named(Vec<(f64, usize)>);

impl Named {
    /// Takes a value in where it scores higher than one that is named. Values are offered in their order: of equal scores the first stays.
    pub(super) fn offer(&mut self, score: f64, value: usize) {
        let place = self.0.partition_point(|(named, _)| named.total_cmp(&score).is_ge());
        if place < NAMED {
            self.0.insert(place, (score, value));
            self.0.truncate(NAMED);
        }
    }

    /// Whether one of them is in a basket.
    pub(super) fn hits(&self, basket: &BTreeSet<usize>) -> bool {
        self.0.iter().any(|(_, value)| basket.contains(value))
    }
}
