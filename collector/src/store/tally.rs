//! The counts: per epoch and question, how many reports and how many votes for each counter.

use std::collections::BTreeMap;

use keepset_wire::Epoch;

/// The counts of one question in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// How many reports answered it.
    pub reports: u64,
    /// Per counter of the question, how many answers raised it: held a cell, or for overlaps two.
    pub support: Vec<u64>,
}

impl Tally {
    /// Adds `votes` for a counter.
    pub fn vote(&mut self, counter: u16, votes: u64) {
        let counter = usize::from(counter);
        if self.support.len() <= counter {
            self.support.resize(counter + 1, 0);
        }
        self.support[counter] += votes;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.reports += other.reports;
        other.votes().for_each(|(counter, votes)| self.vote(counter, votes));
    }

    /// Returns every counter that has votes.
    pub fn votes(&self) -> impl Iterator<Item = (u16, u64)> {
        (0..).zip(&self.support).filter(|(_, votes)| **votes > 0).map(|(counter, votes)| (counter, *votes))
    }
}

/// The counts of every epoch and question that has any.
pub type Tallies = BTreeMap<(Epoch, u16), Tally>;
