//! What a kind of store does, and what is the same in every kind.

use std::fmt;

use keepset_wire::Epoch;

use super::{Added, StoreError, Tallies};
use crate::admit::Admitted;

/// One connection to a store, used by one thread; several of one store may be used side by side.
pub(super) trait Engine: Send {
    /// Counts the reports of several requests in one transaction and returns when it is durable; a request is counted whole or not at all.
    ///
    /// # Errors
    /// When nothing of any request is known to be counted.
    fn count(&mut self, requests: &[Vec<Admitted>]) -> Result<Outcomes, Broken>;

    /// Closes every epoch below `epoch` for ever.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn close_before(&mut self, epoch: Epoch) -> Result<(), Broken>;

    /// Forgets some ids of closed windows; tells whether there may be more.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget_some(&mut self) -> Result<bool, Broken>;

    /// Returns every count, as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tallies(&mut self) -> Result<Tallies, Broken>;
}

/// What became of each request, in their order.
pub(super) type Outcomes = Vec<Result<Added, StoreError>>;

/// The engine's own words when it failed.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What requests come to when they are counted.
pub(super) struct Settled {
    /// What to answer each.
    pub(super) outcomes: Outcomes,
    /// What to add to the counts.
    pub(super) tallies: Tallies,
}

/// Goes through requests in their order: refuses whole those with a closed epoch, and counts each report of the others that `is_new`.
pub(super) fn settle<E>(
    requests: &[Vec<Admitted>],
    closed_before: Epoch,
    mut is_new: impl FnMut(&Admitted) -> Result<bool, E>,
) -> Result<Settled, E> {
    let mut settled = Settled { outcomes: Vec::with_capacity(requests.len()), tallies: Tallies::new() };
    for request in requests {
        let outcome = match closed(request, closed_before) {
            Some(index) => Err(StoreError::Closed { index }),
            None => Ok(settle_one(request, &mut settled.tallies, &mut is_new)?),
        };
        settled.outcomes.push(outcome);
    }
    Ok(settled)
}

/// Returns the position of the first report whose epoch is closed.
pub(super) fn closed(request: &[Admitted], closed_before: Epoch) -> Option<usize> {
    request.iter().position(|admitted| admitted.report().epoch < closed_before)
}

fn settle_one<E>(
    request: &[Admitted],
    tallies: &mut Tallies,
    is_new: &mut impl FnMut(&Admitted) -> Result<bool, E>,
) -> Result<Added, E> {
    let mut added = Added::default();
    for admitted in request {
        if !is_new(admitted)? {
            added.known += 1;
            continue;
        }
        added.accepted += 1;
        let report = admitted.report();
        let tally = tallies.entry((report.epoch, report.question)).or_default();
        tally.reports += 1;
        admitted.counted().iter().for_each(|counter| tally.vote(*counter, 1));
    }
    Ok(added)
}
