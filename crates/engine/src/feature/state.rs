//! What a memory holds: a short list of pairs of whole numbers.
//!
//! One shape for every kind: one codec in the snapshot, one way to write a change of it, one cap on its size. What
//! the pairs mean is said at each kind; mostly a date, as the kind counts dates, and an amount.

use serde::{Deserialize, Serialize};

/// Pairs in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State(Vec<(i64, i64)>);

impl State {
    /// Lists the pairs.
    pub(crate) fn rows(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// Gives the pairs to a kind that keeps their order itself.
    pub(crate) fn rows_mut(&mut self) -> &mut Vec<(i64, i64)> {
        &mut self.0
    }

    /// Joins `amount` to that of `key`.
    pub(super) fn merge(&mut self, key: i64, amount: i64, join: fn(i64, i64) -> i64) {
        // Nearly always the latest key.
        let place = match self.0.last() {
            Some((last, _)) if *last < key => Err(self.0.len()),
            Some((last, _)) if *last == key => Ok(self.0.len() - 1),
            _ => self.0.binary_search_by_key(&key, |(kept, _)| *kept),
        };
        match place {
            Ok(found) => self.0[found].1 = join(self.0[found].1, amount),
            Err(place) => self.0.insert(place, (key, amount)),
        }
    }

    /// Puts `amount` at `key`.
    pub(super) fn put(&mut self, key: i64, amount: i64) {
        self.merge(key, amount, |_, new| new);
    }

    /// Returns the amount at `key`.
    pub(super) fn get(&self, key: i64) -> Option<i64> {
        self.0.binary_search_by_key(&key, |(kept, _)| *kept).ok().map(|found| self.0[found].1)
    }

    /// Lists the pairs whose keys lie from `low` up to, not including, `high`.
    pub(super) fn between(&self, low: i64, high: i64) -> &[(i64, i64)] {
        // Pairs outside are few and lie at the ends.
        let begin = self.0.iter().take_while(|(key, _)| *key < low).count();
        let end = self.0.len() - self.0[begin..].iter().rev().take_while(|(key, _)| *key >= high).count();
        &self.0[begin..end]
    }

    /// Drops the pairs whose keys lie from `marks` up to, not including, `low`.
    pub(super) fn drop_before(&mut self, marks: i64, low: i64) {
        let marked = self.0.iter().take_while(|(key, _)| *key < marks).count();
        let out = self.0[marked..].iter().take_while(|(key, _)| *key < low).count();
        if out > 0 {
            self.0.drain(marked..marked + out);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
