//! The counts: per epoch and question, how many reports and how many votes for each counter.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Counts that tell whether reports are honest, of every window, by its first epoch, question and group of reports that has any.
pub type Checks = BTreeMap<(Epoch, u16, Arc<str>), Tally>;

/// Where the number of reports stands among the counters of a check.
const REPORTS: i32 = -1;

/// Lists checks as the rows of a table: a counter each, and one with the number of reports.
pub(super) fn check_rows(checks: &Checks) -> impl Iterator<Item = (Epoch, u16, &str, i32, u64)> {
    checks.iter().flat_map(|((epoch, question, part), tally)| {
        let votes = tally.votes().map(|(counter, votes)| (i32::from(counter), votes));
        let all = std::iter::once((REPORTS, tally.reports)).chain(votes);
        all.map(|(counter, votes)| (*epoch, *question, &**part, counter, votes))
    })
}

/// Takes in such a row.
pub(super) fn read_check(checks: &mut Checks, key: (Epoch, u16, Arc<str>), counter: i32, votes: u64) {
    let tally = checks.entry(key).or_default();
    match u16::try_from(counter) {
        Ok(counter) => tally.vote(counter, votes),
        Err(_) => tally.reports += votes,
    }
}
